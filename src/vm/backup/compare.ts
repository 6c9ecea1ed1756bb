// What differs between a drive and a backup of it: what was written since is read and compared, or all where nobody noted that.
import { Failure } from '../../core/errors.js'
import { readAhead } from '../move/parts.js'
import { readChunk } from './chunks.js'
import type { DriveIndex } from './driveindex.js'
import type { Source } from './source.js'
import { blockBytes, extentOf, spansOf, type Run, type Span } from './spans.js'

/** So many chunks are held in memory: a part of a drive that was written often is in several. */
const heldChunks = 16

export interface Compared {
  readonly changed: readonly Span[]
  /** Chunks of the backup that are not what they were. What they had counts as changed. */
  readonly bad: ReadonlySet<string>
}

export interface Comparing {
  /** The folder of chunks. */
  readonly folder: string
  readonly index: DriveIndex
  readonly onProgress: (doneBytes: number, totalBytes: number) => void
  readonly signal: AbortSignal
}

/** Where nobody knows what was written, what the backup has is looked at as well: it may be zeros now. */
export async function compare(source: Source, { folder, index, onProgress, signal }: Comparing): Promise<Compared> {
  const bad = new Set<string>()
  const kept = source.why === undefined ? [] : runsAsExtents(index.runs)
  // What is in neither is zeros in both.
  const spans = spansOf([...source.parts, ...kept], source.sizeBytes)
  const extents = spans.map((span) => extentOf(span, source.sizeBytes))
  const total = extents.reduce((sum, { length }) => sum + length, 0)
  const before = reader(folder, index, bad)
  const changed: { start: number; count: number }[] = []
  let done = 0
  for await (const { offset, bytes } of readAhead(source.read, extents, { reused: true })) {
    signal.throwIfAborted()
    for (let at = 0; at < bytes.length; at += blockBytes) {
      const block = (offset + at) / blockBytes
      const piece = bytes.subarray(at, at + blockBytes)
      const then = before(block)
      if (then !== undefined && piece.equals(then.subarray(0, piece.length))) continue
      const last = changed.at(-1)
      if (last !== undefined && last.start + last.count === block) last.count++
      else changed.push({ start: block, count: 1 })
    }
    onProgress((done += bytes.length), total)
  }
  return { changed, bad }
}

const runsAsExtents = (runs: readonly Run[]): { start: number; length: number }[] =>
  runs.map(({ start, count }) => ({ start: start * blockBytes, length: count * blockBytes }))

const zeros = Buffer.alloc(blockBytes)

/** What a block was; asked in order. Undefined where its chunk is bad. */
function reader(folder: string, { chunks, runs }: DriveIndex, bad: Set<string>): (block: number) => Buffer | undefined {
  const held = new Map<number, Buffer | undefined>()
  const chunkOf = (number: number): Buffer | undefined => {
    if (held.has(number)) return held.get(number)
    if (held.size >= heldChunks)
      for (const [oldest] of held) {
        held.delete(oldest)
        break
      }
    const bytes = tryChunk(number)
    held.set(number, bytes)
    return bytes
  }
  const tryChunk = (number: number): Buffer | undefined => {
    const chunk = chunks[number]
    if (chunk === undefined) return undefined
    try {
      return readChunk(folder, chunk)
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      bad.add(chunk.hex)
      return undefined
    }
  }
  let next = 0
  return (block) => {
    while (next < runs.length && endOf(runs[next]) <= block) next++
    const run = runs[next]
    if (run === undefined || run.start > block) return zeros
    const at = (run.at + block - run.start) * blockBytes
    return chunkOf(run.chunk)?.subarray(at, at + blockBytes)
  }
}

const endOf = (run: Run | undefined): number => (run === undefined ? Infinity : run.start + run.count)
