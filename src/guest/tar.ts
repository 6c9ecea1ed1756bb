// Archives of tar(1), as they go between host and guest. Pure. Names are bytes to Linux, so they are kept as such: each
// character of a `name` or `target` here is one byte (latin1). The format: https://www.gnu.org/software/tar/manual/html_node/Standard.html
// and pax(1) for what does not fit into it.
import { Failure } from '../core/errors.js'

export interface TarEntry {
  readonly name: string
  readonly kind: 'file' | 'folder' | 'link' | 'hardlink' | 'other'
  /** Permissions: `0o644`. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly mtimeSeconds: number
  /** Of a file's bytes, which follow. */
  readonly sizeBytes: number
  /** Where a link leads; the name of what a hard link is another name of. */
  readonly target: string
}

const blockBytes = 512

const types = { file: '0', hardlink: '1', link: '2', folder: '5', other: '?' } as const
const kinds: Readonly<Record<string, TarEntry['kind']>> = {
  '\0': 'file',
  0: 'file',
  1: 'hardlink',
  2: 'link',
  5: 'folder',
  7: 'file',
}

/** What pax or GNU say of the next entry is at most this long. */
const longestExtra = 64 * 1024

/** Nothing follows it. */
export const tarEnd = Buffer.alloc(2 * blockBytes)

/** The zeros that follow a file of that size. */
export function tarPadding(sizeBytes: number): Buffer {
  return Buffer.alloc((blockBytes - (sizeBytes % blockBytes)) % blockBytes)
}

/** The blocks that stand before an entry's bytes. `records` are what pax is to say of it besides. */
export function tarHeader(entry: TarEntry, records: Readonly<Record<string, string>> = {}): Buffer {
  const name = entry.kind === 'folder' ? `${entry.name}/` : entry.name
  const extra = [
    ...(name.length > 100 ? [paxRecord('path', name)] : []),
    ...(entry.target.length > 100 ? [paxRecord('linkpath', entry.target)] : []),
    ...(entry.sizeBytes >= 8 ** 11 ? [paxRecord('size', String(entry.sizeBytes))] : []),
    ...Object.entries(records).map(([key, value]) => paxRecord(key, value)),
  ].join('')
  const own = headerBlock({ ...entry, name }, types[entry.kind])
  if (extra === '') return own
  const bytes = Buffer.from(extra, 'latin1')
  const about = headerBlock({ ...entry, name: 'pax', target: '', sizeBytes: bytes.length, mode: 0o644 }, 'x')
  return Buffer.concat([about, bytes, tarPadding(bytes.length), own])
}

/** `30 path=...\n`: the length counts itself. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`
  const length = (digits: number): number => rest.length + digits
  const digits = [1, 2, 3, 4, 5, 6].find((count) => String(length(count)).length === count) ?? 7
  return `${length(digits)}${rest}`
}

function headerBlock({ name, target, mode, uid, gid, sizeBytes, mtimeSeconds }: TarEntry, type: string): Buffer {
  const block = Buffer.alloc(blockBytes)
  const octal = (value: number, at: number, length: number): void => {
    const digits = Math.min(Math.max(0, Math.floor(value)), 8 ** (length - 1) - 1)
    block.write(digits.toString(8).padStart(length - 1, '0'), at, 'latin1')
  }
  block.write(name.slice(0, 100), 0, 'latin1')
  octal(mode, 100, 8)
  octal(uid, 108, 8)
  octal(gid, 116, 8)
  octal(sizeBytes, 124, 12)
  octal(mtimeSeconds, 136, 12)
  block.write(' '.repeat(8), 148, 'latin1')
  block.write(type, 156, 'latin1')
  block.write(target.slice(0, 100), 157, 'latin1')
  block.write('ustar\u000000', 257, 'latin1')
  block.write(`${sumOf(block).toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}

function sumOf(block: Buffer): number {
  let sum = 0
  for (const [at, byte] of block.entries()) sum += at >= 148 && at < 156 ? 0x20 : byte
  return sum
}

export interface TarHandlers {
  readonly onEntry: (entry: TarEntry) => void
  /** Bytes of the file that was begun last. */
  readonly onBytes: (bytes: Buffer) => void
  /** That entry is whole. */
  readonly onEntryEnd: () => void
}

/** Reads an archive that somebody hostile may have written: what it says is handed on, in bounded memory, and not believed here. */
export class TarReader {
  readonly #handlers: TarHandlers
  #header = Buffer.alloc(0)
  /** What is being said of the next entry, in an entry of its own. */
  #extra: { readonly type: string; readonly pieces: Buffer[] } | undefined
  #about: Partial<TarEntry> = {}
  #leftBytes = 0
  #paddingBytes = 0
  #hasEnded = false

  constructor(handlers: TarHandlers) {
    this.#handlers = handlers
  }

