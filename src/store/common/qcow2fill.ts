// Writing into a qcow2 file that is empty and that nobody else has open, by ourselves: each byte goes to its place in the file at once, where
// a qemu-nbd has it go through a socket, in pieces, one after the other. Clusters are taken from the end of the file in the order in which they
// come; the tables that lead to them are written at the end, so until then the image is as empty as it was.
import { Failure } from '../../core/errors.js'
import { isZero } from '../../core/zeros.js'
import { syncOpen, writeFully } from '../../sys/blocks.js'
import { close, open, readOpen, statOpen } from '../../sys/file.js'
import { withName } from '../../sys/named.js'
import { isEmpty, parseQcow2 } from './qcow2.js'

const clusterBytes = 65_536
const entryBytes = 8
const perTable = clusterBytes / entryBytes
/** Counts of 2 bytes. */
const perRefcountBlock = clusterBytes / 2
/** After so many bytes the disk is to write while more come: less is left to wait for at the end, and the host keeps fewer in its memory. */
const aheadBytes = 64 * 1024 ** 2
/** Bit 63: nobody else refers to it. */
const own = 1n << 63n

/** Where a guest's bytes go in the file, one after the other. */
interface Stretch {
  readonly at: number
  readonly from: number
  readonly to: number
}

export class Qcow2Filler {
  readonly sizeBytes: number
  readonly #file: string
  readonly #fd: number
  readonly #l1Offset: number
  readonly #l1: Buffer
  readonly #refcountTable: Buffer
  readonly #refcountOffset: number
  /** By their number in the L1 table. */
  readonly #tables = new Map<number, Buffer>()
  /** How many clusters the file has. */
  #clusters: number

  readonly #under = new Set<Promise<void>>()
  #unsyncedBytes = 0
  /** What came of it; the kernel tells an error of the disk only once. */
  #ahead: Promise<void> | undefined

  private constructor(
    file: string,
    fd: number,
    found: { readonly sizeBytes: number; readonly l1Offset: number; readonly refcountOffset: number },
    l1: Buffer,
  ) {
    this.#file = file
    this.#fd = fd
    this.sizeBytes = found.sizeBytes
    this.#l1Offset = found.l1Offset
    this.#l1 = l1
    this.#refcountOffset = found.refcountOffset
    this.#refcountTable = readOpen(fd, clusterBytes, found.refcountOffset)
    this.#clusters = Math.ceil(statOpen(fd).size / clusterBytes)
  }

  /** Undefined for an image that is not as `qemu-img create` makes it, or that holds something. */
  static open(file: string): Qcow2Filler | undefined {
    const fd = open(file, 'write')
    try {
      const filler = Qcow2Filler.#of(fd, file)
      if (filler === undefined) close(fd)
      return filler
    } catch (error) {
      close(fd)
      throw error
    }
  }

