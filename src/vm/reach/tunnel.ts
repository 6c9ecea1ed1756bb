// Ports into a guest whose network opens none while it runs: each by an ssh of this machine into the guest, which is a helper of the VM.
import type { Caller } from '../../core/caller.js'
import { Failure } from '../../core/errors.js'
import { boundedScript } from '../../core/bounded.js'
import { helperFolder } from '../../helper/command.js'
import { endHelper, HelperFailure, startHelpers } from '../../helper/helpers.js'
import { addressOf, listenText, type Forward } from '../../model/forward.js'
import type { Helper } from '../../model/helper.js'
import { takenHints } from '../../net/taken.js'
import type { Vm } from '../record/vm.js'
import { sshCommand } from './ssh.js'

/** So long a guest that runs may take to its banner. */
const sshTimeoutMs = 15_000

/** And from there until it has let ssh in. */
const loginTimeoutMs = 30_000

const logBytes = 16 * 1024

/**
 * Opens a port by ssh; returns the forward with the name of what carries it, which ends with the VM. Throws a Failure where the
 * port is taken, or ssh does not get in.
 */
export async function openTunnel(vm: Vm, forward: Forward, { signal }: Caller): Promise<Forward> {
  const command = await sshCommand(vm, [], { signal, timeoutMs: sshTimeoutMs })
  const helper = tunnelHelper(forward, command)
  try {
    await startHelpers(vm.drawer.folder, [helper])
  } catch (error) {
    if (!(error instanceof HelperFailure)) throw error
    throw new Failure(`cannot forward ${listenText(forward)} by ssh: ${error.why}`, {
      code: 'PORT_TAKEN',
      hints: takenHints([forward]),
    })
  }
  return { ...forward, tunnel: helper.name }
}

/** Closes a port that `openTunnel` has opened. */
export async function closeTunnel({ drawer }: Vm, tunnel: string): Promise<void> {
  await endHelper(drawer.folder, tunnel)
}

/** The helper; `command` is an ssh into the guest without anything that is run there. */
export function tunnelHelper(forward: Forward, [program = 'ssh', ...rest]: readonly string[]): Helper {
  const { protocol, hostPort, guestPort } = forward
  const address = addressOf(forward)
  const name = `tunnel-${protocol}${hostPort}${forward.address === undefined ? '' : `-${address.replaceAll(/[^A-Za-z0-9.]/g, '_')}`}`
  const listen = address.includes(':') ? `[${address}]` : address
  const ready = `${helperFolder}/${name}.ready`
  const log = `${name}.log`
  // ssh runs the local command when it listens.
  const whenReady = ['PermitLocalCommand=yes', `LocalCommand=echo ready >${ready}`]
  const limits = [
    'ExitOnForwardFailure=yes',
    'BatchMode=yes',
    'LogLevel=ERROR',
    'ServerAliveInterval=15',
    'ServerAliveCountMax=4',
  ]
  const words = [
    '-N',
    '-T',
    ...[...limits, ...whenReady].flatMap((option) => ['-o', option]),
    '-L',
    // By its number: not each guest knows the name localhost.
    `${listen}:${hostPort}:127.0.0.1:${guestPort}`,
  ]
  return {
    name,
    command: ['sh', `${helperFolder}/${name}`, program, ...words, ...rest],
    script: boundedScript('.', logBytes),
    keepsDescriptors: false,
    reads: [],
    ready,
    readyWithinMs: loginTimeoutMs,
    log,
    writes: [{ file: log, maxBytes: logBytes }],
  }
}