  /** Takes what came, of any size. Throws a Failure for what is not an archive. */
  push(piece: Buffer): void {
    for (let rest = piece; rest.length > 0;) {
      // Many write zeros to the end of a larger block.
      if (this.#hasEnded) return
      rest = rest.subarray(this.#take(rest))
    }
  }

  /** To be called at the end. Throws a Failure where the archive was cut off. */
  end(): void {
    if (!this.#hasEnded) throw new Failure('the archive was cut off')
  }

  /** Takes what belongs together; says how many bytes that was. */
  #take(rest: Buffer): number {
    if (this.#leftBytes > 0) {
      const own = rest.subarray(0, this.#leftBytes)
      this.#leftBytes -= own.length
      if (this.#extra === undefined) this.#handlers.onBytes(own)
      else this.#extra.pieces.push(Buffer.from(own))
      if (this.#leftBytes === 0) this.#endEntry()
      return own.length
    }
    if (this.#paddingBytes > 0) {
      const skipped = Math.min(this.#paddingBytes, rest.length)
      this.#paddingBytes -= skipped
      return skipped
    }
    const own = rest.subarray(0, blockBytes - this.#header.length)
    this.#header = Buffer.concat([this.#header, own])
    if (this.#header.length === blockBytes) {
      const block = this.#header
      this.#header = Buffer.alloc(0)
      this.#begin(block)
    }
    return own.length
  }

  #begin(block: Buffer): void {
    if (block.every((byte) => byte === 0)) {
      this.#hasEnded = true
      return
    }
    const { type, entry: found } = readTarHeader(block)
    const isExtra = 'xgLK'.includes(type)
    const entry = isExtra ? found : { ...found, ...this.#about }
    // What is no file has no bytes, whatever it says.
    this.#leftBytes = isExtra || entry.kind === 'file' || entry.kind === 'other' ? entry.sizeBytes : 0
    this.#paddingBytes = tarPadding(this.#leftBytes).length
    if (isExtra) {
      if (this.#leftBytes > longestExtra) throw new Failure('the archive has a name that is too long')
      this.#extra = { type, pieces: [] }
    } else {
      this.#about = {}
      this.#handlers.onEntry(entry)
    }
    if (this.#leftBytes === 0) this.#endEntry()
  }

  #endEntry(): void {
    const extra = this.#extra
    this.#extra = undefined
    if (extra === undefined) this.#handlers.onEntryEnd()
    else this.#about = { ...this.#about, ...readTarExtra(extra.type, Buffer.concat(extra.pieces)) }
  }
}

/** What one block says; `type` `x`, `g`, `L` and `K` are about the next. Throws a Failure where it is no header. */
export function readTarHeader(block: Buffer): { readonly type: string; readonly entry: TarEntry } {
  if (octalAt(block, 148, 8) !== sumOf(block)) throw new Failure('what came is not an archive of tar')
  const type = block.toString('latin1', 156, 157)
  // GNU's own format has other things in place of the prefix.
  const prefix = block.toString('latin1', 257, 263) === 'ustar\0' ? textAt(block, 345, 155) : ''
  const name = textAt(block, 0, 100)
  const entry: TarEntry = {
    kind: kinds[type] ?? 'other',
    name: prefix === '' ? name : `${prefix}/${name}`,
    mode: octalAt(block, 100, 8) & 0o777,
    uid: octalAt(block, 108, 8),
    gid: octalAt(block, 116, 8),
    sizeBytes: octalAt(block, 124, 12),
    mtimeSeconds: octalAt(block, 136, 12),
    target: textAt(block, 157, 100),
  }
  return { type, entry }
}

function textAt(block: Buffer, at: number, length: number): string {
  return block.toString('latin1', at, at + length).replace(/\0[^]*$/, '')
}

/** A number in octal digits, or, where it has the high bit, in bytes (GNU). */
function octalAt(block: Buffer, at: number, length: number): number {
  const field = block.subarray(at, at + length)
  if (((field[0] ?? 0) & 0x80) !== 0) {
    const value = Number(BigInt(`0x${field.subarray(1).toString('hex')}`))
    return Number.isSafeInteger(value) ? value : 0
  }
  const digits = /^[ \0]*(?<digits>[0-7]*)/.exec(field.toString('latin1'))?.groups?.['digits'] ?? ''
  return digits === '' ? 0 : Number.parseInt(digits, 8)
}

/** What is said of the next entry: GNU's long name (L) or target (K), or records of pax. Those for all entries (g) do not matter. */
export function readTarExtra(type: string, bytes: Buffer): Partial<Pick<TarEntry, 'name' | 'target' | 'sizeBytes'>> {
  const text = bytes.toString('latin1')
  if (type === 'L') return { name: text.replace(/\0[^]*$/, '') }
  if (type === 'K') return { target: text.replace(/\0[^]*$/, '') }
  if (type === 'g') return {}
  const found: { name?: string; target?: string; sizeBytes?: number } = {}
  for (let at = 0; at < text.length;) {
    const [whole = '', length = '0', key = ''] = /^(\d{1,6}) ([^=\n]*)=/.exec(text.slice(at, at + 300)) ?? []
    const end = at + Number(length)
    if (whole === '' || end <= at + whole.length || text[end - 1] !== '\n') throw new Failure('the archive has a broken header')
    const value = text.slice(at + whole.length, end - 1)
    if (key === 'path') found.name = value
    if (key === 'linkpath') found.target = value
    if (key === 'size' && /^\d{1,15}$/.test(value)) found.sizeBytes = Number(value)
    at = end
  }
  return found
}
