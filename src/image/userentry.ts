// Entries of a user's own, over those of the catalogue. Pure.
import { UsageError } from '../core/errors.js'
import { nearest } from '../core/nearest.js'
import { quote } from '../core/quote.js'
import { parseSize } from '../core/size.js'
import type { Arch, GuestTraits } from '../model/guest.js'
import { parseDigest } from '../model/imageref.js'
import type { Entry } from './entry.js'
import { listFormats } from './list.js'

/** What a file NAME.image says: values by name, each with its place. */
export interface UserFile {
  readonly name: string
  readonly file: string
  readonly values: ReadonlyMap<string, { readonly value: string | readonly string[]; readonly where: string }>
}

/** What can be written in such a file, with a word of help each. */
export const userFields = {
  title: 'what it is, in a few words',
  aliases: 'further names: (a b)',
  like: 'name of another image, from which all is taken that is not said here',
  url: 'where it is: {arch} is amd64, arm64 or what `arches` says',
  dated: 'where a build of a known {serial} is',
  mirror: 'https://HOST from which the image itself is fetched; list and signature come from where they were',
  arches: 'processors: (x86_64 aarch64)',
  sha256: 'what it must be',
  sha512: 'what it must be',
  list: "the vendor's list of digests, relative to url; {file} is the image's name",
  list_format: listFormats.join(', '),
  list_alone: 'yes: the list is about this image alone, under whatever name',
  signature: 'clear: the list is clear-signed; or where its signature is, relative to it',
  signature_of: 'list, or image: what is signed',
  keyring: "absolute path of the vendor's keys, as gpg --export writes them",
  keys: 'fingerprints that may sign: (AB12...)',
  user: 'the user that the image makes',
  seed: 'nocloud, nuageinit, ignition or none: how it is told who it is',
  agent: 'yes: the guest agent is in it',
  firmware: '(bios uefi)',
  cpu: 'v2 or v3, where plain x86-64 is not enough',
  min_mem: 'the least memory, like 1G',
  min_drive: 'the least drive, like 10G',
} as const

type Field = keyof typeof userFields

/** The entries of files, each over what the catalogue has of that name, before all of the catalogue. */
export function withUserEntries(catalogue: readonly Entry[], files: readonly UserFile[]): Entry[] {
  const own = files.map((file) => userEntry(catalogue, file))
  const ids = new Set(own.map(({ id }) => id))
  return [...own, ...catalogue.filter(({ id }) => !ids.has(id))]
}

function userEntry(catalogue: readonly Entry[], given: UserFile): Entry {
  const { name: id, file, values } = given
  if (!/^[a-z0-9][a-z0-9._-]{0,63}$/.test(id))
    throw new UsageError(`${file}: ${quote(id)} is not the name of an image`, {
      hints: ['use small letters, digits, dot and dash'],
    })
  for (const [name, { where }] of values) if (!Object.hasOwn(userFields, name)) throw unknownField(name, where)
  const { text, words, choice } = readers(values)
  const like = text('like')
  const base = catalogue.find((entry) => entry.id === (like ?? id))
  if (like !== undefined && base === undefined) throw new UsageError(`${file}: there is no image ${quote(like)} to be like`)
  const url = text('url')
  if (url === undefined && base === undefined)
    throw new UsageError(`${file} does not say where the image is`, { hints: ['add url=https://...'] })
  for (const field of ['url', 'dated', 'mirror', 'list', 'signature'] as const) {
    const address = text(field)
    if (address === undefined || (field === 'signature' && address === 'clear')) continue
    const isRelative = field === 'list' || field === 'signature'
    checkUrl(address, values.get(field)?.where ?? file, isRelative ? 'https://host/' : undefined)
  }
  const hex = { sha256: text('sha256'), sha512: text('sha512') }
  const digest =
    hex.sha512 === undefined ? hex.sha256 && parseDigest(`sha256:${hex.sha256}`) : parseDigest(`sha512:${hex.sha512}`)
  if (digest === undefined && (hex.sha256 ?? hex.sha512) !== undefined)
    throw new UsageError(`${file}: sha256 or sha512 is not a digest`)
  // Another place: what was known of the old one says nothing of it.
  const kept = base === undefined ? {} : url === undefined ? base : withoutSource(base)
  const arches = words('arches') as readonly Arch[] | undefined
  const strange = arches?.find((arch) => !Object.hasOwn(plain.arches, arch))
  if (strange !== undefined)
    throw new UsageError(`${file}: ${quote(strange)} is not one of ${Object.keys(plain.arches).join(', ')}`)
  const firmware = words('firmware') as GuestTraits['firmware'] | undefined
  const cpu = choice('cpu', ['v2', 'v3'])
  const [minMem, minDrive, mirror, dated] = [text('min_mem'), text('min_drive'), text('mirror'), text('dated')]
  const all = { ...plain, ...kept }
  return {
    ...all,
    id,
    aliases: words('aliases') ?? (like === undefined ? all.aliases : []),
    title: text('title') ?? (base === undefined ? id : all.title),
    url: url ?? base?.url ?? '',
    user: text('user') ?? all.user,
    seed: choice('seed', ['nocloud', 'nuageinit', 'ignition', 'none']) ?? all.seed,
    hasAgent: (choice('agent', ['yes', 'no']) ?? (all.hasAgent ? 'yes' : 'no')) === 'yes',
    minMemBytes: minMem === undefined ? all.minMemBytes : parseSize(minMem, 'M'),
    minDriveBytes: minDrive === undefined ? all.minDriveBytes : parseSize(minDrive, 'G'),
    arches: arches === undefined ? all.arches : Object.fromEntries(arches.map((arch) => [arch, all.arches[arch] ?? { arch }])),
    ...(firmware === undefined ? {} : { firmware: { x86_64: firmware, aarch64: firmware, riscv64: firmware } }),
    ...(cpu === undefined ? {} : { cpu: { x86_64: cpu } }),
    ...(mirror === undefined ? {} : { mirror }),
    ...(dated === undefined ? {} : { dated }),
    ...(digest === undefined || digest === '' ? {} : { digest }),
    ...listOf(given),
    ...signatureOf(given),
    ...(url === undefined ? {} : { isUnpinned: true }),
  }
}

