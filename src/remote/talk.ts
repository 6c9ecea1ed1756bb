// A line of another machine's nbsvm that is spoken with while it runs, and sockets that lead there.
import type { Caller } from '../core/caller.js'
import { Failure } from '../core/errors.js'
import { run } from '../sys/process.js'
import { talkTo, type Talk } from '../sys/talk.js'
import { remoteCommand } from './command.js'
import { connect, isConnected, sshWords, type Machine } from './connection.js'

/** Runs it there, with its stdin and stdout for us; its words go to `onWords`. */
export async function talkToHost(
  machine: Machine,
  words: readonly string[],
  onWords: (line: string) => void,
  caller: Caller,
): Promise<Talk> {
  await connect(machine, caller)
  const command = remoteCommand({ words, host: machine.host, terminals: [], isWatched: false })
  return talkTo(sshWords(machine, ['-T', '-e', 'none', '-o', 'LogLevel=ERROR'], [command]), onWords)
}

/** A socket of this machine that leads to one of the other. */
export interface Tunnel {
  readonly here: string
  readonly there: string
}

/** A socket's path may have so many bytes. */
const longestPath = 107

/** Opens it, through the connection that is there: nothing listens on the network. Throws a Failure where that cannot be. */
export async function openTunnel(machine: Machine, tunnel: Tunnel): Promise<void> {
  for (const file of [tunnel.here, tunnel.there]) {
    if (Buffer.byteLength(file) > longestPath)
      throw new Failure(`the path of a socket can have ${longestPath} bytes, and this has more: ${file}`, {
        hints: ['keep VMs where the path is shorter: NBSVM_HOME'],
      })
    if (/[:%\s]/.test(file)) throw new Failure(`ssh takes no such path for a socket: ${file}`)
  }
  if ((await isConnected(machine)) !== true)
    throw new Failure(`the connection to ${machine.host} cannot be shared`, { code: 'HOST_UNREACHABLE' })
  const { status, stderr } = await run(sshWords(machine, ['-O', 'forward', '-L', `${tunnel.here}:${tunnel.there}`], []))
  if (status !== 0)
    throw new Failure(`cannot lead a socket to ${machine.host}: ${stderr.trim() || 'ssh says no more'}`, {
      code: 'HOST_UNREACHABLE',
    })
}

/** Closes it; nothing is said where it is closed already. */
export async function closeTunnel(machine: Machine, tunnel: Tunnel): Promise<void> {
  await run(sshWords(machine, ['-O', 'cancel', '-L', `${tunnel.here}:${tunnel.there}`], [])).catch(() => {})
}
