// Chunks: files that are named by the SHA-256 of what is in them, never changed, and shared by all backups that need them.
import { errorCode, Failure } from '../../core/errors.js'
import { isZero } from '../../core/zeros.js'
import { lstat, rename } from '../../sys/file.js'
import { writeStream } from '../../sys/blocks.js'
import { newHash } from '../../sys/hash.js'
import { readPlainBytes } from '../../sys/plain.js'
import type { Chunk, DriveIndex } from './driveindex.js'
import { blockBytes, chunkBlocks, type Run } from './spans.js'

/** What a chunk is called as long as it is not whole. */
const unfinishedChunk = (token: string, number: number): string => `.tmp-${token}-${number}`

export interface Writing {
  /** The folder of chunks. */
  readonly folder: string
  /** Of this one backup. */
  readonly token: string
  /** Chunks that are there and not what they must be: they are written again. */
  readonly bad: ReadonlySet<string>
}

export function sha256Hex(bytes: Buffer): string {
  const hash = newHash('sha256')
  hash.update(bytes)
  return hash.hex()
}

let unfinished = 0

/** Writes blocks of one drive into chunks, in the order in which they come. Blocks of zeros are nowhere. */
export class ChunkWriter {
  readonly #writing: Writing
  readonly #chunks: Chunk[] = []
  readonly #runs: { start: number; count: number; chunk: number; at: number }[] = []
  #buffer = Buffer.allocUnsafe(chunkBlocks * blockBytes)
  #blocks = 0
  #written = 0
  #pending: Promise<void> = Promise.resolve()

  constructor(writing: Writing) {
    this.#writing = writing
  }

  /** Takes bytes from the block `start` on; where they end within a block the rest of it is zeros. */
  async add(start: number, bytes: Buffer): Promise<void> {
    for (let at = 0, block = start; at < bytes.length; at += blockBytes, block++) {
      const piece = bytes.subarray(at, at + blockBytes)
      if (isZero(piece)) continue
      this.#place(block, piece)
      if (this.#blocks === chunkBlocks) await this.#seal()
    }
  }

  #place(block: number, piece: Buffer): void {
    const offset = this.#blocks * blockBytes
    this.#buffer.set(piece, offset)
    if (piece.length < blockBytes) this.#buffer.fill(0, offset + piece.length, offset + blockBytes)
    const last = this.#runs.at(-1)
    const chunk = this.#chunks.length
    if (last?.chunk === chunk && last.start + last.count === block) last.count++
    else this.#runs.push({ start: block, count: 1, chunk, at: this.#blocks })
    this.#blocks++
  }

  /** Has the chunk written while the next one fills. */
  async #seal(): Promise<void> {
    const bytes = this.#buffer.subarray(0, this.#blocks * blockBytes)
    const chunk = { hex: sha256Hex(bytes), blocks: this.#blocks }
    this.#chunks.push(chunk)
    this.#buffer = Buffer.allocUnsafe(chunkBlocks * blockBytes)
    this.#blocks = 0
    await this.#pending
    this.#pending = this.#write(chunk, bytes)
    // Who waits for it sees how it ended.
    this.#pending.catch(() => {})
  }

  async #write({ hex }: Chunk, bytes: Buffer): Promise<void> {
    const { folder, token, bad } = this.#writing
    const file = `${folder}/${hex}`
    const found = lstat(file)
    if (found?.isFile() === true && found.size === bytes.length && !bad.has(hex)) return
    const temporary = `${folder}/${unfinishedChunk(token, unfinished++)}`
    await writeStream(once(bytes), temporary, bytes.length)
    rename(temporary, file)
    this.#written += bytes.length
  }

  /** Resolves when all is on the disk, but for the names of the chunks: the folder is to be synced. */
  async end(): Promise<Omit<DriveIndex, 'sizeBytes'> & { readonly writtenBytes: number }> {
    if (this.#blocks > 0) await this.#seal()
    await this.#pending
    return { chunks: this.#chunks, runs: this.#runs, writtenBytes: this.#written }
  }

  /** Resolves when nothing is written any more. */
  async abandon(): Promise<void> {
    await this.#pending.catch(() => {})
  }
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes
}

/** The bytes of a chunk, which are what they were. Throws a Failure where they are not. */
export function readChunk(folder: string, { hex, blocks }: Chunk): Buffer {
  const wrong = (why: string, cause?: unknown): Failure =>
    new Failure(`the chunk ${folder}/${hex} ${why}`, { code: 'BACKUP_DAMAGED', ...(cause === undefined ? {} : { cause }) })
  let bytes: Buffer | undefined
  try {
    bytes = readPlainBytes(`${folder}/${hex}`, blocks * blockBytes)?.bytes
  } catch (error) {
    throw wrong(errorCode(error) === 'ELOOP' ? 'is a link' : 'cannot be read', error)
  }
  if (bytes === undefined) throw wrong('is missing')
  if (bytes.length !== blocks * blockBytes || sha256Hex(bytes) !== hex) throw wrong('is not what it was')
  return bytes
}

/** A part of a drive, with its bytes. */
export interface Part {
  readonly run: Run
  readonly bytes: Buffer
}

/** All that an index has of its drive, each chunk read once: not in the order of the drive. */
export function* partsOf(folder: string, { chunks, runs }: DriveIndex): Generator<Part> {
  const byChunk = new Map<number, Run[]>()
  for (const run of runs) {
    const others = byChunk.get(run.chunk)
    if (others === undefined) byChunk.set(run.chunk, [run])
    else others.push(run)
  }
  for (const [number, chunk] of chunks.entries()) {
    const bytes = readChunk(folder, chunk)
    for (const run of byChunk.get(number) ?? [])
      yield { run, bytes: bytes.subarray(run.at * blockBytes, (run.at + run.count) * blockBytes) }
  }
}
