// What a drive of a VM that is off holds, read from its files where QEMU says in which place of which file each part is. Else, for what is
// compressed or in Ceph, a qemu-nbd reads it: its bytes go through two more processes' hands.
import type { Drive, Image } from '../../model/drive.js'
import { close, open } from '../../sys/file.js'
import { readFully } from '../../sys/blocks.js'
import { withImage, type Extent, type Part } from './image.js'
import { pieceBytes, piecesAhead } from './wire.js'

/** Bytes of a drive, in `into` where that is given and they can be had there. Zeros where nothing is. */
export type Read = (offset: number, length: number, into?: Buffer) => Promise<Buffer>

interface Reading {
  /** A private folder. */
  readonly folder: string
  readonly signal?: AbortSignal | undefined
}

/** Lets `work` read a drive of which no other parts than `all` hold something. */
export async function withParts<T>(
  drive: Drive,
  all: readonly Part[],
  { folder, signal }: Reading,
  work: (read: Read) => Promise<T>,
): Promise<T> {
  const parts = all.filter(({ zero }) => !zero)
  const layers = layersOf(drive.image)
  const areFiles = layers.every(({ kind }) => kind === 'file' || kind === 'block')
  if (!areFiles || parts.some(({ offset, depth }) => offset === undefined || layers[depth] === undefined))
    return withImage(drive, { folder, isReadOnly: true, signal }, (image) => work((offset, length) => image.read(offset, length)))
  const opened = new Map<number, number>()
  const under = new Set<Promise<unknown>>()
  const fileOf = (depth: number): number => {
    const fd = opened.get(depth) ?? open(layers[depth]?.path ?? '', 'read')
    opened.set(depth, fd)
    return fd
  }
  try {
    const read = reader(parts, fileOf)
    return await work((...asked) => {
      const bytes = read(...asked)
      under.add(bytes)
      void bytes.catch(() => {}).then(() => under.delete(bytes))
      return bytes
    })
  } finally {
    await Promise.allSettled(under)
    for (const fd of opened.values()) close(fd)
  }
}

function layersOf(image: Image): Image[] {
  return image.backing === undefined ? [image] : [image, ...layersOf(image.backing)]
}

function reader(parts: readonly Part[], fileOf: (depth: number) => number): Read {
  return async (offset, length, into = Buffer.allocUnsafe(length)) => {
    const bytes = into.subarray(0, length)
    const end = offset + length
    let done = offset
    for (let at = firstAfter(parts, offset); done < end; at++) {
      const part = parts[at]
      const from = Math.min(end, Math.max(done, part?.start ?? end))
      bytes.fill(0, done - offset, from - offset)
      const to = Math.min(end, part === undefined ? end : part.start + part.length)
      if (part?.offset !== undefined && to > from)
        await readFully(fileOf(part.depth), bytes.subarray(from - offset, to - offset), part.offset + from - part.start)
      done = Math.max(from, to)
    }
    return bytes
  }
}

/** Which part is the first that does not end before there. */
function firstAfter(parts: readonly Part[], offset: number): number {
  let [low, high] = [0, parts.length]
  while (low < high) {
    const middle = (low + high) >> 1
    const part = parts[middle]
    if (part === undefined || part.start + part.length > offset) high = middle
    else low = middle + 1
  }
  return low
}

export interface Piece {
  readonly offset: number
  readonly bytes: Buffer
}

/** What is there, in pieces of at most `pieceBytes`. A piece that is `reused` counts until the next is asked for. */
export async function* readAhead(read: Read, extents: readonly Extent[], { reused = false } = {}): AsyncGenerator<Piece> {
  const under: Promise<Piece>[] = []
  const buffers = reused ? Array.from({ length: piecesAhead + 1 }, () => Buffer.allocUnsafeSlow(pieceBytes)) : []
  let number = 0
  for (const { offset, length } of pieces(extents)) {
    const piece = read(offset, length, buffers[number++ % (piecesAhead + 1)]).then((bytes) => ({ offset, bytes }))
    piece.catch(() => {})
    under.push(piece)
    const first = under.length > piecesAhead ? under.shift() : undefined
    if (first !== undefined) yield first
  }
  for (const piece of under) yield piece
}

function* pieces(extents: readonly Extent[]): Generator<{ readonly offset: number; readonly length: number }> {
  for (const { start, length } of extents)
    for (let at = 0; at < length; at += pieceBytes) yield { offset: start + at, length: Math.min(pieceBytes, length - at) }
}