  static #of(fd: number, file: string): Qcow2Filler | undefined {
    const head = readOpen(fd, clusterBytes, 0)
    const header = parseQcow2(head, file)
    const { virtualBytes: sizeBytes, l1Offset, l1Entries, refcountOffset, refcountBytes } = header
    const isPlain = header.version === 3 && header.clusterBytes === clusterBytes && header.incompatible === 0n
    const isAlone = header.backingFile === undefined && header.dataFile === undefined && !header.encrypted
    const hasCounts = refcountBytes === clusterBytes && head.readUInt32BE(96) === 4
    const hasFeatures = head.readBigUInt64BE(80) !== 0n || head.readBigUInt64BE(88) !== 0n
    if (!isPlain || !isAlone || !hasCounts || hasFeatures) return undefined
    const l1 = readOpen(fd, l1Entries * entryBytes, l1Offset)
    return isEmpty(header, l1) ? new Qcow2Filler(file, fd, { sizeBytes, l1Offset, refcountOffset }, l1) : undefined
  }

  /** Writes what is not zeros. The bytes are not to be changed before that has been done. */
  async write(offset: number, bytes: Buffer): Promise<void> {
    if (offset < 0 || offset + bytes.length > this.sizeBytes) throw new Failure(`byte ${offset} is beyond the end of the image`)
    await Promise.all(this.#place(offset, bytes).map(({ at, from, to }) => this.#put(bytes.subarray(from, to), at)))
  }

  /** Takes room for what is written there. What of a new cluster is not written reads as zeros: it is a hole at the end of the file. */
  #place(offset: number, bytes: Buffer): Stretch[] {
    const stretches: Stretch[] = []
    for (let from = 0; from < bytes.length;) {
      const within = (offset + from) % clusterBytes
      const to = Math.min(bytes.length, from + clusterBytes - within)
      const at = this.#hostOf((offset + from - within) / clusterBytes, bytes.subarray(from, to))
      const last = stretches.at(-1)
      if (at !== undefined) {
        if (last !== undefined && last.to === from && last.at + last.to - last.from === at + within)
          stretches[stretches.length - 1] = { ...last, to }
        else stretches.push({ at: at + within, from, to })
      }
      from = to
    }
    return stretches
  }

  /** Where a cluster of the guest is in the file; undefined for one that has no place and is to hold zeros. */
  #hostOf(cluster: number, bytes: Buffer): number | undefined {
    const number = Math.floor(cluster / perTable)
    const table = this.#tables.get(number) ?? Buffer.alloc(clusterBytes)
    const entry = (cluster % perTable) * entryBytes
    const found = table.readBigUInt64BE(entry)
    if (found !== 0n) return Number(found - own)
    if (isZero(bytes)) return undefined
    const at = this.#next()
    table.writeBigUInt64BE(BigInt(at) + own, entry)
    this.#tables.set(number, table)
    return at
  }

  #next(): number {
    return this.#clusters++ * clusterBytes
  }

  /** Makes what was written count, and has all of it on the disk. */
  async flush(): Promise<void> {
    for (const [number, table] of this.#tables) {
      const at = this.#next()
      await this.#put(table, at)
      this.#l1.writeBigUInt64BE(BigInt(at) + own, number * entryBytes)
    }
    await this.#count()
    await this.#put(this.#l1, this.#l1Offset)
    await this.#ahead
    await syncOpen(this.#fd)
  }

  /** Says of each cluster that it is in use, those of the counts themselves too. */
  async #count(): Promise<void> {
    const blocks: number[] = []
    for (let number = 0; number * perRefcountBlock < this.#clusters; number++) {
      const known = Number(this.#refcountTable.readBigUInt64BE(number * entryBytes))
      blocks.push(known === 0 ? this.#next() : known)
    }
    for (const [number, at] of blocks.entries()) {
      const counts = Buffer.alloc(clusterBytes)
      const used = Math.min(perRefcountBlock, this.#clusters - number * perRefcountBlock)
      for (let one = 0; one < used; one++) counts.writeUInt16BE(1, one * 2)
      await this.#put(counts, at)
      this.#refcountTable.writeBigUInt64BE(BigInt(at), number * entryBytes)
    }
    await this.#put(this.#refcountTable, this.#refcountOffset)
  }

  /** Resolves when nothing is written any more. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#under, this.#ahead])
    close(this.#fd)
  }

  async #put(bytes: Buffer, at: number): Promise<void> {
    const written = writeFully(this.#fd, bytes, at)
    this.#under.add(written)
    try {
      await written
      this.#syncAhead(bytes.length)
    } catch (error) {
      throw withName(error, this.#file)
    } finally {
      this.#under.delete(written)
    }
  }

  #syncAhead(bytes: number): void {
    this.#unsyncedBytes += bytes
    if (this.#unsyncedBytes < aheadBytes) return
    this.#unsyncedBytes = 0
    const before = this.#ahead ?? Promise.resolve()
    this.#ahead = before.then(() => syncOpen(this.#fd))
    this.#ahead.catch(() => {})
  }
}
