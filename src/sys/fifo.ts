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

/** Opens a FIFO, which is made where there is none; for its owner alone. Whatever else has the name is removed. */
export async function openFifo(file: string): Promise<Fifo> {
  const found = lstat(file)
  if (found?.isFIFO() !== true) {
    if (found !== undefined) remove(file)
    // Node has no call for it.
    await runOrFail(`make ${file}`, ['mkfifo', '-m', '600', file])
  }
  const { O_RDWR, O_RDONLY, O_NOFOLLOW } = fs.constants
  const guard = fs.openSync(file, O_RDWR | O_NOFOLLOW)
  try {
    return { guard, reader: fs.openSync(file, O_RDONLY | O_NOFOLLOW) }
  } catch (error) {
    fs.closeSync(guard)
    throw error
  }
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
