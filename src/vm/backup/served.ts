// Images that nobody writes to, each read through a qemu-nbd of its own: drives of a VM that is off, or what QEMU has copied of them.
import type { Drive } from '../../model/drive.js'
import { ownExtents, extentsOf, withImage, writtenSince } from '../move/image.js'
import type { Source } from './source.js'

export interface Readable extends Pick<Source, 'drive' | 'sizeBytes' | 'why'> {
  /** Where its bytes are: the drive itself, or a file that has those parts of it that count. */
  readonly from: Drive
  /** The dirty bitmap in it that tells what was written; absent where all of it is to be read. */
  readonly bitmap?: string | undefined
  /** Whether it has nothing but what was written, zeros too. */
  readonly isPart?: boolean
}

/** Serves them one around the other, in `folder`. */
export async function whileServed<T>(
  folder: string,
  left: readonly Readable[],
  signal: AbortSignal | undefined,
  work: (sources: readonly Source[]) => Promise<T>,
  opened: readonly Source[] = [],
): Promise<T> {
  const [first, ...others] = left
  if (first === undefined) return work(opened)
  const { from, bitmap, isPart = false, drive, sizeBytes, why } = first
  const look = isPart ? ownExtents : extentsOf
  const held = bitmap === undefined ? await look(from, signal) : []
  return withImage(from, { folder, isReadOnly: true, bitmap, signal }, async (image) => {
    const parts = bitmap === undefined ? held : await writtenSince(from, bitmap, folder, signal)
    return whileServed(folder, others, signal, work, [...opened, { drive, sizeBytes, why, parts, image }])
  })
}
