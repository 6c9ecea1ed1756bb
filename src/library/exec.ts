// A program in a guest, as a promise of how it ended and as a stream of what it says.
import { makeBell } from '../core/bell.js'
import type { CallOptions } from './options.js'
import type { Along } from './channel.js'
import type { Link } from './link.js'

/** How a program is run in a guest. */
export interface ExecOptions extends CallOptions {
  /** Its standard input; nothing without it. */
  readonly input?: string | Uint8Array | AsyncIterable<Uint8Array> | undefined
  /** It is ended in the guest after that: its status is 124 then, and `isTimedOut` true. */
  readonly timeoutMs?: number | undefined
  /** What it says is kept in a file of the guest first, so that it may be more than 16 MiB. */
  readonly spool?: boolean | undefined
}

/** How a program in a guest ended, and all that it said. */
export interface ExecResult {
  /** Its exit status; 128 + N where signal N ended it; 126 or 127 where it cannot be run. One that is not 0 is no error. */
  readonly status: number
  readonly isTimedOut: boolean
  /** As UTF-8. */
  readonly stdout: string
  readonly stderr: string
  /** The same, as it came. */
  readonly bytes: { readonly stdout: Buffer; readonly stderr: Buffer }
}

/** Something that a program in a guest has said. */
export interface ExecPiece {
  readonly from: 'stdout' | 'stderr'
  /** As UTF-8; a character that is cut in two is in the next piece. */
  readonly text: string
  readonly bytes: Buffer
}

/**
 * A program that runs in a guest: awaited, it is how it ended; iterated over, what it says. An agent gives that when the program has
 * ended. Aborting the call ends it in the guest.
 *
 * @example
 * {@includeCode ../../examples/exec.mjs}
 */
export interface ExecJob extends Promise<ExecResult>, AsyncIterable<ExecPiece> {}

/** Larger pieces of input would take the caller's thread too long to hand over. */
const pieceBytes = 64 * 1024

/** Begins to run a program. */
export function execJob(link: Link, along: Along, words: readonly string[], options: ExecOptions): ExecJob {
  const { input, timeoutMs, spool } = options
  const pieces: ExecPiece[] = []
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() }
  const bell = makeBell()
  const state = { isOver: false }
  const piece = (fd: 1 | 2, bytes: Buffer): void => {
    const from = fd === 1 ? 'stdout' : 'stderr'
    if (bytes.length > 0) pieces.push({ from, bytes, text: decoders[from].decode(bytes, { stream: true }) })
    bell.ring()
  }
  const run = async (): Promise<ExecResult> => {
    try {
      const whole = { ...along, hooks: { ...along.hooks, piece }, input: inputOf(input) }
      const ended = await link.call('reach.exec', whole, words, { timeoutMs, spool })
      const bytes = { stdout: joined(pieces, 'stdout'), stderr: joined(pieces, 'stderr') }
      return { ...ended, stdout: bytes.stdout.toString('utf8'), stderr: bytes.stderr.toString('utf8'), bytes }
    } finally {
      state.isOver = true
      bell.ring()
    }
  }
  const result = run()
  const iterate = async function* (): AsyncGenerator<ExecPiece, void> {
    // Whoever iterates is told at the end of that, and need not await it besides.
    result.catch(() => {})
    for (let at = 0; ; at++) {
      while (at >= pieces.length && !state.isOver) await bell.next()
      const next = pieces[at]
      if (next === undefined) break
      yield next
    }
    await result
  }
  return Object.assign(result, { [Symbol.asyncIterator]: iterate })
}

function joined(pieces: readonly ExecPiece[], which: ExecPiece['from']): Buffer {
  return Buffer.concat(pieces.filter(({ from }) => from === which).map(({ bytes }) => bytes))
}

function inputOf(input: ExecOptions['input']): AsyncIterable<Uint8Array> | undefined {
  if (input === undefined) return undefined
  return typeof input === 'string' || input instanceof Uint8Array ? inPieces(Buffer.from(input)) : input
}

async function* inPieces(bytes: Buffer): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes)
}