/** What an entry has that says nothing. */
const plain = {
  aliases: [] as readonly string[],
  title: '',
  user: 'user',
  seed: 'nocloud',
  hasAgent: false,
  minMemBytes: 0,
  minDriveBytes: 0,
  arches: { x86_64: { arch: 'amd64' }, aarch64: { arch: 'arm64' }, riscv64: { arch: 'riscv64' } },
  firmware: {},
} satisfies Omit<Entry, 'id' | 'url'>

function withoutSource(entry: Entry): Omit<Entry, 'list' | 'signature'> {
  const { list: _, signature: __, dated: ___, mirror: ____, digest: _____, ...others } = entry
  return others
}

function listOf({ file, values }: UserFile): Pick<Entry, 'list'> {
  const { text, choice } = readers(values)
  const url = text('list')
  const format = choice('list_format', listFormats)
  if (url === undefined) return {}
  if (format === undefined)
    throw new UsageError(`${file}: the list has no format`, { hints: [`add list_format=, one of ${listFormats.join(', ')}`] })
  return { list: { url, format, isLone: choice('list_alone', ['yes', 'no']) === 'yes' } }
}

function signatureOf({ file, values }: UserFile): Pick<Entry, 'signature'> {
  const { text, words, choice } = readers(values)
  const signature = text('signature')
  if (signature === undefined) return {}
  const [ring, keys] = [text('keyring'), words('keys')?.map((key) => key.toUpperCase())]
  if (
    ring === undefined ||
    !ring.startsWith('/') ||
    keys === undefined ||
    keys.length === 0 ||
    !keys.every((key) => /^[0-9A-F]{40}$/.test(key))
  ) {
    throw new UsageError(`${file}: a signature needs a ring of keys, and whose it may be`, {
      hints: ['keyring=/absolute/path.gpg', 'keys=(FINGERPRINT), 40 digits each: gpg --show-keys FILE'],
    })
  }
  const kind = choice('signature_of', ['list', 'image']) === 'image' ? 'file' : signature === 'clear' ? 'clear' : 'detached'
  return { signature: { kind, ring, keys, ...(signature === 'clear' ? {} : { url: signature }) } }
}

/** With `base` it may be relative, to where that is known only later. */
function checkUrl(url: string, where: string, base: string | undefined): void {
  const filled = url.replaceAll(/[{}]/g, '')
  const isComplete = base !== undefined || /^https?:\/\/[^/]/.test(url)
  if (isComplete && URL.canParse(filled, base) && /^https?:$/.test(new URL(filled, base).protocol)) return
  throw new UsageError(`${where}: ${quote(url)} is not a URL`, {
    hints: ['write it like https://HOST/PATH; a file of this machine needs no entry: image=/PATH'],
  })
}

function unknownField(name: string, where: string): UsageError {
  const near = nearest(name, Object.keys(userFields))
  return new UsageError(`${where}: an image has no ${quote(name)}`, {
    hints: [near === undefined ? `it can have: ${Object.keys(userFields).join(', ')}` : `did you mean ${near}?`],
  })
}

/** Values by their kind. Each throws a UsageError with the place of a wrong one. */
function readers(values: UserFile['values']) {
  const text = (name: Field): string | undefined => {
    const found = values.get(name)
    if (found === undefined || found.value === '') return undefined
    if (typeof found.value === 'string') return found.value
    throw new UsageError(`${found.where}: ${name} takes one value, not an array`)
  }
  return {
    text,
    words: (name: Field): readonly string[] | undefined => {
      const found = values.get(name)?.value
      return typeof found === 'string' ? found.split(/\s+/).filter((word) => word !== '') : found
    },
    choice: <const C extends string>(name: Field, choices: readonly C[]): C | undefined => {
      const found = text(name)
      const chosen = choices.find((one) => one === found)
      if (found === undefined || chosen !== undefined) return chosen
      throw new UsageError(`${values.get(name)?.where}: ${name} is ${choices.join(', ')}, not ${quote(found)}`)
    },
  }
}
