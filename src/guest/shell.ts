// A shell in the guest that runs a script, whichever way leads there.
import { Failure } from '../core/errors.js'
import { printableMessage } from '../core/text.js'
import type { Turn } from './agent.js'
import { runProgram } from './program.js'
import { runSpooled } from './spool.js'

/** A script of ours, with its arguments, and what goes through it. */
export interface Script {
  readonly text: string
  readonly words: readonly string[]
  /** What it reads, of any size; from its begin each time. */
  readonly input?: () => Iterable<Buffer>
  /** Takes what it says. */
  readonly take?: (piece: Buffer) => void
  /** That may be a lot. */
  readonly saysMuch?: boolean
}

/** Runs a script to its end. Rejects with a Failure that has its own words where it fails. */
export type GuestShell = (script: Script) => Promise<void>

/** The shell that the guest's agent can start, as root. */
export function agentShell(turn: Turn, signal: AbortSignal | undefined): GuestShell {
  return async ({ text, words, input, take, saysMuch = false }) => {
    const command = ['sh', '-c', text, 'sh', ...words]
    let errors = Buffer.alloc(0)
    const takeOutput = (fd: 1 | 2, piece: Buffer): void => {
      if (fd === 1) take?.(piece)
      else errors = Buffer.concat([errors, piece.subarray(0, wordsBytes - errors.length)])
    }
    const isLarge = saysMuch || input !== undefined
    const ended = isLarge
      ? await runSpooled(turn, { words: command, input: input?.() ?? [] }, { signal }, takeOutput)
      : await runProgram(turn, { words: command }, { signal })
    takeOutput(1, ended.stdout)
    takeOutput(2, ended.stderr)
    if (ended.status !== 0) throw scriptFailure(ended.status, errors)
  }
}

/** So much of what a script says of errors is looked at, however much a guest has of it. */
const wordsBytes = 2000

/** The Failure with a script's own words. */
export function scriptFailure(status: number, stderr: Buffer): Failure {
  const words = printableMessage(stderr.toString('utf8', 0, wordsBytes).trim(), 500)
  return new Failure(words === '' ? `the guest's shell ended with ${status}` : words)
}
