// An image by its name or its URL: found among those that are here, else fetched, checked and kept.
import { Failure } from '../core/errors.js'
import type { Arch } from '../model/guest.js'
import { formatDigest, type Digest, type ImageRef } from '../model/imageref.js'
import { writeBytes } from '../sys/file.js'
import { download, removePart, type DownloadCaller, type Downloaded } from './download.js'
import type { Entry } from './entry.js'
import { fetchSmall, Gone } from './fetch.js'
import { findEntry } from './find.js'
import { verify } from './gpgv.js'
import { withImageJob, type ImageJob } from './imagejob.js'
import type { PartNames } from './imagename.js'
import { keep, type Examine } from './keep.js'
import { addProvenance, isSound, keptImages, shortDigest, type Kept, type Provenance } from './kept.js'
import { withPart } from './part.js'
import { catalogueDate, pins } from './pins.js'
import { resolveListed, resolvePin, type Resolved } from './resolve.js'
import { unpack } from './unpack.js'

export interface PullOptions {
  readonly arch: Arch
  /** The catalogue, a user's own entries before it. */
  readonly entries: readonly Entry[]
  readonly examine: Examine
  readonly caller: DownloadCaller
  /** Ask the vendor, also where an image of that name is here. */
  readonly isFresh: boolean
}

/** What is to be fetched. A URL that nobody vouches for has no digest. */
interface Wanted extends Omit<Resolved, 'digest' | 'level'> {
  readonly name: string
  readonly digest?: Digest
  readonly level: Kept['level']
  /** Asks the vendor's list again, which may have changed meanwhile. */
  readonly again?: () => Promise<Resolved>
}

/** The image of a name of the catalogue. */
export async function keepNamed(folder: string, ref: ImageRef & { kind: 'name' }, options: PullOptions): Promise<Kept> {
  const { arch, caller, entries } = options
  const entry = findEntry(entries, ref.name)
  const { version } = ref
  const pin =
    version === undefined && entry.digest === undefined && entry.isUnpinned !== true ? pins[`${entry.id}/${arch}`] : undefined
  if (pin === undefined && !options.isFresh && version !== 'latest') {
    const matches = (from: Provenance): boolean =>
      from.name === entry.id && from.arch === arch && (version === undefined || from.serial === version)
    const known = await findKept(folder, (kept) => kept.from.some(matches), caller.signal)
    if (known !== undefined && (entry.digest === undefined || formatDigest(entry.digest) === formatDigest(known.digest)))
      return known
  }
  return withImageJob(folder, async (job) => {
    const listed = (): Promise<Resolved> => resolveListed(job, entry, arch, version === 'latest' ? undefined : version, caller)
    try {
      const resolved = pin === undefined ? await listed() : resolvePin(pin, entry.mirror)
      const again = resolved.level === 'pinned' ? {} : { again: listed }
      return await fetchKept(job, { ...resolved, ...again, name: entry.id }, options)
    } catch (error) {
      throw error instanceof Gone ? goneFailure(entry, ref, error) : error
    }
  })
}

function goneFailure({ id }: Entry, { version, text }: ImageRef & { kind: 'name' }, error: Gone): Failure {
  const hints =
    version === 'latest' || version === undefined
      ? [`where it is now can be written into a file: nbsvm help images, for ${id}.image`]
      : [`vendors remove old builds; the newest: ${id}@latest`]
  return new Failure(`${text}: ${error.message}; what nbsvm knows of it is of ${catalogueDate}`, {
    code: 'IMAGE_UNREACHABLE',
    hints: [...hints, 'a newer nbsvm may know better', 'see what else there is: nbsvm images'],
  })
}

/** The image of a URL. */
export async function keepUrl(folder: string, { url, digest }: ImageRef & { kind: 'url' }, options: PullOptions): Promise<Kept> {
  if (digest === undefined && !options.isFresh) {
    const known = await findKept(folder, ({ from }) => from.some(({ name }) => name === url), options.caller.signal)
    if (known !== undefined) return known
  }
  const wanted: Wanted = {
    name: url,
    url,
    level: digest === undefined ? 'none' : 'pinned',
    ...(digest === undefined ? {} : { digest }),
  }
  return withImageJob(folder, (job) => fetchKept(job, wanted, options))
}

/** The newest image of those that are wanted, if it is sound. */
export async function findKept(
  folder: string,
  isWanted: (kept: Kept) => boolean,
  signal?: AbortSignal,
): Promise<Kept | undefined> {
  const found = keptImages(folder).findLast(isWanted)
  return found !== undefined && (await isSound(folder, found, signal)) ? found : undefined
}

