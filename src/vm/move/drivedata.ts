// The drives of a VM that is off, as frames.
import { Failure } from '../../core/errors.js'
import { isZero } from '../../core/zeros.js'
import type { Drive } from '../../model/drive.js'
import type { Nbd } from '../../qemu/nbd.js'
import { Qcow2Filler } from '../../store/common/qcow2fill.js'
import type { OnProgress } from '../../store/store.js'
import { extentsOf, withImage, type Extent, type Part } from './image.js'
import { readAhead, withParts } from './parts.js'
import { frameHead, piecesAhead, type Reader } from './wire.js'

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

function bytesIn(extents: readonly Extent[]): number {
  return extents.reduce((sum, { length }) => sum + length, 0)
}

/** A server of NBD takes no more in one request. */
const zeroBytes = 2 ** 30

/** Writes what comes into drives that are new, up to the end. Throws a Failure where it ends too early, or is not for them. */
export async function takeDrives(
  drives: readonly Drive[],
  reader: Pick<Reader, 'frame'>,
  { folder, signal }: Opening,
): Promise<void> {
  const targets = new Map<number, Target>()
  /** Opens the drives one around the other, then takes what comes. */
  const within = async (left: readonly Drive[]): Promise<void> => {
    const [drive, ...others] = left
    if (drive === undefined) return take(targets, reader, signal)
    await withTarget(drive, { folder, signal }, async (target) => {
      targets.set(drive.number, target)
      await within(others)
      await target.flush()
    })
  }
  await within(drives)
}

interface Target {
  readonly sizeBytes: number
  write(offset: number, bytes: Buffer): Promise<void>
  /** Resolves when all that was written is there, and on the disk. */
  flush(): Promise<void>
}

interface Opening {
  readonly folder: string
  readonly signal?: AbortSignal | undefined
}

/** A drive that holds zeros, to be written to: a file by ourselves, whatever else by a qemu-nbd. */
async function withTarget(drive: Drive, { folder, signal }: Opening, work: (target: Target) => Promise<void>): Promise<void> {
  const { kind, format, path } = drive.image
  const filler = kind === 'file' && format === 'qcow2' ? Qcow2Filler.open(path) : undefined
  if (filler !== undefined) {
    try {
      return await work(filler)
    } finally {
      await filler.close()
    }
  }
  // A volume may hold what was there before.
  const old = await extentsOf(drive, signal)
  await withImage(drive, { folder, isReadOnly: false, signal }, async (image) => {
    for (const { start, length } of old) await clear(image, start, length)
    await work(image)
  })
}

async function clear(image: Nbd, start: number, length: number): Promise<void> {
  for (let at = 0; at < length; at += zeroBytes) await image.zero(start + at, Math.min(zeroBytes, length - at))
}

async function take(
  targets: ReadonlyMap<number, Target>,
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
    const target = targets.get(drive)
    if (target === undefined || offset + bytes.length > target.sizeBytes) throw new Failure(`what came is not for drive ${drive}`)
    got += bytes.length
    const written = target
      .write(offset, bytes)
      .catch((error: unknown) => void (fault ??= error))
      .finally(() => void under.delete(written))
    under.add(written)
    if (under.size >= piecesAhead) await Promise.race(under)
  }
}
