// Digests of files that are mostly holes, and what tells that a file is still the one of which a digest was made.
import { isZero } from '../../core/zeros.js'
import { newHash } from '../../sys/hash.js'
import { readBlocks } from '../../sys/blocks.js'
import { stat, type Stats } from '../../sys/file.js'
import type { FrozenFile } from '../record/frozen.js'

const blockBytes = 1024 * 1024

/** The digest of a file: of its length, and of the place and the bytes of each block that is not all zeros. */
export async function digestOf(file: string, signal?: AbortSignal): Promise<FrozenFile> {
  const hash = newHash('sha256')
  let bytes = 0
  for await (const block of readBlocks(file, blockBytes, signal)) {
    if (!isZero(block)) {
      hash.update(Buffer.from(`${bytes} `))
      hash.update(block)
    }
    bytes += block.length
  }
  hash.update(Buffer.from(`${bytes} end`))
  return { bytes, sha256: hash.hex(), stamp: stampOf(stat(file)) }
}

/** What changes with every write to a file. */
export function stampOf(found: Stats | undefined): string {
  return found === undefined ? '' : `${found.size} ${found.ino} ${found.mtimeMs}`
}
