// Which file a name means just now, and what it must be: by a pin, or by the vendor's list.
import path from 'node:path'
import type { Caller } from '../core/caller.js'
import { Failure, messageOf } from '../core/errors.js'
import type { Arch, CheckLevel } from '../model/guest.js'
import { parseDigest, type Digest } from '../model/imageref.js'
import { readText, writeBytes } from '../sys/file.js'
import { packageFile } from '../sys/self.js'
import { fill, type Entry, type Pin, type Signature } from './entry.js'
import { fetchSmall, Gone } from './fetch.js'
import { wordsFor } from './find.js'
import { verify, type Signers } from './gpgv.js'
import type { ImageJob } from './imagejob.js'
import { findInList, type Found } from './list.js'

/** A file that can be fetched, and what it must be. */
export interface Resolved {
  readonly url: string
  readonly digest: Digest
  readonly level: CheckLevel
  readonly serial?: string
  /** The file is signed itself: checked once it is here. */
  readonly signature?: { readonly url: string; readonly signers: Signers }
}

const largestList = 4 * 2 ** 20
const largestSignature = 64 * 1024

/** What a pin says. */
export function resolvePin({ url, digest, serial }: Pin, mirror?: string): Resolved {
  const parsed = parseDigest(digest)
  if (parsed === undefined) throw new Failure(`the pin of ${url} is not a digest: ${digest}`, { code: 'IMAGE_MISMATCH' })
  return { url: mirrored(url, mirror), digest: parsed, level: 'pinned', ...(serial === undefined ? {} : { serial }) }
}

/** What the vendor's list says of the newest build, or of that with a serial. Throws a Failure. */
export async function resolveListed(
  job: ImageJob,
  entry: Entry,
  arch: Arch,
  serial: string | undefined,
  caller: Caller,
): Promise<Resolved> {
  const url = addressOf(entry, arch, serial)
  const onMirror = (address: string): string => mirrored(address, entry.mirror)
  const dated = serial === undefined ? {} : { serial }
  if (entry.digest !== undefined) return { url: onMirror(url), digest: entry.digest, level: 'pinned', ...dated }
  if (entry.list === undefined)
    throw new Failure(`nothing says what ${entry.id} must be: it has neither a digest nor a list`, { code: 'IMAGE_MISMATCH' })
  const file = path.posix.basename(new URL(url).pathname)
  const words = { ...wordsFor(entry, arch), file, stem: file.replace(/\.[a-z0-9]+$/, '') }
  const listUrl = new URL(fill(entry.list.url, words), url).href
  const found = await readList(job, entry, { url: listUrl, file, arch, words }, caller)
  const address = found.location === undefined ? url : sameSite(listUrl, found.location)
  const level = entry.signature !== undefined ? 'signed' : listUrl.startsWith('https:') ? 'https' : 'none'
  return {
    url: onMirror(address),
    digest: found.digest,
    level,
    ...(found.serial === undefined ? dated : { serial: found.serial }),
    ...fileSignature(entry.signature, address, found),
  }
}

function addressOf(entry: Entry, arch: Arch, serial: string | undefined): string {
  const words = wordsFor(entry, arch)
  if (serial === undefined) return fill(entry.url, words)
  if (entry.dated === undefined) {
    throw new Failure(`builds of ${entry.id} cannot be named by a serial: where they are kept is not known`, {
      hints: [`take the newest: ${entry.id}@latest`],
    })
  }
  return fill(entry.dated, { ...words, serial })
}

interface ListAt {
  readonly url: string
  readonly file: string
  readonly arch: Arch
  readonly words: Readonly<Record<string, string>>
}

/** Fetches the list and, where it is signed, believes only what is signed in it. */
async function readList(
  job: ImageJob,
  { id, list, signature }: Entry,
  { url, file, arch, words }: ListAt,
  { signal }: Caller,
): Promise<Found> {
  const isSigned = signature !== undefined && signature.kind !== 'file'
  const options = { decidedBy: isSigned ? 'signature' : 'nothing', signal } as const
  let bytes = await fetchSmall(url, largestList, options)
  if (isSigned) {
    const signers = signersOf(signature)
    const listFile = job.name()
    writeBytes(listFile, bytes)
    if (signature.kind === 'clear') {
      const out = job.name()
      await verify(url, { signature: listFile, out }, signers, signal)
      // Only what is within the signature.
      bytes = Buffer.from(readText(out) ?? '')
    } else {
      const address = new URL(fill(signature.url ?? '', words), url).href
      const signatureFile = job.name()
      writeBytes(signatureFile, await signatureAt(address, id, options))
      await verify(url, { signature: signatureFile, data: listFile }, signers, signal)
    }
  }
  try {
    const isLone = list?.isLone ?? false
    return findInList(bytes.toString('utf8'), list?.format ?? 'gnu', { file, arch, isLone })
  } catch (error) {
    throw new Failure(`cannot use the list ${url}: ${messageOf(error)}`, {
      code: 'IMAGE_MISMATCH',
      hints: ['vendors are between two builds at times: try again later'],
    })
  }
}

/** An image that is signed, but not just now, is not taken unsigned. */
async function signatureAt(address: string, id: string, options: Parameters<typeof fetchSmall>[2]): Promise<Buffer> {
  try {
    return await fetchSmall(address, largestSignature, options)
  } catch (error) {
    if (!(error instanceof Gone)) throw error
    throw new Failure(`the list of ${id} is to be signed, and its signature is not there: ${address}`, {
      code: 'IMAGE_MISMATCH',
      hints: ['try again later'],
    })
  }
}

function fileSignature(signature: Signature | undefined, address: string, found: Found): Pick<Resolved, 'signature'> {
  if (signature?.kind !== 'file') return {}
  const name = path.posix.basename(new URL(address).pathname)
  const url = new URL(found.signature ?? fill(signature.url ?? '{file}.sig', { file: name }), address).href
  return { signature: { url, signers: signersOf(signature) } }
}

function signersOf({ ring, keys }: Signature): Signers {
  return { vendor: path.basename(ring, '.gpg'), ring: ring.startsWith('/') ? ring : packageFile(`keys/${ring}.gpg`), keys }
}

/** A list that is checked by nothing but its server's certificate may not send us elsewhere. */
function sameSite(listUrl: string, location: string): string {
  const url = new URL(location, listUrl)
  if (url.origin !== new URL(listUrl).origin)
    throw new Failure(`the list ${listUrl} leads to another server: ${url.href}`, { code: 'IMAGE_MISMATCH' })
  return url.href
}

/** The same path on another server. */
function mirrored(address: string, mirror: string | undefined): string {
  if (mirror === undefined) return address
  const { pathname, search } = new URL(address)
  return `${mirror.replace(/\/$/, '')}${pathname}${search}`
}
