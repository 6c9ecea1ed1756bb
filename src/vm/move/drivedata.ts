// The drives of a VM that is off, as frames.
import { Failure } from '../../core/errors.js'
import type { Drive } from '../../model/drive.js'
import type { Nbd } from '../../qemu/nbd.js'
import type { OnProgress } from '../../store/store.js'
import { extentsOf, withImage, type Extent, type Part } from './image.js'
import { readAhead, withParts } from './parts.js'
import { frameHead, pieceBytes, piecesAhead, type Reader } from './wire.js'

interface Sending {
  readonly folder: string
  readonly write: (bytes: Buffer) => Promise<void>
  readonly onProgress: OnProgress
  readonly signal?: AbortSignal | undefined
}

/** Sends all that the drives hold, and that it was all. */
export async function sendDrives(drives: readonly Drive[], { folder, write, onProgress, signal }: Sending): Promise<void> {
  const found: { readonly drive: Drive; readonly extents: readonly Part[] }[] = []
  for (const drive of drives) found.push({ drive, extents: await extentsOf(drive, signal) })
  const total = found.reduce((sum, { extents }) => sum + bytesIn(extents), 0)
  let sent = 0
  let done = 0
  for (const { drive, extents } of found) {
    if (extents.length === 0) continue
    await withParts(drive, extents, { folder, signal }, async (read) => {
      for await (const { offset, bytes } of readAhead(read, extents)) {
        signal?.throwIfAborted()
        // Of a volume nobody knows what was never written.
        if (!isZero(bytes)) {
          sent += bytes.length
          await write(frameHead({ kind: 'data', drive: drive.number, offset, bytes }))
          await write(bytes)
        }
        onProgress((done += bytes.length), total)
      }
    })
  }
  await write(frameHead({ kind: 'end', bytes: sent }))
}

const zeros = Buffer.alloc(pieceBytes)

/** Of at most `pieceBytes`. */
export function isZero(bytes: Buffer): boolean {
  return bytes.equals(zeros.subarray(0, bytes.length))
}

function bytesIn(extents: readonly Extent[]): number {
  return extents.reduce((sum, { length }) => sum + length, 0)
}

/** A server of NBD takes no more in one request. */
const zeroBytes = 2 ** 30

/** Writes what comes into drives that are new, up to the end. Throws a Failure where it ends too early, or is not for them. */
export async function takeDrives(
  drives: readonly Drive[],
  reader: Pick<Reader, 'frame'>,
  { folder, signal }: { readonly folder: string; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const images = new Map<number, Nbd>()
  /** Opens the drives one around the other, then takes what comes. */
  const within = async (left: readonly Drive[]): Promise<void> => {
    const [drive, ...others] = left
    if (drive === undefined) return take(images, reader, signal)
    // A volume may hold what was there before.
    const old = await extentsOf(drive, signal)
    await withImage(drive, { folder, isReadOnly: false, signal }, async (image) => {
      images.set(drive.number, image)
      for (const { start, length } of old) await clear(image, start, length)
      await within(others)
      await image.flush()
    })
  }
  await within(drives)
}

async function clear(image: Nbd, start: number, length: number): Promise<void> {
  for (let at = 0; at < length; at += zeroBytes) await image.zero(start + at, Math.min(zeroBytes, length - at))
}

async function take(
  images: ReadonlyMap<number, Nbd>,
  reader: Pick<Reader, 'frame'>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const under = new Set<Promise<void>>()
  let fault: unknown
  for (let got = 0; ;) {
    const frame = await reader.frame()
    signal?.throwIfAborted()
    if (fault !== undefined) throw fault
    if (frame === undefined || frame.kind === 'word') throw new Failure('not all of its drives came')
    if (frame.kind === 'end') {
      await Promise.all(under)
      if (fault !== undefined) throw fault
      if (frame.bytes === got) return
      throw new Failure(`${frame.bytes} bytes of its drives were sent, and ${got} came`)
    }
    const { drive, offset, bytes } = frame
    const image = images.get(drive)
    if (image === undefined || offset + bytes.length > image.sizeBytes) throw new Failure(`what came is not for drive ${drive}`)
    got += bytes.length
    const written = image
      .write(offset, bytes)
      .catch((error: unknown) => void (fault ??= error))
      .finally(() => void under.delete(written))
    under.add(written)
    if (under.size >= piecesAhead) await Promise.race(under)
  }
}
