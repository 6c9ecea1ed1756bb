// A VM's first drive, from an image of a distribution.
import { UsageError } from '../../core/errors.js'
import { formatSize } from '../../core/size.js'
import { readImageFiles } from '../../config/imagefile.js'
import { builtTraits, keepBuilt } from '../../image/build.js'
import { catalogue } from '../../image/catalogue.js'
import type { DownloadCaller } from '../../image/download.js'
import { traitsOf, type Entry } from '../../image/entry.js'
import { findEntry } from '../../image/find.js'
import type { Kept } from '../../image/kept.js'
import { keepLocal } from '../../image/local.js'
import { keepNamed, keepUrl } from '../../image/pull.js'
import { unknownTraits } from '../../image/traits.js'
import { withUserEntries } from '../../image/userentry.js'
import type { Place } from '../../host/place.js'
import type { Arch, GuestTraits } from '../../model/guest.js'
import { formatDigest, type ImageRef } from '../../model/imageref.js'
import { environment, homeFolder, hostArch } from '../../sys/environment.js'
import { foreignTo } from '../record/drawer.js'
import type { RecordedImage } from '../record/shape.js'
import type { Vm } from '../record/vm.js'
import { examine } from './examine.js'

/** An image that is here, and how a VM remembers it. */
export interface FoundImage {
  readonly kept: Kept
  readonly recorded: RecordedImage
}

/** The catalogue, with the user's own entries before it. Throws a UsageError for what is wrong in one of their files. */
export function imageEntries({ config }: Pick<Place, 'config'>): Entry[] {
  return withUserEntries(catalogue, readImageFiles(config, { environment, home: homeFolder() }))
}

/**
 * The image of a reference: one that is here, else fetched; with `isFresh` the vendor is asked in any case. Throws a Failure that says
 * why there is none.
 */
export async function findImage(
  place: Pick<Place, 'images' | 'config'>,
  ref: ImageRef,
  caller: DownloadCaller,
  { isFresh = false, arch = hostArch() }: { readonly isFresh?: boolean; readonly arch?: Arch } = {},
): Promise<FoundImage> {
  const foreign = foreignTo(place.images)
  if (foreign !== undefined) throw foreign
  if (ref.kind === 'path') {
    return found(ref, await keepLocal(place.images, ref.path, { arch, examine, caller }), unknownTraits(arch))
  }
  const entries = imageEntries(place)
  const options = { arch, entries, examine, caller, isFresh }
  if (ref.kind === 'url') return found(ref, await keepUrl(place.images, ref, options), unknownTraits(arch))
  if (ref.kind === 'name') {
    const kept = await keepNamed(place.images, ref, options)
    return found(ref, kept, traitsOf(findEntry(entries, ref.name), arch))
  }
  const kept = await keepBuilt(place.images, ref.suite, options)
  return found(ref, kept, builtTraits(ref.suite, arch))
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
