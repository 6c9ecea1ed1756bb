// The images that there are, those that are here, and who stands on them.
import { Failure, UsageError } from '../../core/errors.js'
import { byNumberInText } from '../../core/order.js'
import type { Outside, Place } from '../../host/place.js'
import type { Entry } from '../../image/entry.js'
import { findEntry } from '../../image/find.js'
import { sweepJobs, sweepParts, withFolderLock } from '../../image/imagejob.js'
import { keptImages, removeKept, type Kept } from '../../image/kept.js'
import { pins } from '../../image/pins.js'
import type { Arch, CheckLevel } from '../../model/guest.js'
import { formatDigest, parseImageRef } from '../../model/imageref.js'
import { hostArch } from '../../sys/environment.js'
import { lstat } from '../../sys/file.js'
import { readRecord, recordedIds } from '../record/record.js'
import { foreignTo } from '../record/drawer.js'
import { imageEntries } from './imagedrive.js'
import { pooledImages, prunePooled, type ListedPooled, type RemovedPooled } from './pooled.js'

/** An image that is here, as `nbsvm images --json` tells it. */
export interface ListedKept {
  /** `sha512:HEX` */
  readonly digest: string
  readonly path: string
  readonly format: 'qcow2' | 'raw'
  readonly virtualBytes: number
  readonly sizeBytes: number
  /** How far it was checked. */
  readonly level: CheckLevel
  /** The vendor's own name of the build; null where that is not known. */
  readonly serial: string | null
  readonly url: string | null
  /** When it was last fetched or looked at, in milliseconds since 1970. */
  readonly atMs: number
  /** The VMs whose first drive was made from it. */
  readonly usedBy: readonly string[]
}

/** An image by its name: of the catalogue, of a user's own, or a URL or path that was used. */
export interface ListedImage {
  readonly name: string
  readonly aliases: readonly string[]
  readonly title: string
  /** The processors that there is one for; empty where that is not known. */
  readonly arches: readonly Arch[]
  /** How far it would be checked if it were fetched now. */
  readonly level: CheckLevel
  /** The user that it makes; null where that is not known. */
  readonly user: string | null
  readonly kept: readonly ListedKept[]
  /** What stores that several machines share have of it. */
  readonly pooled: readonly ListedPooled[]
}

/**
 * All images by name, the catalogue's order first, then what came from elsewhere. A pool that cannot be asked goes to `onFault`, and hides
 * no other.
 */
export async function listImages(outside: Outside, onFault: (fault: unknown) => void): Promise<ListedImage[]> {
  const { place } = outside
  const pooled = await pooledImages(outside, onFault)
  const pooledAs = (name: string): readonly ListedPooled[] => pooled.get(name) ?? []
  const users = usersOf(place)
  const kept = keptImages(place.images)
  const ofName = (name: string): ListedKept[] => kept.flatMap((one) => listedAs(name, one, users) ?? [])
  const entries = imageEntries(place)
  const known = new Set(entries.map(({ id }) => id))
  const names = [...kept.flatMap(({ from }) => from.map(({ name }) => name)), ...pooled.keys()]
  const others = new Set(names.filter((name) => !known.has(name)))
  return [
    ...entries.map((entry) => ({
      name: entry.id,
      aliases: aliasesOf(entries, entry),
      title: entry.title,
      arches: Object.keys(entry.arches) as Arch[],
      level: levelOf(entry),
      user: entry.user,
      kept: ofName(entry.id),
      pooled: pooledAs(entry.id),
    })),
    ...[...others].map((name) => {
      const own = ofName(name)
      const level = own.at(-1)?.level ?? 'none'
      return { name, aliases: [], title: '', arches: [], level, user: null, kept: own, pooled: pooledAs(name) }
    }),
  ]
}

/** Those that lead to it, and not to one before it. */
function aliasesOf(entries: readonly Entry[], { id, aliases }: Entry): string[] {
  return aliases.filter((alias) => findEntry(entries, alias).id === id)
}

function levelOf({ id, digest, signature, list, url, isUnpinned }: Entry): CheckLevel {
  if (digest !== undefined || (isUnpinned !== true && pins[`${id}/${hostArch()}`] !== undefined)) return 'pinned'
  if (signature !== undefined) return 'signed'
  return list !== undefined && new URL(list.url.replaceAll(/[{}]/g, ''), url.replaceAll(/[{}]/g, '')).protocol === 'https:'
    ? 'https'
    : 'none'
}

function listedAs(name: string, kept: Kept, users: ReadonlyMap<string, readonly string[]>): ListedKept | undefined {
  const from = kept.from.findLast((one) => one.name === name)
  if (from === undefined) return undefined
  const digest = formatDigest(kept.digest)
  const { path, format, virtualBytes, sizeBytes, level } = kept
  const { serial = null, url = null, atMs } = from
  return { digest, path, format, virtualBytes, sizeBytes, level, serial, url, atMs, usedBy: users.get(digest) ?? [] }
}

