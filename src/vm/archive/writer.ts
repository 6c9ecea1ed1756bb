// Writes the members of an archive one after the other, and at its end what they were.
import { Failure } from '../../core/errors.js'
import { tarEnd, tarHeader, tarPadding, type TarEntry } from '../../guest/tar.js'
import { newHash, type Hash } from '../../sys/hash.js'
import { digestsName } from './form.js'
import type { Extent } from '../move/image.js'
import { bytesIn, mapBytes } from './sparse.js'

export type Write = (bytes: Buffer) => Promise<void>

export class ArchiveWriter {
  readonly #write: Write
  readonly #mtimeSeconds: number
  readonly #digests: Record<string, string> = {}

  constructor(write: Write, atMs: number) {
    this.#write = write
    this.#mtimeSeconds = Math.floor(atMs / 1000)
  }

  async file(name: string, bytes: Buffer): Promise<void> {
    const hash = newHash('sha256')
    await this.#write(tarHeader(this.#entry(name, bytes.length)))
    await this.#put(bytes, hash)
    await this.#end(name, bytes.length, hash)
  }

  /** A drive of `realBytes`, of which only those parts are written that `pieces` gives, in their order. */
  async sparse(name: string, realBytes: number, extents: readonly Extent[], pieces: AsyncIterable<Buffer>): Promise<void> {
    const hash = newHash('sha256')
    const map = mapBytes(extents, realBytes)
    const sizeBytes = map.length + bytesIn(extents)
    // GNU's sparse files of version 1.0, which bsdtar and others know too: who does not finds the map before the data.
    const records = {
      'GNU.sparse.major': '1',
      'GNU.sparse.minor': '0',
      'GNU.sparse.name': name,
      'GNU.sparse.realsize': String(realBytes),
    }
    await this.#write(tarHeader(this.#entry(`GNUSparseFile.0/${name}`, sizeBytes), records))
    await this.#put(map, hash)
    let written = map.length
    for await (const piece of pieces) {
      await this.#put(piece, hash)
      written += piece.length
    }
    if (written !== sizeBytes) throw new Failure(`${name} was to have ${sizeBytes} bytes, and has ${written}`)
    await this.#end(name, sizeBytes, hash)
  }

  /** The digests, and the end of the archive. */
  async end(): Promise<void> {
    const bytes = Buffer.from(`${JSON.stringify({ sha256: this.#digests }, undefined, 2)}\n`)
    await this.#write(Buffer.concat([tarHeader(this.#entry(digestsName, bytes.length)), bytes, tarPadding(bytes.length), tarEnd]))
  }

  #entry(name: string, sizeBytes: number): TarEntry {
    return { name, kind: 'file', mode: 0o600, uid: 0, gid: 0, mtimeSeconds: this.#mtimeSeconds, sizeBytes, target: '' }
  }

  async #put(bytes: Buffer, hash: Hash): Promise<void> {
    const written = this.#write(bytes)
    // The disk works meanwhile.
    hash.update(bytes)
    await written
  }

  async #end(name: string, sizeBytes: number, hash: Hash): Promise<void> {
    this.#digests[name] = hash.hex()
    const padding = tarPadding(sizeBytes)
    if (padding.length > 0) await this.#write(padding)
  }
}
