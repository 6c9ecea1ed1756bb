// A line for another machine's nbsvm.
import type { Caller } from '../core/caller.js'
import { Failure } from '../core/errors.js'
import { isTerminal } from '../sys/output.js'
import { runApart, runHere, type Takers } from '../sys/process.js'
import { version } from '../core/version.js'
import { askHost } from './ask.js'
import { missingWords, remoteCommand, type Mirrored } from './command.js'
import { connect, isConnected, joined, quiet, sshFailed, sshWords, type Machine } from './connection.js'

/** How the line goes there. */
export interface Way {
  /** `terminal`: it is for somebody at this terminal, and reads stdin where that is none; `none`: it reads nothing of here. */
  readonly input: 'terminal' | 'none'
  /** What the machine is called in what it says, where there are several. */
  readonly as?: string | undefined
  /** Where the files of this machine are that the line names. */
  readonly mirror?: Mirrored | undefined
  /** Stands between that machine and a terminal here. */
  readonly guard: () => Promise<Guard>
}

/** What keeps a terminal from what somebody else's machine sends. */
export interface Guard {
  /** Takes what came, and shows of it what may be shown. */
  readonly show: (fd: 1 | 2, bytes: Buffer) => void
  /** Puts right what was shown last, when no more comes. */
  readonly end: () => void
  /** Gives back a terminal that a program there had for itself when it was cut off. */
  readonly giveBack: () => void
}

/** As a usage error of nbsvm's ends, and what a shell says of a program that it does not find. */
const [usageStatus, missingStatus] = [2, 127]

/**
 * Runs a line there, with this process's stdin, stdout and stderr; resolves to its exit status. Aborting `signal` ends it there. Throws a
 * Failure where the machine cannot be reached, or the connection is lost.
 */
export async function callHost(machine: Machine, words: readonly string[], way: Way, caller: Caller): Promise<number> {
  await connect(machine, caller)
  const isPiped = way.input === 'terminal' && !isTerminal(0)
  const hasTerminal = way.input === 'terminal' && !isPiped && isTerminal(1)
  const terminals = hasTerminal ? [] : ([1, 2] as const).filter(isTerminal)
  const isWatched = !hasTerminal && !isPiped
  const command = remoteCommand({ words, host: machine.host, as: way.as, terminals, isWatched, mirror: way.mirror })
  // A tilde that is typed is for who is at the other end.
  const options = [hasTerminal ? '-t' : '-T', '-e', 'none', ...quiet, ...(way.mirror === undefined ? [] : joined(machine))]
  const ssh = sshWords(machine, options, [command])
  const run = isWatched ? runApart : runHere
  const guard = hasTerminal || terminals.length > 0 ? await way.guard() : undefined
  const status = await (guard === undefined || hasTerminal
    ? run(ssh, caller.signal)
    : runGuarded((given, takers) => run(given, caller.signal, takers), ssh, terminals, guard))
  try {
    return await judged(machine, status, caller)
  } catch (error) {
    if (hasTerminal) guard?.giveBack()
    throw error
  }
}

/** Runs it with the guard before what is a terminal here. */
async function runGuarded(
  run: (command: readonly string[], takers: Takers) => Promise<number>,
  command: readonly string[],
  terminals: readonly (1 | 2)[],
  guard: Guard,
): Promise<number> {
  const [first, second] = terminals
  // By two pipes it could be seen in another order than it was said.
  const given = second === undefined ? command : ['sh', '-c', 'exec "$@" 2>&1', 'sh', ...command]
  try {
    return await run(given, first === undefined ? {} : { [first]: (bytes: Buffer) => guard.show(first, bytes) })
  } finally {
    guard.end()
  }
}

/** The exit status of a line there. Throws a Failure where that is of a connection that is lost; tells where another version may be why. */
export async function judged(machine: Machine, status: number, caller: Caller): Promise<number> {
  if (status === sshFailed && (await isConnected(machine)) === false) throw connectionLost(machine)
  if (status === usageStatus || status === missingStatus) await compareVersions(machine, caller)
  return status
}

export function connectionLost({ host }: Machine): Failure {
  return new Failure(`the connection to ${host} is lost: what was begun there has been told to end`, {
    code: 'HOST_UNREACHABLE',
    hints: [`see what became of it: nbsvm ls ${host}:`],
  })
}

/** Tells of another version, or of an nbsvm that does not run, where that may be why a line is not understood. */
async function compareVersions(machine: Machine, { note, signal }: Caller): Promise<void> {
  const { status, stdout, stderr } = await askHost(machine, ['version'], { signal }).catch(() => nothing)
  const theirs = stdout.trim().replace(/^nbsvm /, '')
  if (status === 0 && theirs !== version && /^[\w.+-]{1,40}$/.test(theirs))
    note?.(`${machine.host} has nbsvm ${theirs}, and here is ${version}`)
  // As where node is in the PATH of a terminal's shell alone.
  if (status === missingStatus && !stderr.includes(missingWords))
    note?.(`nbsvm on ${machine.host} does not run: ${stderr.trim()}`)
}

const nothing = { status: 1, stdout: '', stderr: '' }
