// Standard input, where it is no terminal.
import fs from 'node:fs'
import { Failure } from '../core/errors.js'
import { isTerminal } from './output.js'

export interface InputOptions {
  readonly mostBytes: number
  readonly signal: AbortSignal
  /** Called once when its end has not come within a second. */
  readonly onWaiting: () => void
}

/**
 * All of stdin, to its end; undefined for a terminal, where there is none, and for nothing (`</dev/null`). Rejects with a Failure
 * for more than `mostBytes`, and with the signal's reason.
 */
export async function readInput(options: InputOptions): Promise<Buffer | undefined> {
  if (isClosed() || isTerminal(0)) return undefined
  const waiting = setTimeout(options.onWaiting, 1000)
  try {
    const bytes = await readStream(process.stdin, options)
    return bytes.length === 0 ? undefined : bytes
  } finally {
    clearTimeout(waiting)
  }
}

function isClosed(): boolean {
  try {
    fs.fstatSync(0)
    return false
  } catch {
    return true
  }
}

function readStream(stream: NodeJS.ReadStream, { mostBytes, signal }: InputOptions): Promise<Buffer> {
  const pieces: Buffer[] = []
  let length = 0
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', stop, { once: true })
    stream.on('data', (piece: Buffer) => {
      pieces.push(piece)
      length += piece.length
      if (length > mostBytes) reject(new Failure(`stdin is larger than ${mostBytes / 1024 ** 2}M`))
    })
    stream.on('error', reject)
    stream.on('end', () => {
      signal.removeEventListener('abort', stop)
      resolve(Buffer.concat(pieces))
    })
    if (signal.aborted) stop()
  })
}

/** stdin, as it comes. */
export function inputBytes(): AsyncIterable<Buffer> {
  return process.stdin
}
