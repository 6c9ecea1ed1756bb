// Programs that are run in a VM's guest, by its agent: no network is needed.
import type { Caller } from '../../core/caller.js'
import { Failure, UsageError } from '../../core/errors.js'
import { quote } from '../../core/quote.js'
import { quoteWords } from '../../core/words.js'
import { isUnix, mostInputBytes, quickInputBytes, runProgram, type Ended } from '../../guest/program.js'
import { runSpooled, type TakeOutput } from '../../guest/spool.js'
import type { Vm } from '../record/vm.js'
import { agentTurns } from '../life/agent.js'

export interface ExecOptions {
  /** Its standard input; nothing without it. */
  readonly input?: Buffer | undefined
  /** It is ended in the guest after that. */
  readonly timeoutMs?: number | undefined
  /** What it says is kept in a file of the guest first, so that it may be more than 16 MiB. */
  readonly spool?: boolean | undefined
  /** Takes what it has said, when it has ended. */
  readonly take: TakeOutput
}

/** How it ended; what it has said was taken. */
export type Executed = Pick<Ended, 'status' | 'isTimedOut'>

/**
 * Runs a program in a VM's guest, to its end. Rejects with a UsageError for words that a guest cannot be given, with a Failure
 * where its agent does not run it. Aborting ends the program too.
 */
export async function execIn(vm: Vm, words: readonly string[], options: ExecOptions, caller: Caller = {}): Promise<Executed> {
  const { input, timeoutMs, take } = options
  checkWords(words)
  const turn = agentTurns(vm, 'run a program', caller)
  const inputBytes = input?.length ?? 0
  const spool = options.spool ?? (inputBytes > mostInputBytes || (inputBytes > quickInputBytes && (await turn(isUnix))))
  const limits = { timeoutMs, signal: caller.signal }
  if (spool) return runSpooled(turn, { words, input: input === undefined ? [] : [input] }, limits, take)
  const ended = await runProgram(turn, { words, input }, limits)
  take(1, ended.stdout)
  take(2, ended.stderr)
  if (ended.isCut) throw cut(vm, words, ended)
  return ended
}

/** As programs get it: `stdout` and `stderr` are all that it has said. */
export type ExecResult = Pick<Ended, 'status' | 'stdout' | 'stderr' | 'isTimedOut'>

/** The same, with what it says in the result. */
export async function execCollecting(
  vm: Vm,
  words: readonly string[],
  options: Omit<ExecOptions, 'take'>,
  caller: Caller = {},
): Promise<ExecResult> {
  const said: Record<1 | 2, Buffer[]> = { 1: [], 2: [] }
  const take: TakeOutput = (fd, piece) => void said[fd].push(piece)
  const { status, isTimedOut } = await execIn(vm, words, { ...options, take }, caller)
  return { status, isTimedOut, stdout: Buffer.concat(said[1]), stderr: Buffer.concat(said[2]) }
}

function cut({ id, call }: Vm, words: readonly string[], { status }: Ended): Failure {
  const message = `only the first 16M of what the program said in ${id} are here: the guest agent keeps no more; it ended with ${status}`
  return new Failure(message, { code: 'OUTPUT_CUT', hints: [`all of it: ${call} exec --spool ${quoteWords(words)}`] })
}

/** JSON carries any text but half characters, and a program's arguments end at a NUL. */
function checkWords(words: readonly string[]): void {
  if (words.length === 0 || words[0] === '') throw new UsageError('there is no program to run')
  const wrong = words.find((word) => word.includes('\0') || /\p{Surrogate}/u.test(word))
  if (wrong === undefined) return
  const why = wrong.includes('\0') ? 'a NUL in it' : 'half a character in it (a lone surrogate)'
  throw new UsageError(`${quote(wrong)} cannot be an argument of a program: it has ${why}`)
}
