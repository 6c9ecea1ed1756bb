// Images that nobody writes to, each read through a qemu-nbd of its own: drives of a VM that is off, or what QEMU has copied of them.
import type { Drive } from '../../model/drive.js'
import { ownExtents, extentsOf, withImage, writtenSince } from '../move/image.js'
import type { Source } from './source.js'

export interface Readable extends Pick<Source, 'drive' | 'sizeBytes' | 'why'> {
  /** Where its bytes are: the drive itself, or a file that has those parts of it that count. */
  readonly from: Drive
  /** The dirty bitmap that tells what was written; `own`: all that the file has itself. Absent where all of the drive is to be read. */
  readonly written?: string | 'own' | undefined
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
  const { from, written, drive, sizeBytes, why } = first
  const bitmap = written === 'own' ? undefined : written
  const held = written === 'own' ? await ownExtents(from, signal) : bitmap === undefined ? await extentsOf(from, signal) : []
  return withImage(from, { folder, isReadOnly: true, bitmap, signal }, async (image) => {
    const parts = bitmap === undefined ? held : await writtenSince(from, bitmap, folder, signal)
    return whileServed(folder, others, signal, work, [...opened, { drive, sizeBytes, why, parts, image }])
  })
}
