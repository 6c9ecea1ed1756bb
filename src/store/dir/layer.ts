// One image of the store as it is on disk, and the chain of images under it.
import path from 'node:path'
import type { Image } from '../../model/drive.js'
import { Failure, UsageError } from '../../core/errors.js'
import { lstat, readHead, type Stats } from '../../sys/file.js'
import { baseFormat, entry, parseEntry, temporaryFormat, type DriveFormat, type Entry } from './entry.js'
import { isEmpty, readHeader, type Qcow2Header } from '../common/qcow2.js'

export interface Layer {
  /** Name in the folder: `nbsvm-foo-0.qcow2`, `.base-..` */
  readonly file: string
  readonly path: string
  readonly format: DriveFormat
  readonly virtualBytes: number
  readonly stats: Stats
  /** Absent in raw images. */
  readonly header?: Qcow2Header
  /** File name of the base it stands on. */
  readonly backing?: string
}

/** More than any chain that nbsvm makes: one that leads in a circle would never end. */
const endlessLayers = 1000

/**
 * Finds the image of a name, `nbsvm-foo-0`, or undefined when there is none. While a raw drive becomes an overlay both
 * `.raw` and `.qcow2` exist for a moment (or until the next change, should nbsvm be killed in it): the overlay, which
 * stands on that very raw file, is the drive. Any other pair is refused.
 */
export function findEntry(folder: string, name: string): Entry | undefined {
  const raw = entry(name, 'raw')
  const qcow2 = entry(name, 'qcow2')
  const rawStats = lstat(path.join(folder, raw.file))
  if (lstat(path.join(folder, qcow2.file)) === undefined) return rawStats === undefined ? undefined : raw
  if (rawStats === undefined || isOldName(folder, qcow2.file, rawStats)) return qcow2
  throw new Failure(`two files claim to be ${name}: ${raw.file} and ${qcow2.file}`, {
    code: 'DRIVE_DAMAGED',
    hints: [`move one of them out of ${folder}`],
  })
}

/** Whether both are the same file. */
export function isSame(a: Stats | undefined, b: Stats | undefined): boolean {
  return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev
}

/** Whether the overlay stands on the very file that `raw` is: then that is only the drive's old name. */
export function isOldName(folder: string, overlayFile: string, raw: Stats): boolean {
  const { backing } = readLayer(folder, overlayFile)
  const base = backing === undefined ? undefined : lstat(path.join(folder, backing))
  return isSame(base, raw)
}

/** Reads an image of the folder: a drive, a base or a temporary. Throws a Failure for what a store does not hold. */
export function readLayer(folder: string, file: string): Layer {
  const place = path.join(folder, file)
  const format = parseEntry(file)?.format ?? baseFormat(file) ?? temporaryFormat(file)
  const stats = lstat(place)
  if (stats === undefined || format === undefined) throw new Failure(`there is no image ${place}`, { code: 'DRIVE_MISSING' })
  if (!stats.isFile()) {
    throw new Failure(`${place} is not a regular file`, {
      code: 'DRIVE_DAMAGED',
      hints: [`drives in ${folder} are files of their own; for an image elsewhere: source=/PATH nbsvm VM snapshot`],
    })
  }
  const layer = { file, path: place, format, stats }
  if (format === 'raw') return { ...layer, virtualBytes: Math.ceil(stats.size / 512) * 512 }
  const header = readHeader(place)
  const backing = checkReferences(folder, place, header)
  return { ...layer, header, virtualBytes: header.virtualBytes, ...(backing === undefined ? {} : { backing }) }
}

/** The format of a base by its name. Throws a UsageError for what is no base's name. */
export function formatOfBase(folder: string, base: string): DriveFormat {
  const format = baseFormat(base)
  if (format !== undefined) return format
  throw new UsageError(`${JSON.stringify(base)} is not a base of ${folder}`)
}

/** An overlay stands on a base of the same folder or on nothing: what else its header names is never opened. */
function checkReferences(
  folder: string,
  place: string,
  { backingFile, backingFormat, dataFile }: Qcow2Header,
): string | undefined {
  const flatten = [`make it stand alone: qemu-img convert -O qcow2 ${place} NEW.qcow2, then move NEW.qcow2 over it`]
  if (dataFile !== undefined) {
    throw new Failure(`${place} keeps its data in another file: ${dataFile || '(unnamed)'}`, {
      code: 'DRIVE_DAMAGED',
      hints: flatten,
    })
  }
  if (backingFile === undefined) return undefined
  const format = baseFormat(backingFile)
  if (format === undefined)
    throw new Failure(`${place} stands on ${backingFile}, which is no base of ${folder}`, {
      code: 'DRIVE_DAMAGED',
      hints: flatten,
    })
  if (backingFormat !== format) {
    throw new Failure(`${place} says that ${backingFile} is ${backingFormat ?? 'of any format'}, and not ${format}`, {
      code: 'DRIVE_DAMAGED',
    })
  }
  return backingFile
}

/** An image and all that are under it, the top first. Throws a Failure when a member is missing or not the store's. */
export function readLayers(folder: string, file: string): Layer[] {
  const layers = [readLayer(folder, file)]
  for (let next = layers[0]?.backing; next !== undefined;) {
    if (layers.length > endlessLayers) throw new Failure(`${path.join(folder, file)} stands on itself`, { code: 'DRIVE_DAMAGED' })
    if (lstat(path.join(folder, next)) === undefined) {
      throw new Failure(`${path.join(folder, layers.at(-1)?.file ?? file)} stands on ${next}, which is missing`, {
        code: 'DRIVE_DAMAGED',
        hints: [`its contents are lost unless ${next} comes back into ${folder}`],
      })
    }
    const layer = readLayer(folder, next)
    layers.push(layer)
    next = layer.backing
  }
  return layers
}

/** The image with everything under it, formats spelled out. Throws a Failure when a member is missing or not the store's. */
export function readChain(folder: string, file: string): Image {
  const chain = readLayers(folder, file).reduceRight<Image | undefined>(
    (backing, { format, path }) => ({ format, path, kind: 'file', ...(backing === undefined ? {} : { backing }) }),
    undefined,
  )
  if (chain === undefined) throw new Failure(`there is no image ${path.join(folder, file)}`, { code: 'DRIVE_MISSING' })
  return chain
}

/** Whether an overlay holds nothing of its own, so that the base under it is all there is. */
export function isEmptyOverlay({ path, header, backing }: Layer): boolean {
  if (header === undefined || backing === undefined) return false
  return isEmpty(header, readHead(path, header.l1Entries * 8, header.l1Offset) ?? Buffer.alloc(0))
}
