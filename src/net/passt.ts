// passt: the user network of a process of its own, faster than QEMU's and with the host's addresses. https://passt.top
import type { Helper } from '../model/helper.js'
import { addressOf, type Forward } from '../model/forward.js'
import { findProgram } from '../sys/file.js'

export const passtName = 'passt'

/** The first QEMU that can speak to it: `-netdev stream`. */
const firstQemu = [7, 2]

/** Its log: passt itself begins it again when it is full. */
const logBytes = 256 * 1024

/** Whether passt is installed, and a QEMU of this version can use it. */
export function hasPasst(qemuVersion: string): boolean {
  const [major = 0, minor = 0] = qemuVersion.split('.').map(Number)
  const [firstMajor = 0, firstMinor = 0] = firstQemu
  return (major > firstMajor || (major === firstMajor && minor >= firstMinor)) && findProgram('passt') !== undefined
}

/** passt as a helper: it serves one QEMU and ends with it. `socket` is where, from the drawer. */
export function passtHelper({ socket, forwards }: { readonly socket: string; readonly forwards: readonly Forward[] }): Helper {
  const ports = forwards.flatMap((forward) => [forward.protocol === 'tcp' ? '-t' : '-u', portOf(forward)])
  const log = 'passt.log'
  // It writes its number when its socket is there and its ports are its own.
  const ready = 'helpers/passt.pid'
  const files = ['--socket', socket, '--pid', ready, '--log-file', log, '--log-size', String(logBytes)]
  return {
    name: passtName,
    command: ['passt', '--foreground', '--one-off', '--quiet', ...files, ...ports],
    keepsDescriptors: false,
    reads: [],
    socket,
    ready,
    log,
    writes: [{ file: log, maxBytes: logBytes }],
  }
}

/** Without an address that is all of them, of IPv6 too. */
function portOf(forward: Forward): string {
  const address = addressOf(forward)
  return `${address === '*' ? '' : `${address}/`}${forward.hostPort}:${forward.guestPort}`
}
