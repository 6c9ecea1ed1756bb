// A question to another machine's nbsvm: a line that reads nothing, and whose answer is for this program.
//
// It makes the connection where there is none, so that the first question costs one login and no more.
import { eitherSignal, type Caller } from '../core/caller.js'
import { Failure } from '../core/errors.js'
import { makePrivateFolder } from '../sys/file.js'
import { run, type RunResult } from '../sys/process.js'
import { cutAtMark, longestGreeting, mark, remoteCommand } from './command.js'
import { isConnected, logIn, quiet, silent, sshFailed, sshWords, unreachable, type Machine } from './connection.js'

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
 * Runs a line there that reads nothing, and returns what it says. Throws a Failure where the machine cannot be reached, falls silent,
 * says too much, or is lost.
 */
export async function askHost(
  machine: Machine,
  words: readonly string[],
  caller: Caller,
  bounds: Bounds = usualBounds,
): Promise<Answer> {
  makePrivateFolder(machine.sockets)
  const remote = remoteCommand({ words, host: machine.host, terminals: [], isWatched: false, isMarked: true })
  const said = await logIn((options, typingMs) =>
    listen(machine, sshWords(machine, ['-T', '-n', ...quiet, ...options], [remote]), caller, {
      ...bounds,
      loginMs: Math.max(typingMs, bounds.timeoutMs),
    }),
  )
  return answerOf(machine, said)
}

/** Runs it until it ends; `loginMs` is how long it may be silent before the mark, `timeoutMs` how long it may take then. */
async function listen(
  { host }: Machine,
  command: readonly string[],
  { signal }: Caller,
  { loginMs, timeoutMs, mostSaid }: Bounds & { readonly loginMs: number },
): Promise<RunResult> {
  const limit = new AbortController()
  let limitMs = loginMs
  const begin = () => setTimeout(() => limit.abort(), limitMs)
  let timer = begin()
  let greeting = ''
  const onOutput = (text: string): void => {
    if (greeting.length > longestGreeting || greeting.includes(mark)) return
    greeting += text
    if (!greeting.includes(mark)) return
    clearTimeout(timer)
    limitMs = timeoutMs
    timer = begin()
  }
  try {
    return await run(command, { signal: eitherSignal(limit.signal, signal), mostSaid, onOutput, endedBy: 'SIGTERM' })
  } catch (error) {
    if (limit.signal.aborted && signal?.aborted !== true) throw silent(host, limitMs)
    throw error instanceof Failure
      ? new Failure(`no answer of ${host} can be read`, { code: 'HOST_UNREACHABLE', cause: error })
      : error
  } finally {
    clearTimeout(timer)
  }
}

/** What was said after the mark. Throws a Failure where it was not said, and for a connection that is lost. */
async function answerOf(machine: Machine, { status, stdout, stderr }: RunResult): Promise<Answer> {
  const { before: greeting, after: answer } = cutAtMark(stdout)
  const { before: reasons, after: errors } = cutAtMark(stderr)
  // What keeps somebody out, as nologin(8), may say so on stdout.
  if (answer === undefined) throw unreachable(machine.host, reasons.trim() || greeting)
  if (status === sshFailed && (await isConnected(machine)) === false)
    throw new Failure(`the connection to ${machine.host} is lost`, { code: 'HOST_UNREACHABLE' })
  return { status, stdout: answer, stderr: errors ?? reasons }
}
