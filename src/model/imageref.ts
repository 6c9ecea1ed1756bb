// What the setting `image` can say. Pure: nothing is looked up here.
import { UsageError } from '../core/errors.js'
import { quote } from '../core/quote.js'

/** A cryptographic digest of a file. */
export interface Digest {
  readonly algorithm: 'sha256' | 'sha512'
  /** In lower case. */
  readonly hex: string
}

/** An image as it was asked for; `text` is all of it, as it was written. */
export type ImageRef = { readonly text: string } & (
  | {
      readonly kind: 'name'
      /** `debian`, `debian-13`, `trixie` */
      readonly name: string
      /** `latest`: whatever the vendor's list names now; a serial: that build; absent: what is kept, or pinned. */
      readonly version?: string
    }
  | {
      readonly kind: 'url'
      readonly url: string
      /** What the file must have; absent where the user says that it is not checked. */
      readonly digest?: Digest
    }
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'mmdebstrap'; readonly suite: string }
)

const digits = { sha256: 64, sha512: 128 } as const

/** `sha256:HEX` or `sha512:HEX`; undefined for anything else. */
export function parseDigest(text: string): Digest | undefined {
  const { algorithm, hex = '' } = /^(?<algorithm>sha256|sha512)[:=](?<hex>[0-9a-f]+)$/i.exec(text)?.groups ?? {}
  const name = algorithm?.toLowerCase() as Digest['algorithm'] | undefined
  return name !== undefined && hex.length === digits[name] ? { algorithm: name, hex: hex.toLowerCase() } : undefined
}

/** The digest that has these digits. */
export function digestOfHex(hex: string): Digest {
  return { algorithm: hex.length === digits.sha512 ? 'sha512' : 'sha256', hex }
}

/** `sha256:HEX` */
export function formatDigest({ algorithm, hex }: Digest): string {
  return `${algorithm}:${hex}`
}

/** The word of a URL that says that its file is not checked. */
const unchecked = 'unchecked'

const longest = 2000

/** Reads the value of `image`. Throws a UsageError that says what could have been meant. */
export function parseImageRef(text: string): ImageRef {
  if (text.length > longest || /[\p{Cc}\p{Zl}\p{Zp}]/u.test(text))
    throw wrong(text, 'it is too long, or has characters that print nothing')
  if (text.startsWith('/')) return { kind: 'path', text, path: text }
  if (/^https?:/i.test(text)) return parseUrl(text)
  const suite = /^mmdebstrap:(?<suite>[a-z][a-z0-9-]{0,30})$/.exec(text)?.groups?.['suite']
  if (suite !== undefined) return { kind: 'mmdebstrap', text, suite }
  const { name, version } = /^(?<name>[a-z0-9][a-z0-9._-]*)(?:@(?<version>[a-z0-9][a-z0-9._-]*))?$/i.exec(text)?.groups ?? {}
  if (name === undefined) throw wrong(text, "write a name of 'nbsvm images', a URL, or the absolute path of a file")
  return { kind: 'name', text, name: name.toLowerCase(), ...(version === undefined ? {} : { version }) }
}

function parseUrl(text: string): ImageRef {
  const [address = '', ...fragment] = text.split('#')
  const url = /^https?:\/\/[^/]/i.test(address) && URL.canParse(address) ? new URL(address) : undefined
  if (url === undefined) throw wrong(text, 'it is not a URL')
  // It would be written down where the image came from.
  if (url.username !== '' || url.password !== '') throw wrong(address, 'a name or a password in a URL would be kept in files')
  const check = fragment.join('#')
  if (check === unchecked) return { kind: 'url', text, url: url.href }
  const digest = parseDigest(check)
  if (digest !== undefined) return { kind: 'url', text, url: url.href, digest }
  const why = check === '' ? 'it does not say what the file must be' : `${quote(check)} is not a digest`
  throw new UsageError(`${quote(address)}: ${why}`, {
    hints: [`add it: '${address}#sha256:HEX' (or #sha512:HEX)`, `or take whatever comes: '${address}#${unchecked}'`],
  })
}

function wrong(text: string, why: string): UsageError {
  return new UsageError(`${quote(text)} is not an image: ${why}`, { hints: ['see: nbsvm help image, nbsvm images'] })
}
