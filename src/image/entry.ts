// What is known of one image: an entry of the catalogue, or of a user's own.
import type { Arch, GuestTraits } from '../model/guest.js'
import type { Digest } from '../model/imageref.js'
import type { ListFormat } from './list.js'

/** How the list, or the image itself, is signed. */
export interface Signature {
  /** `clear`: the list is clear-signed; `detached`: of the list, in a file of its own; `file`: of the image. */
  readonly kind: 'clear' | 'detached' | 'file'
  /** Where it is, relative to what it signs; absent where it is within that, or the list says it. */
  readonly url?: string
  /** The vendor's ring: `ubuntu` in the package, or an absolute path. */
  readonly ring: string
  /** Fingerprints of the primary keys that may sign. */
  readonly keys: readonly string[]
}

/** What is put in for `{arch}` and other words of a URL. */
export type Words = Readonly<Record<string, string>>

export interface Entry extends Omit<GuestTraits, 'arch' | 'firmware' | 'os' | 'cpu'> {
  /** `debian-13` */
  readonly id: string
  readonly aliases: readonly string[]
  readonly title: string
  readonly arches: Readonly<Partial<Record<Arch, Words>>>
  /** Where the newest is; `{arch}` and the like are put in. */
  readonly url: string
  /** What is there never changes: another build has another URL. */
  readonly isFixed?: boolean
  /** Where a build is whose serial is known: with `{serial}` too. */
  readonly dated?: string
  /** What the file must have; absent where the vendor's list tells that. */
  readonly digest?: Digest
  /** Where the list is, relative to the image; `{file}` is the image's name, `{stem}` that without its suffix. */
  readonly list?: { readonly url: string; readonly format: ListFormat; readonly isLone?: boolean }
  readonly signature?: Signature
  readonly firmware: Readonly<Partial<Record<Arch, GuestTraits['firmware']>>>
  readonly cpu?: Readonly<Partial<Record<Arch, GuestTraits['cpu']>>>
  /** Takes the place of the part of the URL before the path, for the image alone: what tells whether it is right comes as ever. */
  readonly mirror?: string
  /** The catalogue's pin is not of this one. */
  readonly isUnpinned?: boolean
}

/** A build whose digest is known: `npm run catalogue` writes them. */
export interface Pin {
  readonly serial?: string
  readonly url: string
  /** `sha512:HEX` */
  readonly digest: string
  /** How far the digest was checked when it was written down. */
  readonly level: 'signed' | 'https'
}

/** The traits of a guest that an entry's image makes. */
export function traitsOf(entry: Entry, arch: Arch): GuestTraits {
  const { id, user, seed, hasAgent, minMemBytes, minDriveBytes } = entry
  const cpu = entry.cpu?.[arch]
  const firmware = entry.firmware[arch] ?? (arch === 'x86_64' ? ['bios', 'uefi'] : ['uefi'])
  return { os: id, arch, user, seed, hasAgent, firmware, ...(cpu === undefined ? {} : { cpu }), minMemBytes, minDriveBytes }
}

/** A URL with its words put in. */
export function fill(template: string, words: Words): string {
  return template.replaceAll(/\{(?<word>[a-z]+)\}/g, (whole, word: string) => words[word] ?? whole)
}
