// What an image that was downloaded, or built, must be before it is kept.
import type { Caller } from '../../core/caller.js'
import type { Examined } from '../../image/keep.js'
import { convert } from '../../store/common/copying.js'
import { askVirtualBytes, probe, refuseDamaged } from '../../store/common/probe.js'

/**
 * Looks into a file: it must be a whole image that refers to no other file. One in a format that drives cannot stand on is
 * converted into `spare`. Throws a Failure.
 */
export async function examine(file: string, spare: string, { signal }: Caller): Promise<Examined> {
  const { image } = await probe(file, false)
  await refuseDamaged(image, file, signal)
  const virtualBytes = await askVirtualBytes(image)
  if (image.format === 'qcow2' || image.format === 'raw') return { file, format: image.format, virtualBytes }
  await convert(image, spare, virtualBytes, signal === undefined ? {} : { signal })
  return { file: spare, format: 'qcow2', virtualBytes }
}
