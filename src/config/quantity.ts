import { UsageError } from '../core/errors.js'
import { parseForwards } from '../model/forward.js'
import { parseImageRef, type ImageRef } from '../model/imageref.js'
import { parseMac } from '../model/nic.js'
import { parseShares } from '../model/share.js'
import { quote } from '../core/quote.js'
import { parseSize } from '../core/size.js'
import { splitWords } from '../core/words.js'
import { homeFolder } from '../sys/environment.js'
import { hereFull } from '../sys/file.js'
import { checkOptions } from './options.js'

/** One type of setting: how text becomes a value, and what may be written. */
export interface Quantity<T> {
  /** Whether a file may give it as an array, `args=(-a "b c")`. */
  readonly isList: boolean
  /** What can be written, for messages and help: `a size like 20G`. */
  readonly expects: string
  /** The words that can be written, where there are only a few; completion offers them. */
  readonly choices?: readonly string[]
  /** Throws UsageError when the text is no such value. Lists get one word each from `fromWords`. */
  parse(text: string): T
  fromWords?(words: readonly string[]): T
}

function scalar<T>(expects: string, parse: (text: string) => T, choices?: readonly string[]): Quantity<T> {
  return { isList: false, expects, parse, ...(choices === undefined ? {} : { choices }) }
}

function wholeNumber(text: string, min: number, max: number, expects: string): number {
  const value = Number(text)
  if (/^[0-9]+$/.test(text) && value >= min && value <= max) return value
  throw new UsageError(`expected ${expects}, not ${quote(text)}`)
}

export const count = scalar('a whole number from 1', (text) => wholeNumber(text, 1, 4096, 'a whole number from 1 to 4096'))
export const port = scalar('a TCP port', (text) => wholeNumber(text, 1, 65_535, 'a TCP port from 1 to 65535'))
export const seconds = scalar('seconds', (text) => wholeNumber(text, 0, 31_536_000, 'a number of seconds'))
export const size = scalar('a size like 512M or 20G', (text) => parseSize(text, 'G'))
/** RAM: a bare number is MB, as in QEMU's -m. The value is in bytes. */
export const megabytes = scalar('a size in MB, or like 2G', (text) => {
  const sizeBytes = parseSize(text, 'M')
  // Whoever writes mem=4 means gigabytes: no system of today starts in four megabytes.
  if (/^[0-9.]+$/.test(text.trim()) && sizeBytes < 16 * 1024 ** 2) {
    throw new UsageError(
      `${text} alone is ${text} megabytes, too little for any system: write ${text}G, or ${text}M if you mean that`,
    )
  }
  return sizeBytes
})
export const text = scalar('a word', oneWord)
/** Text that `none` takes away again, where a weaker layer has set it. */
export const textOrNone = scalar('a word, or none', (value) => (value === 'none' ? undefined : oneWord(value)))
export const path = scalar('an absolute path', absolutePath)
/** A file of the user's own, where `~/` is his home folder, or `none`. */
export const ownFile = scalar('an absolute path, or one that begins with ~/, or none', (value) =>
  value === 'none' ? undefined : value.startsWith('~/') ? value : absolutePath(value),
)
/** The name of a user of a guest, as useradd(8) takes it. */
export const userName = scalar('the name of a user', (value) => {
  if (/^[a-z_][a-z0-9_-]{0,31}$/.test(value)) return value
  throw new UsageError(`${quote(value)} is not the name of a user: small letters, digits, _ and -, at most 32`)
})
/** An image of a distribution; `none` takes it away again. */
export const image = scalar(
  'a name of `nbsvm images`, URL#sha256:HEX, an absolute path, or none',
  (value): ImageRef | undefined => (value === 'none' ? undefined : parseImageRef(value)),
)

function oneWord(value: string): string {
  if (value.trim() !== '' && !/\p{Cc}/u.test(value)) return value
  throw new UsageError(`expected a word, not ${quote(value)}`)
}

function absolutePath(value: string): string {
  if (value.startsWith('/')) return value
  throw new UsageError(`expected an absolute path, not ${quote(value)}`)
}

export function choice<const C extends string>(...choices: C[]): Quantity<C> {
  const parse = (value: string): C => {
    const found = choices.find((one) => one === value)
    if (found !== undefined) return found
    throw new UsageError(`expected ${choices.join(', ')}, not ${quote(value)}`)
  }
  return scalar(choices.join(', '), parse, choices)
}

export const mac = scalar('a MAC address like 52:54:00:12:34:56', parseMac)

/** A file as a user names it: `~` is his home, a relative name is of the folder that he is in, where there is such a file. */
function filePath(value: string): string {
  if (value.startsWith('~/')) return `${homeFolder()}${value.slice(1)}`
  if (value.startsWith('/')) return value
  const here = hereFull(value)
  if (here !== undefined) return here
  throw new UsageError(`there is no ${quote(value)} in this folder`, { hints: ['write its absolute path'] })
}

/** A list of words: split as a shell would, or an array in a file. Blank, or `none`, means none at all. */
function list<T>(expects: string, read: (words: readonly string[]) => T): Quantity<T> {
  const fromWords = (all: readonly string[]): T => read(all.length === 1 && all[0] === 'none' ? [] : all)
  return { isList: true, expects, parse: (value) => fromWords(splitWords(value)), fromWords }
}

/** Ports of the host that lead into the guest. */
export const forwards = list(
  'pairs HOST:GUEST of ports of 127.0.0.1 and of the guest, like 2222:22 or 5353:53/udp; none for none at all',
  parseForwards,
)

/** Files, each by its absolute path. */
export const files = list('names of files, absolute or of the folder that you are in; none for none at all', (all) =>
  all.map(filePath),
)

/** Folders of the host for the guest. */
export const shares = list(
  'pairs HOST:GUEST of folders, with :ro behind where the guest may not write, like ~/src:/src; none for none at all',
  (all) => parseShares(all, filePath),
)

/** Words for a command line. */
export const words = list('words, quoted as for a shell; none for none at all', (all) => all)

/** The beginnings of the public halves of ssh's keys. */
const keyKind = /^(?:ssh-|ecdsa-|sk-)/

/** Public keys, or files of them. A key is words itself, its kind, its base64 and a comment, which go together again. */
export const sshKeys = list('public keys, or absolute paths of files with some; none for no key but that of nbsvm', (all) => {
  const keys: string[] = []
  for (const word of all) {
    const last = keys.at(-1)
    if (last !== undefined && keyKind.test(last) && !keyKind.test(word) && !/^~?\//.test(word))
      keys[keys.length - 1] = `${last} ${word}`
    else keys.push(word)
  }
  return keys
})

/** Words that QEMU gets. */
export const options = list("QEMU options, quoted as for a shell; none, or a blank ' ', for none at all", (all) => {
  checkOptions(all)
  return all
})
