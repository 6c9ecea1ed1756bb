// What a vendor's list says of one file. Pure. A list comes from outside: exactly one digest for exactly our file, or none.
import { Failure } from '../core/errors.js'
import { parseDigest, type Digest } from '../model/imageref.js'
import type { Arch } from '../model/guest.js'

/**
 * `gnu`: `HEX  FILE` of sha256sum(1); `bsd`: `SHA256 (FILE) = HEX`; `bare`: a digest and nothing else; `debian-json`: what Debian
 * publishes beside each cloud image; `fcos-json`: the metadata of a stream of Fedora CoreOS.
 */
export const listFormats = ['gnu', 'bsd', 'bare', 'debian-json', 'fcos-json'] as const

export type ListFormat = (typeof listFormats)[number]

/** Which file is looked for. */
export interface ListedFile {
  /** Its name, without folders. */
  readonly file: string
  readonly arch: Arch
  /** The list is about one file alone, which may have another name there. */
  readonly isLone?: boolean
}

export interface Found {
  readonly digest: Digest
  /** Where the list says that the file is: relative to the list, or absolute. */
  readonly location?: string
  readonly serial?: string
  /** Where a signature of the file itself is. */
  readonly signature?: string
}

/** Finds a file in a list. Throws a Failure where it is not there, or there are two opinions on it. */
export function findInList(text: string, format: ListFormat, wanted: ListedFile): Found {
  switch (format) {
    case 'gnu':
      return { digest: only(lines(text, /^\\?(?<hex>[0-9a-f]+)[ \t]+\*?(?:\.\/)?(?<file>\S.*)$/i), wanted) }
    case 'bsd':
      return {
        digest: only(lines(text, /^(?<name>SHA256|SHA512) ?\((?:\.\/)?(?<file>[^)]+)\) ?= ?(?<hex>[0-9a-f]+)$/i), wanted),
      }
    case 'bare': {
      const digest = byLength(text.trim())
      if (digest === undefined) throw new Failure('it is not a digest and nothing else')
      return { digest }
    }
    case 'debian-json':
      return findDebian(text, wanted)
    case 'fcos-json':
      return findCoreos(text, wanted)
  }
}

interface Line {
  readonly file: string
  readonly digest: Digest | undefined
}

function lines(text: string, shape: RegExp): Line[] {
  return text.split('\n').flatMap((line) => {
    // Not by the expression: it would look for the line's end at each blank of millions.
    const { hex, file, name } = shape.exec(line.trimEnd())?.groups ?? {}
    if (hex === undefined || file === undefined) return []
    return [{ file, digest: name === undefined ? byLength(hex) : parseDigest(`${name}:${hex}`) }]
  })
}

/** What a digest is by its length alone; undefined for one of another kind. */
function byLength(hex: string): Digest | undefined {
  return parseDigest(`sha256:${hex}`) ?? parseDigest(`sha512:${hex}`)
}

function only(all: readonly Line[], { file, isLone }: ListedFile): Digest {
  const own = all.filter((line) => line.file === file)
  const about = own.length === 0 && isLone === true && new Set(all.map((line) => line.file)).size === 1 ? all : own
  const [first] = about
  if (first === undefined) throw new Failure(`it does not name ${file}`)
  if (about.some(({ digest }) => digest === undefined)) throw new Failure(`its digest of ${file} has a wrong length`)
  const different = new Set(about.map(({ digest }) => `${digest?.algorithm} ${digest?.hex}`))
  if (first.digest === undefined || different.size > 1) throw new Failure(`it names ${different.size} digests of ${file}`)
  return first.digest
}

/** A part of a JSON text that somebody else wrote; undefined where it is not there. */
function at(value: unknown, ...way: readonly string[]): unknown {
  let found = value
  for (const name of way) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined
    found = (found as Record<string, unknown>)[name]
  }
  return found
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Failure('it is not JSON', { cause: error })
  }
}

/** `.../cloud/trixie/latest/X.json` names the build that X is of: `trixie/SERIAL/X-SERIAL.qcow2`, below `.../cloud`. */
function findDebian(text: string, { file }: ListedFile): Found {
  const items = at(parseJson(text), 'items')
  const suffix = /\.[a-z0-9]+$/.exec(file)?.[0] ?? ''
  const uploads = (Array.isArray(items) ? items : []).flatMap((item) => {
    const ref = at(item, 'data', 'ref')
    return at(item, 'kind') === 'Upload' && typeof ref === 'string' && ref.endsWith(suffix)
      ? [{ item: item as unknown, ref }]
      : []
  })
  const [upload] = uploads
  if (upload === undefined || uploads.length > 1) throw new Failure(`it names ${uploads.length} files like ${file}`)
  const shape = /^[a-z0-9-]+\/(?<serial>[A-Za-z0-9-]+)\/(?<name>[A-Za-z0-9._-]+)$/.exec(upload.ref)?.groups
  const stem = file.slice(0, -suffix.length)
  if (shape === undefined || !(shape['name'] === file || shape['name'] === `${stem}-${shape['serial']}${suffix}`)) {
    throw new Failure(`it is about another file than ${file}`)
  }
  const annotation = at(upload.item, 'metadata', 'annotations', 'cloud.debian.org/digest')
  const base64 = /^sha512:(?<base64>[A-Za-z0-9+/]{86})={0,2}$/.exec(String(annotation))?.groups?.['base64']
  const digest = base64 === undefined ? undefined : parseDigest(`sha512:${Buffer.from(base64, 'base64').toString('hex')}`)
  if (digest === undefined) throw new Failure(`it has no digest of ${file}`)
  return { digest, location: `../../${upload.ref}`, serial: shape['serial'] ?? '' }
}

/** https://docs.fedoraproject.org/en-US/fedora-coreos/stream-metadata/ */
function findCoreos(text: string, { arch }: ListedFile): Found {
  const qemu = at(parseJson(text), 'architectures', arch, 'artifacts', 'qemu')
  const disk = at(qemu, 'formats', 'qcow2.xz', 'disk')
  const [location, signature, sha256, serial] = [
    at(disk, 'location'),
    at(disk, 'signature'),
    at(disk, 'sha256'),
    at(qemu, 'release'),
  ]
  const digest = parseDigest(`sha256:${String(sha256)}`)
  if (typeof location !== 'string' || digest === undefined) throw new Failure(`it has no image for ${arch}`)
  return {
    digest,
    location,
    ...(typeof signature === 'string' ? { signature } : {}),
    ...(typeof serial === 'string' && /^[\w.-]{1,64}$/.test(serial) ? { serial } : {}),
  }
}
