// A VM's first drive, from an image of a distribution.
import type { Caller } from '../../core/caller.js'
import { UsageError } from '../../core/errors.js'
import { formatSize } from '../../core/size.js'
import type { Kept } from '../../image/kept.js'
import { hostArch, unknownTraits } from '../../image/traits.js'
import { keepLocal } from '../../image/local.js'
import type { GuestTraits } from '../../model/guest.js'
import { formatDigest, type ImageRef } from '../../model/imageref.js'
import type { RecordedImage } from '../record/shape.js'
import type { Vm } from '../record/vm.js'
import { examine } from './examine.js'

/** An image that is here, and how a VM remembers it. */
export interface FoundImage {
  readonly kept: Kept
  readonly recorded: RecordedImage
}

/** The image that a VM's settings name: fetched where it is not here. */
export async function findImage({ place }: Pick<Vm, 'place'>, ref: ImageRef, caller: Caller): Promise<FoundImage> {
  if (ref.kind !== 'path') throw new UsageError('images by name come next')
  const arch = hostArch()
  const kept = await keepLocal(place.images, ref.path, { arch, examine, caller })
  return found(ref, kept, unknownTraits(arch))
}

function found({ text: name }: ImageRef, kept: Kept, traits: GuestTraits): FoundImage {
  return { kept, recorded: { name, digest: formatDigest(kept.digest), level: kept.level, traits } }
}

/** The size of a drive on an image: `drive_size`, unless only its default is less than the image needs. Throws a UsageError. */
export function driveSizeOn({ settings, folded }: Vm, { kept, recorded: { name, traits } }: FoundImage): number {
  const { drive_size: wantedBytes } = settings
  const leastBytes = Math.max(kept.virtualBytes, traits.minDriveBytes)
  if (wantedBytes >= leastBytes) return wantedBytes
  if (folded.origins.drive_size.kind === 'default') return leastBytes
  throw new UsageError(`${name} needs a drive of ${formatSize(leastBytes)}, and drive_size is ${formatSize(wantedBytes)}`, {
    hints: [`make it larger: drive_size=${Math.ceil(leastBytes / 2 ** 30)}G`],
  })
}
