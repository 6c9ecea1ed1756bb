// The images that are here.
import path from 'node:path'
import { checkLevels, type Arch, type CheckLevel } from '../model/guest.js'
import { formatDigest, type Digest } from '../model/imageref.js'
import { list, lstat, remove, syncFolder, writeWhole } from '../sys/file.js'
import { hashFile, newHash } from '../sys/hash.js'
import { readPlain } from '../sys/plain.js'
import { contentStamp } from '../sys/stamp.js'
import { withFolderLock } from './imagejob.js'
import { factsSuffix, imageName, parseImageName } from './imagename.js'

/** Where an image came from, once. */
export interface Provenance {
  /** `debian-13`, a URL, a path, `mmdebstrap:trixie` */
  readonly name: string
  readonly arch: Arch
  /** The vendor's own name of the build. */
  readonly serial?: string
  readonly url?: string
  /** The digest of what the server sent, where it was packed: `sha512:HEX`. */
  readonly served?: string
  /** What the file of a path was like: another stamp, another file. */
  readonly stamp?: string
  /** In milliseconds since 1970. */
  readonly atMs: number
}

/** What is known of an image that is here. */
export interface Kept {
  readonly digest: Digest
  /** Absolute path. */
  readonly path: string
  readonly format: 'qcow2' | 'raw'
  /** What a guest sees of it, and what it takes on the host. */
  readonly virtualBytes: number
  readonly sizeBytes: number
  /** How far it was checked, at its best: the same digest is the same image. */
  readonly level: CheckLevel
  /** `contentStamp` of the file when its digest was made. */
  readonly stamp: string
  /** The newest last. */
  readonly from: readonly Provenance[]
}

/** How many ways to one image are written down. */
const mostProvenances = 20

const largestFacts = 256 * 1024

/** All images of a folder, the newest last. One whose facts cannot be read is left out: it is made again when it is asked for. */
export function keptImages(folder: string): Kept[] {
  const kept = list(folder).flatMap((file) => readKept(folder, parseImageName(file)) ?? [])
  return kept.toSorted((a, b) => lastAt(a) - lastAt(b))
}

function lastAt({ from }: Pick<Kept, 'from'>): number {
  return from.at(-1)?.atMs ?? 0
}

/** The image of a digest; undefined where it is not here. */
function readKept(folder: string, digest: Digest | undefined): Kept | undefined {
  if (digest === undefined) return undefined
  const file = path.join(folder, imageName(digest))
  if (lstat(file)?.isFile() !== true) return undefined
  const facts = readFacts(`${file}${factsSuffix}`)
  return facts === undefined ? undefined : { ...facts, digest, path: file }
}

type Facts = Omit<Kept, 'digest' | 'path'>

function readFacts(file: string): Facts | undefined {
  try {
    const facts: unknown = JSON.parse(readPlain(file, largestFacts)?.text ?? 'null')
    return areFacts(facts) ? facts : undefined
  } catch {
    return undefined
  }
}

function areFacts(value: unknown): value is Facts {
  if (typeof value !== 'object' || value === null) return false
  const { format, virtualBytes, sizeBytes, level, stamp, from } = value as Record<string, unknown>
  return (
    (format === 'qcow2' || format === 'raw') &&
    [virtualBytes, sizeBytes].every((bytes) => Number.isSafeInteger(bytes) && Number(bytes) >= 0) &&
    checkLevels.some((one) => one === level) &&
    typeof stamp === 'string' &&
    Array.isArray(from) &&
    from.every((one: Partial<Provenance> | null) => typeof one?.name === 'string' && typeof one.atMs === 'number')
  )
}

/** Writes down what is known of an image; under the folder's lock. */
export function writeFacts(folder: string, kept: Kept): void {
  const { digest, path: _, ...facts } = kept
  writeWhole(path.join(folder, `${imageName(digest)}${factsSuffix}`), `${JSON.stringify(facts, undefined, 2)}\n`)
}

/** Adds a way to an image that is here. How far it was checked is never lowered. */
export function addProvenance(folder: string, kept: Kept, level: CheckLevel, from: Provenance): Promise<Kept> {
  return withFolderLock(folder, () => {
    const now = readKept(folder, kept.digest) ?? kept
    const others = now.from.filter(({ name, arch, serial }) => name !== from.name || arch !== from.arch || serial !== from.serial)
    const added = { ...now, level: better(now.level, level), from: [...others, from].slice(-mostProvenances) }
    writeFacts(folder, added)
    return added
  })
}

function better(one: CheckLevel, other: CheckLevel): CheckLevel {
  return checkLevels.indexOf(one) <= checkLevels.indexOf(other) ? one : other
}

/**
 * Whether an image is still what its name says: at a glance, where nothing of the file has changed, else by its digest. One that
 * is not is removed, under that name.
 */
export async function isSound(folder: string, kept: Kept, signal?: AbortSignal): Promise<boolean> {
  const stamp = contentStamp(kept.path)
  if (stamp === kept.stamp) return true
  const hash = newHash(kept.digest.algorithm)
  await hashFile(kept.path, [hash], signal)
  const isSame = hash.hex() === kept.digest.hex
  await withFolderLock(folder, () => (isSame ? writeFacts(folder, { ...kept, stamp }) : removeKept(folder, kept)))
  return isSame
}

/** The image of a digest, if it is here and sound. */
export async function findSound(folder: string, digest: Digest | undefined, signal?: AbortSignal): Promise<Kept | undefined> {
  const kept = readKept(folder, digest)
  return kept !== undefined && (await isSound(folder, kept, signal)) ? kept : undefined
}

/** Takes an image's names here away; drives that stand on it keep it. Under the folder's lock. */
export function removeKept(folder: string, { digest }: Pick<Kept, 'digest'>): void {
  const file = path.join(folder, imageName(digest))
  remove(file)
  remove(`${file}${factsSuffix}`)
  syncFolder(folder)
}

/** `sha512:1f2e3d4c5b6a`: enough to tell images apart. */
export function shortDigest(digest: Digest): string {
  const short = 12
  return formatDigest({ ...digest, hex: digest.hex.slice(0, short) })
}
