// A line for another machine's nbsvm.
import type { Caller } from '../core/caller.js'
import { Failure } from '../core/errors.js'
import { isTerminal } from '../sys/output.js'
import { run, runApart, runHere } from '../sys/process.js'
import { version } from '../core/version.js'
import { remoteCommand, type Mirrored, type RemoteLine } from './command.js'
import { connect, isConnected, silent, sshWords, type Machine } from './connection.js'

/** How the line goes there. */
export interface Way {
  /** `terminal`: it is for somebody at this terminal, and reads stdin where that is none; `none`: it reads nothing of here. */
  readonly input: 'terminal' | 'none'
  /** What the machine is called in what it says, where there are several. */
  readonly as?: string | undefined
  /** Where the files of this machine are that the line names. */
  readonly mirror?: Mirrored | undefined
}

/** What ssh says of a connection that ends is for whoever makes one. */
export const quiet = ['-o', 'LogLevel=ERROR']

/** What ssh ends with when it has failed itself. */
const sshFailed = 255

/** As a usage error of nbsvm's ends, and what a shell says of a program that it does not find. */
const [usageStatus, missingStatus] = [2, 127]

/**
 * Runs a line there, with this process's stdin, stdout and stderr; resolves to its exit status. Aborting `signal` ends it there. Throws a
 * Failure where the machine cannot be reached, or the connection is lost.
 */
export async function callHost(machine: Machine, words: readonly string[], way: Way, caller: Caller): Promise<number> {
  await connect(machine, caller)
  return judged(machine, await runThere(machine, words, way, caller), caller)
}

/** The exit status of a line there. Throws a Failure where that is of a connection that is lost; tells where another version may be why. */
export async function judged(machine: Machine, status: number, caller: Caller): Promise<number> {
  if (status === sshFailed && (await isConnected(machine)) === false) throw connectionLost(machine)
  if (status === usageStatus || status === missingStatus) await compareVersions(machine, caller)
  return status
}

export function connectionLost({ host }: Machine): Failure {
  return new Failure(`the connection to ${host} is lost: what was begun there has been told to end`, {
    hints: [`see what became of it: nbsvm ls ${host}:`],
  })
}

function runThere(machine: Machine, words: readonly string[], { input, as, mirror }: Way, { signal }: Caller): Promise<number> {
  const isPiped = input === 'terminal' && !isTerminal(0)
  const hasTerminal = input === 'terminal' && !isPiped && isTerminal(1)
  const terminals = hasTerminal ? [] : ([1, 2] as const).filter(isTerminal)
  const isWatched = !hasTerminal && !isPiped
  const command = remoteCommand({ words, host: machine.host, as, terminals, isWatched, mirror })
  // A tilde that is typed is for who is at the other end.
  const ssh = sshWords(machine, [hasTerminal ? '-t' : '-T', '-e', 'none', ...quiet], [command])
  return isWatched ? runApart(ssh, signal) : runHere(ssh, signal)
}

/** Tells of another version, where that may be why a line is not understood. */
async function compareVersions(machine: Machine, { note, signal }: Caller): Promise<void> {
  const { status, stdout } = await askHost(machine, ['version'], { signal }).catch(() => ({ status: 1, stdout: '' }))
  const theirs = stdout.trim().replace(/^nbsvm /, '')
  if (status === 0 && theirs !== version && /^[\w.+-]{1,40}$/.test(theirs))
    note?.(`${machine.host} has nbsvm ${theirs}, and here is ${version}`)
}

export interface Answer {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** How long a connection and then an answer may take, and how long that may be, in characters. */
export interface Bounds {
  readonly timeoutMs: number
  readonly mostSaid: number
}

const usualBounds: Bounds = { timeoutMs: 30_000, mostSaid: 16 * 1024 ** 2 }

/**
 * Runs a line there that reads nothing, and returns what it says. Throws a Failure where the machine cannot be reached, falls silent or
 * says too much.
 */
export async function askHost(
  machine: Machine,
  words: readonly string[],
  caller: Caller,
  { timeoutMs, mostSaid }: Bounds = usualBounds,
): Promise<Answer> {
  await connect(machine, caller, timeoutMs)
  const line: RemoteLine = { words, host: machine.host, terminals: [], isWatched: false }
  const limit = AbortSignal.timeout(timeoutMs)
  const signal = caller.signal === undefined ? limit : AbortSignal.any([caller.signal, limit])
  const command = sshWords(machine, ['-T', '-n', ...quiet], [remoteCommand(line)])
  return run(command, { signal, mostSaid }).catch((error: unknown) => {
    if (limit.aborted && caller.signal?.aborted !== true) throw silent(machine.host, timeoutMs)
    throw error instanceof Failure ? new Failure(`no answer of ${machine.host} can be read`, { cause: error }) : error
  })
}
