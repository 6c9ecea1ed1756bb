// Digests of files too large to be read at once.
import type * as crypto from 'node:crypto'
import { readBlocks } from './blocks.js'

export type HashName = 'sha1' | 'sha256' | 'sha512'

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
  for await (const piece of readBlocks(file, pieceBytes, signal)) for (const hash of hashes) hash.update(piece)
}
