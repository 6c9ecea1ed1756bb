// Reads an archive member by member, as nbsvm writes it and in no other way: whoever wrote this one may be hostile. Nothing of it is
// unpacked here, and no name of it becomes a path.
import { isZero } from '../../core/zeros.js'
import { CutOff, Intake } from '../../core/intake.js'
import { newHash, type Hash } from '../../sys/hash.js'
import { broken } from './form.js'

const blockBytes = 512
/** What pax says of a member. */
const mostRecordBytes = 4096
/** Who writes to a tape fills it up to a whole record. */
const mostZerosAtEnd = 1024 ** 2

export interface Member {
  readonly name: string
  /** What it takes in the archive, a map of its parts included. */
  readonly sizeBytes: number
  /** What it is when it is unpacked; absent where that is the same. */
  readonly realBytes?: number
}

export class ArchiveReader {
  readonly #intake: Intake
  readonly #seen = new Set<string>()
  #left = 0
  #padding = 0
  #hash: Hash = newHash('sha256')

  constructor(pieces: AsyncIterable<Buffer>) {
    this.#intake = new Intake(pieces)
  }

  /** The next member, where the one before was taken to its end; undefined at the end of the archive. */
  async next(): Promise<Member | undefined> {
    if (this.#left > 0) throw broken('a member is longer than what it holds')
    if (this.#padding > 0) requireZeros(await this.#bytes(this.#padding))
    const block = await this.#bytes(blockBytes)
    if (isZero(block)) {
      await this.#end()
      return undefined
    }
    const first = headerOf(block)
    let member: Member = first
    if (first.type === 'x') {
      if (first.sizeBytes > mostRecordBytes || first.sizeBytes === 0) throw broken('a header is too long')
      const records = recordsOf(await this.#bytes(first.sizeBytes))
      requireZeros(await this.#bytes(paddingOf(first.sizeBytes)))
      const second = headerOf(await this.#bytes(blockBytes))
      if (second.type !== '0') throw broken('a header of pax stands alone')
      member = withRecords(second, records)
    }
    if (this.#seen.has(member.name)) throw broken(`it has ${JSON.stringify(member.name)} twice`)
    this.#seen.add(member.name)
    this.#left = member.sizeBytes
    this.#padding = paddingOf(member.sizeBytes)
    this.#hash = newHash('sha256')
    return member
  }

  /** So many bytes of the member. */
  async take(length: number): Promise<Buffer> {
    if (length > this.#left) throw broken('a member is shorter than what it holds')
    this.#left -= length
    const bytes = await this.#bytes(length)
    this.#hash.update(bytes)
    return bytes
  }

  /** Some bytes of the member, at most so many, as they came. */
  async some(most: number): Promise<Buffer> {
    if (most > this.#left) throw broken('a member is shorter than what it holds')
    const bytes = await this.#intake.some(most)
    if (bytes === undefined) throw broken('it ends in the midst')
    this.#left -= bytes.length
    this.#hash.update(bytes)
    return bytes
  }

  /** What was taken of the member. */
  digest(): string {
    return this.#hash.hex()
  }

  async #bytes(length: number): Promise<Buffer> {
    if (length === 0) return Buffer.alloc(0)
    try {
      const bytes = await this.#intake.take(length)
      if (bytes !== undefined) return bytes
    } catch (error) {
      if (!(error instanceof CutOff)) throw error
    }
    throw broken('it ends in the midst')
  }

  async #end(): Promise<void> {
    requireZeros(await this.#bytes(blockBytes))
    for (let zeros = 0; ; zeros += blockBytes) {
      const more = await this.#intake.take(blockBytes).catch(() => Buffer.from('cut'))
      if (more === undefined) return
      if (!isZero(more) || zeros >= mostZerosAtEnd) throw broken('something follows its end')
    }
  }
}

interface Header extends Member {
  readonly type: '0' | 'x'
}

/** A header as nbsvm writes it: a plain file of its own name, or what pax says of the next. */
function headerOf(block: Buffer): Header {
  if (block.toString('latin1', 257, 265) !== 'ustar\u000000') throw broken('it is not an archive of tar')
  if (octal(block, 148, 6) !== sumOf(block)) throw broken('a header is damaged')
  const type = block.toString('latin1', 156, 157)
  if (type !== '0' && type !== 'x') throw broken(`it has a member that is no file (${JSON.stringify(type)}): a link, or a folder`)
  const name = field(block, 0, 100)
  if (!isZero(block.subarray(157, 257)) || !isZero(block.subarray(345))) throw broken('a header has what nbsvm does not write')
  return { type, name: type === 'x' ? 'pax' : plainName(name), sizeBytes: octal(block, 124, 11) }
}

function field(block: Buffer, at: number, length: number): string {
  const text = block.toString('latin1', at, at + length)
  const end = text.indexOf('\0')
  if (end !== -1 && /[^\0]/.test(text.slice(end))) throw broken('a header has a name that does not end')
  return end === -1 ? text : text.slice(0, end)
}

/** Names are compared with those that there may be, and used for nothing else. */
function plainName(name: string): string {
  if (
    /^[A-Za-z0-9._/-]{1,100}$/.test(name) &&
    !name.startsWith('/') &&
    !name.split('/').some((part) => part === '' || /^\.+$/.test(part))
  )
    return name
  throw broken(`it has a member that is called ${JSON.stringify(name.slice(0, 100))}`)
}

function octal(block: Buffer, at: number, digits: number): number {
  const text = block.toString('latin1', at, at + digits)
  if (!/^[0-7]+$/.test(text)) throw broken('a header is damaged')
  return Number.parseInt(text, 8)
}

function sumOf(block: Buffer): number {
  let sum = 0
  for (const [at, byte] of block.entries()) sum += at >= 148 && at < 156 ? 0x20 : byte
  return sum
}

const knownRecords = new Set(['size', 'GNU.sparse.major', 'GNU.sparse.minor', 'GNU.sparse.name', 'GNU.sparse.realsize'])

function recordsOf(bytes: Buffer): ReadonlyMap<string, string> {
  const text = bytes.toString('latin1')
  const found = new Map<string, string>()
  for (let at = 0; at < text.length;) {
    const [whole = '', length = '0', key = ''] = /^([1-9]\d{0,3}) ([^=\n]*)=/.exec(text.slice(at, at + 200)) ?? []
    const end = at + Number(length)
    if (whole === '' || end > text.length || end <= at + whole.length || text[end - 1] !== '\n')
      throw broken('a header of pax is damaged')
    if (!knownRecords.has(key) || found.has(key)) throw broken(`a header of pax says ${JSON.stringify(key)}`)
    found.set(key, text.slice(at + whole.length, end - 1))
    at = end
  }
  return found
}

function withRecords(header: Header, records: ReadonlyMap<string, string>): Member {
  const size = records.get('size')
  const sizeBytes = size === undefined ? header.sizeBytes : number(size)
  const name = records.get('GNU.sparse.name')
  if (name === undefined) throw broken('a header of pax says nothing of a drive')
  if (records.get('GNU.sparse.major') !== '1' || records.get('GNU.sparse.minor') !== '0')
    throw broken('its map is of a version that is not known')
  if (header.name !== `GNUSparseFile.0/${name}`) throw broken('a member has two names')
  return { name: plainName(name), sizeBytes, realBytes: number(records.get('GNU.sparse.realsize') ?? '') }
}

function number(text: string): number {
  const value = Number(text)
  if (!/^(?:0|[1-9]\d*)$/.test(text) || !Number.isSafeInteger(value)) throw broken('a size is none')
  return value
}

function requireZeros(bytes: Buffer): void {
  if (!isZero(bytes)) throw broken('it has bytes where there are none')
}

function paddingOf(sizeBytes: number): number {
  return (blockBytes - (sizeBytes % blockBytes)) % blockBytes
}
