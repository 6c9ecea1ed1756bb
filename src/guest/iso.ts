// A small ISO 9660 image with Rock Ridge names, as cloud-init and nuageinit mount it: a few files in its root, and nothing else.
// Readers without Rock Ridge (Windows) see the names in capitals; longer and with a dash, which ISO 9660 level 1 forbids and all read.
// https://www.ecma-international.org/publications-and-standards/standards/ecma-119/ (ISO 9660), IEEE P1281 (SUSP), P1282 (RRIP)

/** One file of the image. Its name is of letters, digits and dashes, 64 at most. */
export interface IsoFile {
  readonly name: string
  readonly bytes: Buffer
}

const sectorBytes = 2048

/** The system area comes first; a descriptor, its terminator, the path tables and the root follow, a sector each. */
const [descriptorAt, terminatorAt, littleTableAt, bigTableAt, rootAt, areaAt] = [16, 17, 18, 19, 20, 21]

/** The area to which entries of the root's own record, which is as short as all, continue: SUSP's CE. */
const firstFileAt = areaAt + 1

/**
 * The image as a whole, always the same bytes for the same files: it bears no time. `label` is what the guest finds it by, 32
 * characters at most; in lower case, as blkid(8) shows it. Throws a RangeError for more files than fit one sector of names.
 */
export function isoImage(label: string, files: readonly IsoFile[]): Buffer {
  let at = firstFileAt
  const placed = files.map(({ name, bytes }) => {
    const placedAt = at
    at += sectorsOf(bytes.length)
    return { name, bytes, at: placedAt }
  })
  const image = Buffer.alloc(at * sectorBytes)
  const put = (sector: number, bytes: Buffer): void => void bytes.copy(image, sector * sectorBytes)
  put(descriptorAt, descriptor(label, at))
  put(terminatorAt, Buffer.concat([Buffer.from([255]), Buffer.from('CD001\u0001')]))
  put(littleTableAt, pathTable('little'))
  put(bigTableAt, pathTable('big'))
  put(rootAt, root(placed))
  put(areaAt, extensionReference)
  for (const file of placed) put(file.at, file.bytes)
  return image
}

const sectorsOf = (bytes: number): number => Math.ceil(bytes / sectorBytes)

/** The primary volume descriptor, ECMA-119 8.4. */
function descriptor(label: string, sectors: number): Buffer {
  const bytes = Buffer.alloc(sectorBytes)
  const text = (at: number, length: number, value = ''): void => void bytes.write(value.padEnd(length), at, length, 'latin1')
  bytes[0] = 1
  bytes.write('CD001\u0001', 1, 'latin1')
  text(8, 32, 'LINUX')
  text(40, 32, label)
  both32(sectors).copy(bytes, 80)
  both16(1).copy(bytes, 120)
  both16(1).copy(bytes, 124)
  both16(sectorBytes).copy(bytes, 128)
  both32(pathTable('little').length).copy(bytes, 132)
  bytes.writeUInt32LE(littleTableAt, 140)
  bytes.writeUInt32BE(bigTableAt, 148)
  record({ identifier: '\u0000', at: rootAt, length: sectorBytes, isFolder: true }).copy(bytes, 156)
  text(190, 623)
  for (const date of [813, 830, 847, 864]) bytes.write('0'.repeat(16), date, 'latin1')
  bytes[881] = 1
  return bytes
}

/** One folder, the root, whose parent is itself; ECMA-119 9.4. */
function pathTable(order: 'little' | 'big'): Buffer {
  const bytes = Buffer.alloc(10)
  bytes[0] = 1
  if (order === 'little') {
    bytes.writeUInt32LE(rootAt, 2)
    bytes.writeUInt16LE(1, 6)
  } else {
    bytes.writeUInt32BE(rootAt, 2)
    bytes.writeUInt16BE(1, 6)
  }
  return bytes
}

interface Placed extends IsoFile {
  readonly at: number
}

function root(files: readonly Placed[]): Buffer {
  const folder = { at: rootAt, length: sectorBytes, isFolder: true }
  const records = [
    record({ ...folder, identifier: '\u0000' }, Buffer.concat([sharing, posix(true), continuation])),
    record({ ...folder, identifier: '\u0001' }, posix(true)),
    ...files
      .toSorted((one, other) => (one.name < other.name ? -1 : 1))
      .map(({ name, bytes, at }) => {
        const entry = { identifier: `${name.toUpperCase()};1`, at, length: bytes.length, isFolder: false }
        return record(entry, Buffer.concat([posix(false), alternateName(name)]))
      }),
  ]
  const bytes = Buffer.concat(records)
  if (bytes.length > sectorBytes) throw new RangeError(`${files.length} files do not fit one sector of names`)
  return bytes
}

interface Entry {
  /** A name with its version, or one byte, 0 or 1, for a folder itself and its parent. */
  readonly identifier: string
  readonly at: number
  readonly length: number
  readonly isFolder: boolean
}

/** A directory record, ECMA-119 9.1, with what Rock Ridge says of the file behind its identifier. */
function record({ identifier, at, length, isFolder }: Entry, extensions: Buffer = Buffer.alloc(0)): Buffer {
  const begin = 33 + identifier.length + (identifier.length % 2 === 0 ? 1 : 0)
  const bytes = Buffer.alloc(begin + extensions.length + (extensions.length % 2))
  bytes[0] = bytes.length
  both32(at).copy(bytes, 2)
  both32(length).copy(bytes, 10)
  bytes[25] = isFolder ? 2 : 0
  both16(1).copy(bytes, 28)
  bytes[32] = identifier.length
  bytes.write(identifier, 33, 'latin1')
  extensions.copy(bytes, begin)
  return bytes
}

/** An entry of the System Use Sharing Protocol: two letters, its length, version 1, then its data. */
function entry(signature: string, data: Buffer): Buffer {
  return Buffer.concat([Buffer.from(signature), Buffer.from([data.length + 4, 1]), data])
}

/** SP: the protocol is in use, from the first byte of each record's system use area. */
const sharing = entry('SP', Buffer.from([0xbe, 0xef, 0]))

/** PX: mode and links; owner and group are root. All is readable for root alone, for the seed holds keys. */
function posix(isFolder: boolean): Buffer {
  return entry('PX', Buffer.concat([isFolder ? 0o040500 : 0o100400, isFolder ? 2 : 1, 0, 0].map(both32)))
}

/** NM: the name as it is. */
function alternateName(name: string): Buffer {
  return entry('NM', Buffer.concat([Buffer.from([0]), Buffer.from(name, 'latin1')]))
}

/** ER: which extension this is. Its texts are those of mkisofs(8), by which readers know it. */
const extensionReference = ((): Buffer => {
  const identifier = 'RRIP_1991A'
  const description = 'THE ROCK RIDGE INTERCHANGE PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM SEMANTICS'
  const source = 'PLEASE CONTACT DISC PUBLISHER FOR SPECIFICATION SOURCE.'
  const lengths = Buffer.from([identifier.length, description.length, source.length, 1])
  return entry('ER', Buffer.concat([lengths, Buffer.from(identifier + description + source, 'latin1')]))
})()

/** CE: where the entries of the root go on, for a record has room for less than the extension's name. */
const continuation = entry('CE', Buffer.concat([areaAt, 0, extensionReference.length].map(both32)))

/** A number in both byte orders. */
function both32(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt32LE(value, 0)
  bytes.writeUInt32BE(value, 4)
  return bytes
}

function both16(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt16LE(value, 0)
  bytes.writeUInt16BE(value, 2)
  return bytes
}
