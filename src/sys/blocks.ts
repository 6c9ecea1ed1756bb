import fs from 'node:fs'
import { Failure } from '../core/errors.js'
import { isZero } from '../core/zeros.js'
import { withName } from './named.js'

/** A file piece by piece; the piece before is overwritten. Others go on meanwhile. Rejects with the signal's reason. */
export async function* readBlocks(file: string, blockBytes: number, signal?: AbortSignal): AsyncGenerator<Buffer> {
  const handle = await fs.promises.open(file, 'r')
  try {
    const buffer = Buffer.allocUnsafe(blockBytes)
    for (;;) {
      signal?.throwIfAborted()
      const { bytesRead } = await handle.read(buffer, 0, blockBytes)
      if (bytesRead === 0) return
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await handle.close()
  }
}

/** Writes all that comes into a new file, and syncs it. Rejects where more than `mostBytes` come, or it cannot be written. */
export async function writeStream(from: AsyncIterable<Buffer>, file: string, mostBytes: number): Promise<void> {
  const handle = await fs.promises.open(file, 'wx', 0o600)
  try {
    let bytes = 0
    for await (const piece of from) {
      bytes += piece.length
      if (bytes > mostBytes) throw new Failure(`more than ${mostBytes} bytes came for ${file}`)
      await writeFully(handle.fd, piece, bytes - piece.length)
    }
    await handle.sync()
  } catch (error) {
    throw withName(error, file)
  } finally {
    await handle.close()
  }
}

/** A file from its beginning to its end, each piece in memory of its own: larger ones cost more to get than they spare. */
export function fileBytes(file: string): AsyncIterable<Buffer> {
  return fs.createReadStream(file, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>
}

const partBytes = 1024 * 1024

export interface PartCopy {
  readonly at: number
  readonly sizeBytes: number
  readonly signal?: AbortSignal | undefined
  readonly onPiece: (piece: Buffer) => void
}

/** Copies a part of a file into a new one, in which what is zero takes no room. */
export async function copyPart(from: string, to: string, { at, sizeBytes, signal, onPiece }: PartCopy): Promise<void> {
  const [source, target] = [await fs.promises.open(from, 'r'), await fs.promises.open(to, 'wx', 0o600)]
  try {
    const buffer = Buffer.allocUnsafe(partBytes)
    for (let done = 0; done < sizeBytes;) {
      signal?.throwIfAborted()
      const { bytesRead } = await source.read(buffer, 0, Math.min(partBytes, sizeBytes - done), at + done)
      if (bytesRead === 0) throw new Failure(`${from} is shorter than it was`)
      const piece = buffer.subarray(0, bytesRead)
      onPiece(piece)
      if (!isZero(piece)) await writeFully(target.fd, piece, done)
      done += bytesRead
    }
    await target.truncate(sizeBytes)
  } catch (error) {
    throw withName(error, to)
  } finally {
    await source.close()
    await target.close()
  }
}

/** Reads from there on until `into` is full. What lies beyond the end of the file is zeros. */
export async function readFully(fd: number, into: Buffer, position: number): Promise<void> {
  for (let done = 0; done < into.length;) {
    const bytes = await readSome(fd, into.subarray(done), position + done)
    if (bytes === 0) into.fill(0, done)
    done = bytes === 0 ? into.length : done + bytes
  }
}

function readSome(fd: number, into: Buffer, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(fd, into, 0, into.length, position, (error, bytes) => {
      if (error === null) resolve(bytes)
      else reject(error)
    })
  })
}

/** Writes all of it there. */
export async function writeFully(fd: number, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await writeSome(fd, bytes.subarray(done), position + done)
}

function writeSome(fd: number, bytes: Buffer, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.write(fd, bytes, 0, bytes.length, position, (error, written) => {
      if (error === null) resolve(written)
      else reject(error)
    })
  })
}

/** Like `syncFile` for a large file: others go on while the disk works. */
export async function syncLargeFile(file: string): Promise<void> {
  const fd = fs.openSync(file, 'r')
  try {
    await syncOpen(fd)
  } catch (error) {
    throw withName(error, file)
  } finally {
    fs.closeSync(fd)
  }
}

/** Makes an open file's bytes survive a power cut; others go on while the disk works. */
export function syncOpen(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.fsync(fd, (error) => {
      if (error === null) resolve()
      else reject(error)
    })
  })
}
