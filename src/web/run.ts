// Runs a line that a page asks for, and tells how it goes, a JSON object a line.
import { asObject } from '../core/check.js'
import { UsageError } from '../core/errors.js'
import { quoteWords } from '../core/words.js'
import { wireFailure } from './failure.js'
import type { ReadLine } from './line.js'
import type { RunFrame, RunRequest } from './protocol.js'

/** Who asks for a line, and hears what it says. */
export interface Asker {
  /** Throws for a line that was read, and that is not for this asker. */
  readonly check: (line: ReadLine) => void
  readonly onOutput: (text: string) => void
  readonly onNote: (text: string) => void
  readonly onProgress: (text: string | undefined) => void
  /** Hears why it fails, and what was wrong on the way. */
  readonly onError: (error: unknown) => void
  /** Aborting is Ctrl-C. */
  readonly signal: AbortSignal
}

/** Reads, checks and runs the words after `nbsvm`; resolves to the exit status, whatever happens. */
export type RunLine = (words: readonly string[], asker: Asker) => Promise<number>

const mostWords = 200

/** The words of a request. Throws a UsageError for what is none. */
export function wordsIn(body: string): RunRequest['words'] {
  let words: unknown
  try {
    words = asObject(JSON.parse(body))?.['words']
  } catch {
    words = undefined
  }
  if (Array.isArray(words) && words.length > 0 && words.length <= mostWords && words.every(isWord)) return words
  throw new UsageError('the request is not {"words": ["VM", "ACTION"]}')
}

function isWord(one: unknown): one is string {
  return typeof one === 'string' && !one.includes('\0')
}

/** Runs a line and gives each frame to `send`, the last of them `end`. Never rejects. */
export async function runFor(
  words: readonly string[],
  runLine: RunLine,
  { check, signal, send }: Pick<Asker, 'check' | 'signal'> & { readonly send: (frame: RunFrame) => void },
): Promise<void> {
  send({ kind: 'line', line: `nbsvm ${quoteWords(words)}` })
  let last: unknown
  const status = await runLine(words, {
    check,
    signal,
    onOutput: (text) => send({ kind: 'out', text }),
    onNote: (text) => send({ kind: 'note', text }),
    onProgress: (text) => send({ kind: 'progress', text: text ?? null }),
    onError: (error) => {
      // Of those that were told before the last, nothing failed.
      if (last !== undefined) send({ kind: 'note', text: wireFailure(last).message })
      last = error
    },
  })
  if (status === 0 && last !== undefined) send({ kind: 'note', text: wireFailure(last).message })
  const failed = last ?? new UsageError(`it ended with status ${status}`)
  send({ kind: 'end', status, error: status === 0 ? null : wireFailure(failed) })
}
