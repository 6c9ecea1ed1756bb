// What a backup is made from: drives that stand still at one moment, whatever their guest does meanwhile.
import type { Drive } from '../../model/drive.js'
import type { Read } from '../move/parts.js'
import type { Bitmap } from './bitmaps.js'
import type { Extent } from '../move/image.js'

export interface Source {
  readonly drive: Drive
  readonly sizeBytes: number
  /** Where something may be other than in the backup before: what was written since, or, where nobody knows that, all that holds something. */
  readonly parts: readonly Extent[]
  /** Why nobody knows it; undefined where it is known. */
  readonly why: string | undefined
  /** Reads the drive as it is then. */
  readonly read: Read
}

export interface Moment {
  readonly atMs: number
  readonly sources: readonly Source[]
  /** How long the file systems of its guest stood still; absent where they did not. */
  readonly filesStoodMs?: number
  /** How long QEMU took to bring all drives to one moment: no write of its guest waited longer for that. Absent where it was off. */
  readonly switchMs?: number
}

/** The backup that the next one goes on from. */
export interface Before {
  /** Its bitmap. */
  readonly bitmap: string
  /** What drives stood on then, by number. */
  readonly below: ReadonlyMap<number, readonly string[]>
}

/** The names of what a drive stands on. */
export function belowOf({ image }: Drive): string[] {
  const names: string[] = []
  for (let under = image.backing; under !== undefined; under = under.backing) names.push(under.path)
  return names
}

/** Why what was written since the backup before is not known; undefined where it is. */
export function whyUnknown(drive: Drive, bitmaps: readonly Bitmap[], before: Before | undefined): string | undefined {
  if (before === undefined) return 'it is the first'
  const found = bitmaps.find(({ name }) => name === before.bitmap)
  if (found === undefined) return 'the drive has no bitmap of the backup before'
  return found.isRight ? whyNotSame(drive, before) : 'its bitmap does not count: QEMU was killed, or the host went down'
}

/** Why a bitmap says nothing of a drive, whatever it says; undefined where it may. */
function whyNotSame(drive: Drive, before: Before): string | undefined {
  const then = before.below.get(drive.number)
  if (then === undefined) return 'the backup before has no such drive'
  return then.join('\n') === belowOf(drive).join('\n') ? undefined : 'what it stands on is other than it was'
}
