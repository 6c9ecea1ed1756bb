import fs from 'node:fs'
import { errorCode } from '../core/errors.js'
import { lstat, remove } from './file.js'
import { runOrFail } from './process.js'

/** A FIFO that is open at both ends. */
export interface Fifo {
  /** The end for who reads it. */
  readonly reader: number
  /** Keeps it open at both ends, so that whoever opens it to write does not wait, and who reads it does not see its end. */
  readonly guard: number
}

/** Opens FIFOs, which are made where there are none; for their owner alone. Whatever else has their names is removed. */
export async function openFifos<const Files extends readonly string[]>(
  files: Files,
): Promise<{ readonly [At in keyof Files]: Fifo }> {
  const missing = files.filter((file) => lstat(file)?.isFIFO() !== true)
  for (const file of missing) if (lstat(file) !== undefined) remove(file)
  // Node has no call for it.
  if (missing.length > 0) await runOrFail(`make ${missing.join(', ')}`, ['mkfifo', '-m', '600', ...missing])
  const opened: Fifo[] = []
  try {
    for (const file of files) opened.push(openFifo(file))
    return opened as { readonly [At in keyof Files]: Fifo }
  } catch (error) {
    opened.forEach(closeFifo)
    throw error
  }
}

function openFifo(file: string): Fifo {
  const { O_RDWR, O_RDONLY, O_NOFOLLOW } = fs.constants
  const guard = fs.openSync(file, O_RDWR | O_NOFOLLOW)
  try {
    return { guard, reader: fs.openSync(file, O_RDONLY | O_NOFOLLOW) }
  } catch (error) {
    fs.closeSync(guard)
    throw error
  }
}

/** Lets go of both ends. */
export function closeFifo({ reader, guard }: Fifo): void {
  fs.closeSync(reader)
  fs.closeSync(guard)
}

/** More than a FIFO holds. */
const mostWaiting = 1024 * 1024

/** What waits in a FIFO that somebody keeps open; waits for nothing. */
export function readWaiting(file: string): string {
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = fs.constants
  const fd = fs.openSync(file, O_RDONLY | O_NONBLOCK | O_NOFOLLOW)
  const bytes = Buffer.alloc(mostWaiting)
  try {
    return bytes.toString('utf8', 0, fs.readSync(fd, bytes))
  } catch (error) {
    if (errorCode(error) === 'EAGAIN') return ''
    throw error
  } finally {
    fs.closeSync(fd)
  }
}

/** Writes a few bytes into a FIFO that is open at both ends. */
export function writeFifo(fd: number, text: string): void {
  fs.writeSync(fd, text)
}
