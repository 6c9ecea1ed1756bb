// Reading on in the console's log while the log keeper writes it, and moves it away when it is full.
import { close, open, orMissing, readOpen, statOpen } from '../sys/file.js'
import type { Log } from './log.js'

/** A place in a log: how far into which file. */
export interface LogPlace {
  readonly inode: number
  readonly offset: number
  /** The bytes just before it: a file that has been made since may have got the number of one that is gone. */
  readonly before: Buffer
}

/** A piece of a log, and the file and place where it begins. */
export interface LogPiece {
  readonly bytes: Buffer
  readonly inode: number
  readonly offset: number
}

/** Reads a log from a place on. */
export interface LogTail {
  /** The next bytes, a few KB at most; nothing where there are no more by now. What was lost to the limit of the log is skipped. */
  read(): LogPiece | undefined
  /** How many bytes there are by now that were not read. */
  ahead(): number
}

const pieceBytes = 16 * 1024
const beforeBytes = 32

interface OpenFile {
  readonly fd: number
  readonly inode: number
  readonly size: number
}

/** A reader that begins at a place; at the begin of what is kept without one, or where it is not there any more. */
export function openTail(log: Log, from: LogPlace | undefined): LogTail {
  let at = from
  /** The files that are not read to their end, and how far each was. */
  const unread = (files: readonly OpenFile[]): { readonly file: OpenFile; readonly offset: number }[] => {
    const index = files.findIndex((file) => at !== undefined && isAt(file, at))
    return files
      .slice(Math.max(0, index))
      .map((file) => ({ file, offset: at !== undefined && file === files[index] ? at.offset : 0 }))
      .filter(({ file, offset }) => file.size > offset)
  }
  return {
    read: () =>
      withFiles(log, (files) => {
        const [first] = unread(files)
        if (first === undefined) return undefined
        const { file, offset } = first
        const bytes = readOpen(file.fd, pieceBytes, offset)
        at = placeOf(file, offset + bytes.length)
        return { bytes, inode: file.inode, offset }
      }),
    ahead: () => withFiles(log, (files) => unread(files).reduce((sum, { file, offset }) => sum + file.size - offset, 0)),
  }
}

/** The last `maxBytes` before a place, as far as they are kept; nothing where the place is not. */
export function readBefore(log: Log, place: LogPlace, maxBytes: number): Buffer {
  return withFiles(log, (files) => {
    const index = files.findIndex((file) => isAt(file, place))
    const pieces = files.slice(0, index + 1).map((file, at) => tailOf(file, at === index ? place.offset : file.size, maxBytes))
    return Buffer.concat(pieces).subarray(-maxBytes)
  })
}

function tailOf({ fd }: OpenFile, end: number, maxBytes: number): Buffer {
  const length = Math.min(end, maxBytes)
  return readOpen(fd, length, end - length)
}

function isAt({ fd, inode, size }: OpenFile, { inode: wanted, offset, before }: LogPlace): boolean {
  return inode === wanted && offset <= size && readOpen(fd, before.length, offset - before.length).equals(before)
}

/** The place that is `offset` bytes into a file; undefined where the file is gone by now. */
export function placeIn(log: Log, inode: number, offset: number): LogPlace | undefined {
  return withFiles(log, (files) => {
    const file = files.find((one) => one.inode === inode)
    return file === undefined ? undefined : placeOf(file, offset)
  })
}

/** The place where the log ends by now; undefined where there is none. */
export function endOf(log: Log): LogPlace | undefined {
  return withFiles(log, (files) => {
    const file = files.at(-1)
    return file === undefined ? undefined : placeOf(file, file.size)
  })
}

function placeOf(file: OpenFile, offset: number): LogPlace {
  return { inode: file.inode, offset, before: tailOf(file, offset, beforeBytes) }
}

/** Opens what there is of a log, the older file first. */
function withFiles<T>({ file, older }: Log, look: (files: readonly OpenFile[]) => T): T {
  // In this order: the newer file may take the older one's place between the two, and is then seen there.
  const opened = [file, older].flatMap((name) => orMissing(() => open(name, 'read')) ?? [])
  try {
    const files = opened.map((fd) => {
      const { ino: inode, size } = statOpen(fd)
      return { fd, inode, size }
    })
    return look(files.filter(({ inode }, at) => files.findIndex((one) => one.inode === inode) === at).toReversed())
  } finally {
    for (const fd of opened) close(fd)
  }
}
