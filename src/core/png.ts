// Whether bytes are a whole picture in PNG: https://www.w3.org/TR/png-3/#5DataRep
import { Failure } from './errors.js'

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

/** A chunk's length, its type, and its checksum behind the data. */
const [lengthBytes, typeBytes, checksumBytes] = [4, 4, 4]

export interface PictureSize {
  readonly width: number
  readonly height: number
}

/** The size of a picture, in pixels. Throws a Failure for what is not a PNG, or not all of one. What it shows is not looked at. */
export function pngSize(bytes: Buffer): PictureSize {
  if (!bytes.subarray(0, signature.length).equals(signature)) throw new Failure('it does not begin as a PNG')
  const types: string[] = []
  for (let at = signature.length; at < bytes.length;) {
    const end = at + lengthBytes + typeBytes + (at + lengthBytes > bytes.length ? 0 : bytes.readUInt32BE(at)) + checksumBytes
    if (end > bytes.length) throw new Failure('it breaks off')
    types.push(bytes.toString('latin1', at + lengthBytes, at + lengthBytes + typeBytes))
    at = end
  }
  if (types[0] !== 'IHDR' || !types.includes('IDAT') || types.indexOf('IEND') !== types.length - 1) {
    throw new Failure('it is not a whole PNG')
  }
  const header = signature.length + lengthBytes + typeBytes
  return { width: bytes.readUInt32BE(header), height: bytes.readUInt32BE(header + 4) }
}