/** The VMs by the digest of the image that their first drive was made from. What a damaged record says nobody knows. */
function usersOf(place: Pick<Place, 'records'>): Map<string, string[]> {
  const users = new Map<string, string[]>()
  for (const id of recordedIds(place)) {
    const digest = digestOf(place, id)
    if (digest !== undefined) users.set(digest, [...(users.get(digest) ?? []), id])
  }
  return users
}

function digestOf(place: Pick<Place, 'records'>, id: string): string | undefined {
  try {
    return readRecord(place, id)?.image?.digest
  } catch {
    return undefined // its drives do not need the name that is removed here
  }
}

/** What was removed, or would be. */
export interface RemovedImage {
  /** Of the one that was asked for, or the last that it came by. */
  readonly name: string
  readonly digest: string
  /** What becomes free: nothing, where a drive stands on it. */
  readonly freedBytes: number
}

/**
 * Removes the images of a name, a digest or its beginning. Throws a UsageError where there is none, and a Failure where a VM was made
 * from one of them.
 */
export async function removeImages(place: Pick<Place, 'images' | 'config' | 'records'>, wanted: string): Promise<RemovedImage[]> {
  refuseForeign(place)
  const found = keptImages(place.images).filter((kept) => isCalled(place, kept, wanted))
  if (found.length === 0) {
    throw new UsageError(`there is no image ${JSON.stringify(wanted)} here`, {
      code: 'IMAGE_UNKNOWN',
      hints: ['see those that are: nbsvm images'],
    })
  }
  const users = usersOf(place)
  const used = [...new Set(found.flatMap(({ digest }) => users.get(formatDigest(digest)) ?? []))].toSorted(byNumberInText)
  if (used.length > 0) {
    throw new Failure(`${wanted} is in use by ${used.join(', ')}`, {
      code: 'IMAGE_IN_USE',
      hints: ['its room would not become free: their drives stand on it', `remove them first: nbsvm ${used.join(',')} rm`],
    })
  }
  return withFolderLock(place.images, () => found.map((kept) => remove(place, kept, wanted)))
}

export interface PrunedImages {
  readonly images: readonly RemovedImage[]
  /** What broken downloads, and builds that were killed, had taken. */
  readonly partBytes: number
  /** What was removed from pools. */
  readonly pooled: readonly RemovedPooled[]
}

/**
 * Removes all that no VM was made from, what downloads and builds that broke off have left, and what pools have that no drive stands on.
 * Rejects with a Failure where a pool cannot be asked; the rest is done then.
 */
export async function pruneImages(outside: Outside): Promise<PrunedImages> {
  const here = await pruneHere(outside.place)
  return { ...here, pooled: await prunePooled(outside) }
}

async function pruneHere(place: Place): Promise<Omit<PrunedImages, 'pooled'>> {
  refuseForeign(place)
  if (lstat(place.images) === undefined) return { images: [], partBytes: 0 }
  const users = usersOf(place)
  const images = await withFolderLock(place.images, () =>
    keptImages(place.images)
      .filter(({ digest }) => !users.has(formatDigest(digest)))
      .map((kept) => remove(place, kept, kept.from.at(-1)?.name ?? '')),
  )
  return { images, partBytes: sweepParts(place.images, 0) + sweepJobs(place.images) }
}

function remove({ images }: Pick<Place, 'images'>, kept: Kept, name: string): RemovedImage {
  const isShared = (lstat(kept.path)?.nlink ?? 1) > 1
  removeKept(images, kept)
  return { name, digest: formatDigest(kept.digest), freedBytes: isShared ? 0 : kept.sizeBytes }
}

function isCalled(place: Pick<Place, 'config'>, { digest, from }: Kept, wanted: string): boolean {
  const least = 'sha256:'.length + 8
  if (wanted.length >= least && formatDigest(digest).startsWith(wanted)) return true
  const bare = wanted.replace(/#.*$/, '')
  if (from.some(({ name }) => name === wanted || name === bare)) return true
  const ref = /^[/:]|:\//.test(wanted) ? undefined : parseImageRef(wanted)
  if (ref?.kind !== 'name') return false
  const entry = imageEntries(place).find(({ id, aliases }) => id === ref.name || aliases.includes(ref.name))
  return from.some(({ name, serial }) => name === entry?.id && (ref.version === undefined || serial === ref.version))
}

function refuseForeign({ images }: Pick<Place, 'images'>): void {
  const foreign = foreignTo(images)
  if (foreign !== undefined) throw foreign
}
