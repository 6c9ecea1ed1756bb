// Images that nobody writes to, and how each is read: drives of a VM that is off, or what QEMU has copied of them.
import type { Drive } from '../../model/drive.js'
import { ownExtents, extentsOf, withImage, writtenSince } from '../move/image.js'
import { withParts, type Read } from '../move/parts.js'
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
  const goOn = (parts: Source['parts'], read: Read): Promise<T> =>
    whileServed(folder, others, signal, work, [...opened, { drive, sizeBytes, why, parts, read }])
  if (bitmap === undefined) {
    const parts = await (isPart ? ownExtents : extentsOf)(from, signal)
    return withParts(from, parts, { folder, signal }, (read) => goOn(parts, read))
  }
  return withImage(from, { folder, isReadOnly: true, bitmap, signal }, async (image) =>
    goOn(await writtenSince(from, bitmap, folder, signal), (offset, length) => image.read(offset, length)),
  )
}
