// What a backup has of one drive: which chunk has which of its blocks. What is in none is zeros. Pure.
//
// As a file: a head of 32 bytes (magic, the drive's size in bytes, how many chunks, how many runs), the chunks of 36 bytes each
// (SHA-256, how many blocks it has), the runs of 16 (first block, count, chunk, its first block in that), all numbers big-endian.
import { Failure } from '../../core/errors.js'
import { blockBytes, blocksIn, chunkBlocks, cutAt, joined, without, type Run, type Span } from './spans.js'

export interface Chunk {
  /** SHA-256 of its bytes, which is its name. */
  readonly hex: string
  readonly blocks: number
}

export interface DriveIndex {
  readonly sizeBytes: number
  readonly chunks: readonly Chunk[]
  /** In their order, none over another. */
  readonly runs: readonly Run[]
}

const magic = 'nbsvmix1'
const headBytes = 32
const chunkEntry = 36
const runEntry = 16
/** Numbers of blocks have 32 bits. */
const mostBlocks = 2 ** 32 - 1

/** Of a drive of 16 TiB that is written all over, 4 KiB at a time, an index would be larger. */
export const largestIndex = 1024 ** 3

export function emptyIndex(sizeBytes: number): DriveIndex {
  if (blocksIn(sizeBytes) > mostBlocks)
    throw new Failure(`a drive of more than ${mostBlocks * blockBytes} bytes cannot be backed up`)
  return { sizeBytes, chunks: [], runs: [] }
}

/** The index of what a drive holds now, of that before, the blocks that have changed, and where those are that are not zeros. */
export function changedIndex(
  before: DriveIndex,
  sizeBytes: number,
  changed: readonly Span[],
  fresh: Omit<DriveIndex, 'sizeBytes'>,
): DriveIndex {
  const kept = cutAt(without(before.runs, changed), blocksIn(sizeBytes))
  const moved = fresh.runs.map((run) => ({ ...run, chunk: run.chunk + before.chunks.length }))
  return compact({ sizeBytes, chunks: [...before.chunks, ...fresh.chunks], runs: joined(kept, moved) })
}

/** Without chunks that it needs no more. */
function compact({ sizeBytes, chunks, runs }: DriveIndex): DriveIndex {
  const needed = [...new Set(runs.map(({ chunk }) => chunk))].toSorted((a, b) => a - b)
  const numbers = new Map(needed.map((chunk, number) => [chunk, number]))
  return {
    sizeBytes,
    chunks: needed.flatMap((number) => chunks[number] ?? []),
    runs: runs.map((run) => ({ ...run, chunk: numbers.get(run.chunk) ?? 0 })),
  }
}

export function indexBytes({ sizeBytes, chunks, runs }: DriveIndex): Buffer {
  const bytes = Buffer.alloc(headBytes + chunks.length * chunkEntry + runs.length * runEntry)
  bytes.write(magic, 'latin1')
  bytes.writeBigUInt64BE(BigInt(sizeBytes), 8)
  bytes.writeUInt32BE(chunks.length, 16)
  bytes.writeUInt32BE(runs.length, 20)
  let at = headBytes
  for (const { hex, blocks } of chunks) {
    bytes.write(hex, at, 'hex')
    bytes.writeUInt32BE(blocks, at + 32)
    at += chunkEntry
  }
  for (const { start, count, chunk, at: first } of runs) {
    for (const [index, value] of [start, count, chunk, first].entries()) bytes.writeUInt32BE(value, at + 4 * index)
    at += runEntry
  }
  return bytes
}

/** Reads one that anybody may have written. Throws a Failure for what is none. */
export function parseIndex(bytes: Buffer): DriveIndex {
  if (bytes.length < headBytes || bytes.toString('latin1', 0, 8) !== magic) throw notOne('it does not begin as one')
  const sizeBytes = Number(bytes.readBigUInt64BE(8))
  const [chunkCount, runCount] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)]
  const runsAt = headBytes + chunkCount * chunkEntry
  if (!Number.isSafeInteger(sizeBytes) || blocksIn(sizeBytes) > mostBlocks) throw notOne('no drive is so large')
  if (bytes.length !== runsAt + runCount * runEntry) throw notOne('its length is wrong')
  const chunks: Chunk[] = []
  for (let at = headBytes; at < runsAt; at += chunkEntry) {
    const blocks = bytes.readUInt32BE(at + 32)
    if (blocks === 0 || blocks > chunkBlocks) throw notOne('no chunk is so large')
    chunks.push({ hex: bytes.toString('hex', at, at + 32), blocks })
  }
  const runs: Run[] = []
  let end = 0
  for (let at = runsAt; at < bytes.length; at += runEntry) {
    const [start, count, chunk] = [bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4), bytes.readUInt32BE(at + 8)]
    const first = bytes.readUInt32BE(at + 12)
    if (start < end || count === 0 || start + count > blocksIn(sizeBytes)) throw notOne('its blocks are not in order')
    if (first + count > (chunks[chunk]?.blocks ?? 0)) throw notOne('no chunk has those blocks')
    end = start + count
    runs.push({ start, count, chunk, at: first })
  }
  return { sizeBytes, chunks, runs }
}

function notOne(why: string): Failure {
  return new Failure(`it is no index of a drive: ${why}`, { code: 'BACKUP_DAMAGED' })
}
