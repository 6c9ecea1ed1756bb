// Digests of files too large to be read at once.
import type * as crypto from 'node:crypto'
import fs from 'node:fs'

export type HashName = 'sha256' | 'sha512'

/** A digest that grows by pieces. */
export interface Hash {
  update(bytes: Buffer): void
  /** In hexadecimal digits; once, at the end. */
  hex(): string
}

export function newHash(algorithm: HashName): Hash {
  const { createHash }: typeof crypto = process.getBuiltinModule('node:crypto')
  const hash = createHash(algorithm)
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest('hex') }
}

const pieceBytes = 1024 * 1024

/** Feeds a file into digests, from its start to its end; others go on meanwhile. Rejects as soon as `signal` is aborted. */
export async function hashFile(file: string, hashes: readonly Hash[], signal?: AbortSignal): Promise<void> {
  const handle = await fs.promises.open(file, 'r')
  try {
    const buffer = Buffer.allocUnsafe(pieceBytes)
    for (;;) {
      signal?.throwIfAborted()
      const { bytesRead } = await handle.read(buffer, 0, pieceBytes)
      if (bytesRead === 0) return
      for (const hash of hashes) hash.update(buffer.subarray(0, bytesRead))
    }
  } finally {
    await handle.close()
  }
}
