// Trees of files, read and made. Names are bytes to Linux: in a `Name` each character is one byte (latin1), so that none is lost.
import fs from 'node:fs'
import { Failure } from '../core/errors.js'
import type { Stats } from './file.js'

/** A path, a byte each character. */
export type Name = string

export function nameOf(file: string): Name {
  return Buffer.from(file).toString('latin1')
}

export function textOf(name: Name): string {
  return Buffer.from(name, 'latin1').toString()
}

function bytesOf(name: Name): Buffer {
  return Buffer.from(name, 'latin1')
}

/** Something in a tree. */
export interface Found {
  /** Where it is. */
  readonly at: Name
  /** Its path in the tree, which begins with the name of the tree. */
  readonly name: Name
  readonly stats: Stats
  /** Where a symbolic link leads. */
  readonly target: Name
  /** It is the tree itself, where a link is followed. */
  readonly isTop: boolean
}

/** Everything in a tree, folders before what is in them; links are not followed, but for the tree itself. */
export function* walkTree(at: Name, name: Name, isTop = true): Generator<Found> {
  const stats = isTop ? fs.statSync(bytesOf(at)) : fs.lstatSync(bytesOf(at))
  const target = stats.isSymbolicLink() ? fs.readlinkSync(bytesOf(at), 'latin1') : ''
  yield { at, name, stats, target, isTop }
  if (!stats.isDirectory()) return
  const names = fs.readdirSync(bytesOf(at), 'latin1').toSorted()
  for (const child of names) yield* walkTree(`${at}/${child}`, `${name}/${child}`, false)
}

/** Larger pieces are no faster. */
const pieceBytes = 256 * 1024

/** The bytes of a file as it is found now: `begin` gets its size, and so many bytes follow. Throws a Failure when it shrinks meanwhile. */
export function* readFileOf({ at, isTop }: Found, begin: (sizeBytes: number) => Buffer): Generator<Buffer> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants
  const fd = fs.openSync(bytesOf(at), O_RDONLY | O_NONBLOCK | (isTop ? 0 : O_NOFOLLOW))
  try {
    const now = fs.fstatSync(fd)
    if (!now.isFile()) throw new Failure(`${textOf(at)} was exchanged while it was copied`, { code: 'BUSY' })
    yield begin(now.size)
    for (let left = now.size; left > 0;) {
      const piece = Buffer.allocUnsafe(Math.min(left, pieceBytes))
      const got = fs.readSync(fd, piece, 0, piece.length, null)
      if (got === 0) throw new Failure(`${textOf(at)} became shorter while it was copied`, { code: 'BUSY' })
      left -= got
      yield piece.subarray(0, got)
    }
  } finally {
    fs.closeSync(fd)
  }
}
