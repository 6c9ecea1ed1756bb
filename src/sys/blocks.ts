import fs from 'node:fs'
import { Failure } from '../core/errors.js'
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
      for (let written = 0; written < piece.length;)
        written += (await handle.write(piece, written, piece.length - written)).bytesWritten
    }
    await handle.sync()
  } catch (error) {
    throw withName(error, file)
  } finally {
    await handle.close()
  }
}
