import { addressOf, type Forward } from '../../model/forward.js'
import type { Nic, NicBackend } from '../../model/nic.js'
import type { Machine, Option } from '../../model/machine.js'
import { json, pairs } from './words.js'

/** The network cards. The setting `network` replaces them all. */
export function nicOptions({ nics }: Pick<Machine, 'nics'>): Option[] {
  return 'words' in nics ? pairs(nics.words) : nics.flatMap(nicPair)
}

/** What QEMU calls the host's side of a card. The first is `net`, as in the script. */
export function netdevId(index: number): string {
  return index === 0 ? 'net' : `net${index}`
}

/** One card: the host's side (`netdev`) and the guest's (`device`). */
function nicPair(nic: Nic, index: number): Option[] {
  const id = netdevId(index)
  const device = { driver: nic.model, id: `nic${index}`, netdev: id, mac: nic.mac, ...mtuOf(nic) }
  return [json('-netdev', { id, ...netdev(nic.backend) }), json('-device', device)]
}

function netdev(backend: NicBackend): object {
  switch (backend.kind) {
    case 'user':
      return {
        type: 'user',
        ...(backend.forwards.length > 0 ? { hostfwd: backend.forwards.map((forward) => ({ str: hostForward(forward) })) } : {}),
      }
    case 'passt':
      return { type: 'stream', server: false, addr: { type: 'unix', path: backend.socket } }
    case 'none':
      return { type: 'hubport', hubid: 0 }
    case 'tap':
      return { type: 'tap', ifname: backend.ifname, script: 'no', downscript: 'no', ...vhostOf(backend) }
  }
}

/** The kernel moves the packets, by a device that was opened for QEMU. */
function vhostOf({ vhostFd }: Extract<NicBackend, { kind: 'tap' }>): object {
  return vhostFd === undefined ? {} : { vhost: true, vhostfd: String(vhostFd) }
}

/** What a virtio card tells the guest of a bridge with large frames; other cards cannot. */
function mtuOf({ model, backend }: Nic): object {
  const isLarge = backend.kind === 'tap' && backend.mtu !== undefined && backend.mtu !== 1500
  return isLarge && model.startsWith('virtio') ? { host_mtu: backend.mtu } : {}
}

/** A forward as QEMU's user network has it: `tcp:127.0.0.1:8080-:80`. Without an address it leads to the first that QEMU gives. */
export function hostForward(forward: Forward, address = ''): string {
  return `${listening(forward)}-${address}:${forward.guestPort}`
}

/** Only where it listens, by which it is found again. Without an address that is all of them. */
export function listening(forward: Forward): string {
  const address = addressOf(forward)
  return `${forward.protocol}:${address === '*' ? '' : address}:${forward.hostPort}`
}