/**
 * Fetches what is wanted, unless it is here; of those who want one file at once, one does. Vendors publish an image and its list
 * minutes apart: where they do not fit, the list is asked once more before it is said.
 */
async function fetchKept(job: ImageJob, wanted: Wanted, options: PullOptions, isLastTry = false): Promise<Kept> {
  const { folder } = job
  const { caller, arch } = options
  const { digest, url } = wanted
  const work = { name: wanted.name, doing: 'downloaded', key: digest === undefined ? url : formatDigest(digest) }
  const next = await withPart(folder, work, caller, async (names) => {
    const known = digest === undefined ? undefined : await findDigest(folder, digest, caller.signal)
    if (known !== undefined) return addProvenance(folder, known, wanted.level, provenance(wanted, arch))
    const decidedBy = digest === undefined ? 'nothing' : 'digest'
    const got = await download(folder, names, { url, algorithm: digest?.algorithm ?? 'sha256', decidedBy }, caller)
    if (digest === undefined || isSame(digest, got.digest)) return take(job, names, wanted, got, options)
    const again = isLastTry ? undefined : await wanted.again?.()
    if (again !== undefined && isSame(again.digest, got.digest)) return take(job, names, { ...wanted, ...again }, got, options)
    removePart(folder, names)
    const hasChanged = again !== undefined && !isSame(again.digest, digest)
    // A part of an earlier day, and the rest of today's.
    if (!isLastTry && (got.wasResumed || hasChanged)) return { ...wanted, ...again }
    throw mismatch(wanted, digest, got.digest)
  })
  if (!('name' in next)) return next
  caller.note?.(`${next.name} has changed while it was fetched: fetching it again`)
  return fetchKept(job, next, options, true)
}

function isSame(one: Digest, other: Digest): boolean {
  return one.algorithm === other.algorithm && one.hex === other.hex
}

function mismatch({ name, url, level }: Wanted, wanted: Digest, got: Digest): Failure {
  const by = level === 'pinned' ? 'what is wanted is' : "the vendor's list says"
  return new Failure(
    `${name === url ? '' : `${name}: `}${url} gives ${shortDigest(got)}..., and ${by} ${shortDigest(wanted)}...`,
    {
      code: 'IMAGE_MISMATCH',
      hints: ['nothing of it is kept', 'the server, or somebody on the way, gives another file: try again later, or elsewhere'],
    },
  )
}

/** Checks what came and keeps it. */
async function take(job: ImageJob, names: PartNames, wanted: Wanted, got: Downloaded, options: PullOptions): Promise<Kept> {
  const { caller, arch, examine } = options
  try {
    await checkSignature(job, wanted, got.file, caller)
    const unpacked = job.name()
    const from = provenance(wanted, arch)
    const wasPacked = await unpack(got.file, unpacked, wanted.name, caller.signal)
    const candidate = wasPacked
      ? { file: unpacked, from: { ...from, served: formatDigest(got.digest) } }
      : { file: got.file, digest: got.digest, from }
    const kept = await keep(job, { ...candidate, level: wanted.level }, examine, caller)
    removePart(job.folder, names)
    return kept
  } catch (error) {
    // Interrupted, it is whole, and the next time nothing need be fetched.
    if (caller.signal?.aborted !== true) removePart(job.folder, names)
    throw error
  }
}

const largestSignature = 64 * 1024

async function checkSignature(
  job: ImageJob,
  { signature, url }: Wanted,
  file: string,
  { signal }: DownloadCaller,
): Promise<void> {
  if (signature === undefined) return
  const signatureFile = job.name()
  writeBytes(signatureFile, await fetchSmall(signature.url, largestSignature, { decidedBy: 'signature', signal }))
  await verify(url, { signature: signatureFile, data: file }, signature.signers, signal)
}

function provenance({ name, url, serial }: Wanted, arch: Arch): Provenance {
  return { name, arch, url, ...(serial === undefined ? {} : { serial }), atMs: Date.now() }
}

/** An image by the digest of its file, or of that which it was unpacked from. */
function findDigest(folder: string, digest: Digest, signal: AbortSignal | undefined): Promise<Kept | undefined> {
  const text = formatDigest(digest)
  const isWanted = (kept: Kept): boolean => isSame(kept.digest, digest) || kept.from.some(({ served }) => served === text)
  return findKept(folder, isWanted, signal)
}
