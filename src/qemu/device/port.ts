import type { Machine, Option } from '../../model/machine.js'
import { lastSlots } from './slot.js'
import { qemuFiles } from '../socket.js'
import { json } from './words.js'

/** The control socket of nbsvm itself, for short questions. One client at a time: others wait without a greeting. */
export function qmpOptions(): Option[] {
  return [
    ['-chardev', `socket,id=qmp,path=${qemuFiles.qmp},server=on,wait=off`],
    ['-mon', 'chardev=qmp,mode=control'],
  ]
}

/** QMP once more, for what takes long: whoever waits for a migration, a block job or events keeps no short question waiting. */
export function jobsOptions(): Option[] {
  return [
    ['-chardev', `socket,id=jobs,path=${qemuFiles.jobs},server=on,wait=off`],
    ['-mon', 'chardev=jobs,mode=control'],
  ]
}

/** The monitor for people, on a socket of its own, so that whoever sits there never blocks QMP. */
export function monitorOptions(): Option[] {
  return [
    ['-chardev', `socket,id=monitor,path=${qemuFiles.monitor},server=on,wait=off`],
    ['-mon', 'chardev=monitor,mode=readline'],
  ]
}

/** The journal: QEMU writes its events down itself, so they are kept although nobody listens. */
export function eventOptions({ logs }: Pick<Machine, 'logs'>): Option[] {
  return [
    ['-chardev', `null,id=events,logfile=${logs.events},logappend=on`],
    ['-mon', 'chardev=events,mode=control'],
  ]
}

/** The serial console, with a log of what was said while nobody watched. */
export function consoleOptions({ logs }: Pick<Machine, 'logs'>): Option[] {
  return [
    ['-chardev', `socket,id=console,path=${qemuFiles.console},server=on,wait=off,logfile=${logs.console},logappend=on`],
    ['-serial', 'chardev:console'],
  ]
}

/** The name by which a guest agent finds its port. */
export const agentPort = 'org.qemu.guest_agent.0'

/** What QEMU calls the socket of the guest agent. */
const agentChardev = 'agent'

/**
 * Whether an agent has opened its end of the port, as QEMU answers to `query-chardev`. `adopted`: of a QEMU that was started by
 * hand.
 */
export function hasAgent(
  ports: readonly { readonly label: string; readonly 'frontend-open': boolean }[],
  adopted?: { readonly agent: string | null },
): boolean {
  const label = adopted === undefined ? agentChardev : adopted.agent
  return ports.some((port) => port.label === label && port['frontend-open'])
}

/**
 * A port for the guest agent, on a socket. Slot and number are the last ones, so that the user's own devices are where they
 * would be without it: guests name network cards by their slots.
 */
export function agentOptions({ agent }: Pick<Machine, 'agent'>): Option[] {
  if (!agent) return []
  return [
    ['-chardev', `socket,id=${agentChardev},path=${qemuFiles.agent},server=on,wait=off`],
    json('-device', { driver: 'virtio-serial-pci', id: 'ports', addr: lastSlots.agent }),
    json('-device', { driver: 'virtserialport', bus: 'ports.0', nr: 30, chardev: agentChardev, name: agentPort }),
  ]
}
