// Small files whose owner matters.
import fs from 'node:fs'
import { orMissing, type Stats } from './file.js'

/** A file's text, and whose it is. */
export interface PlainFile {
  readonly text: string
  readonly stats: Stats
}

/** The same, as bytes. */
export interface PlainBytes {
  readonly bytes: Buffer
  readonly stats: Stats
}

/**
 * Reads a small file that others may have laid there: no link is followed and no pipe waited for. Undefined when there is
 * none; throws for what is no regular file, or larger than `maxBytes`.
 */
export function readPlain(file: string, maxBytes: number): PlainFile | undefined {
  const found = readPlainBytes(file, maxBytes)
  return found === undefined ? undefined : { text: found.bytes.toString('utf8'), stats: found.stats }
}

/** The same for a file that is no text. */
export function readPlainBytes(file: string, maxBytes: number): PlainBytes | undefined {
  return orMissing(() => {
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants
    const fd = fs.openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    try {
      const stats = fs.fstatSync(fd)
      if (!stats.isFile()) throw new Error(`${file} is not a regular file`)
      if (stats.size > maxBytes) throw new Error(`${file} is larger than ${maxBytes} bytes`)
      return { bytes: fs.readFileSync(fd), stats }
    } finally {
      fs.closeSync(fd)
    }
  })
}

/** Whether only we, or root, can have written what this tells of. */
export function isOwn({ uid, mode }: Pick<Stats, 'uid' | 'mode'>): boolean {
  return (uid === process.geteuid?.() || uid === 0) && (mode & 0o022) === 0
}
