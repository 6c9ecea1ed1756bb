// An image from outside the store as a base in it, so that the next snapshot of it costs nothing.
import path from 'node:path'
import { Failure } from '../../core/errors.js'
import { formatSize } from '../../core/size.js'
import type { Image } from '../../model/drive.js'
import { ownUid } from '../../sys/environment.js'
import { syncLargeFile } from '../../sys/blocks.js'
import { lstat, reflink, setMode, stat, syncFolder } from '../../sys/file.js'
import { moveNew } from '../../sys/link.js'
import { fileStamp, hashHex, randomHex } from '../../sys/stamp.js'
import type { CopyOptions, Source } from '../store.js'
import { convert, copySparse } from '../common/copying.js'
import type { Job } from './job.js'
import { readHeader } from '../common/qcow2.js'
import { readLayer } from './layer.js'
import { withStoreLock } from './dirlock.js'
import { baseName, type DriveFormat } from './entry.js'
import { makeOverlay } from './overlay.js'
import { askVirtualBytes, probe, refuseDamaged } from '../common/probe.js'

/** A file of the source's own making, whole, as a temporary of the job. */
export interface Copied {
  readonly file: string
  readonly format: DriveFormat
}

/** Makes an empty overlay of an outside image. The first time the image is copied in; then, while it is unchanged, never again. */
export async function overlayOf(job: Job, source: Source, options: CopyOptions): Promise<string> {
  const hex = nameOf(source)
  const known = findBase(job.folder, hex)
  if (known !== undefined) return makeOverlay(job, known)
  const virtualBytes = await askVirtualBytes(source.image)
  options.onNote?.(
    `copying ${formatSize(virtualBytes)} from ${source.name} into the store, once: ` +
      (source.image.kind === 'block' ? 'a device can change' : 'snapshots of it are instant while it stays as it is'),
  )
  const { file, format } = await copyIn(job, source, options)
  const base = baseName(hex, format)
  // First the overlay: as unfinished work it keeps the base from being collected.
  const overlay = makeOverlay(job, { base, format, virtualBytes })
  await syncLargeFile(file)
  setMode(file, 0o400)
  await withStoreLock(job.folder, () => {
    // Where another was faster, its copy is as good.
    moveNew(file, path.join(job.folder, base))
    syncFolder(job.folder)
  })
  return overlay
}

/** A device has no time of its last change, and what others refer to may change without it: those are copied each time. */
function nameOf({ image, refersTo }: Source): string {
  const lasting = image.kind === 'file' && (refersTo ?? []).length === 0
  return lasting ? hashHex(fileStamp(image.path)) : randomHex(16)
}

function findBase(folder: string, hex: string) {
  for (const format of ['qcow2', 'raw'] as const) {
    const base = baseName(hex, format)
    if (lstat(path.join(folder, base)) !== undefined) {
      return { base, format, virtualBytes: readLayer(folder, base).virtualBytes }
    }
  }
  return undefined
}

/**
 * Copies an outside image into the store: by reference, else its bytes without its zeros, else what the guest sees of it.
 * Fails when it was changed meanwhile.
 */
export async function copyIn(job: Job, source: Source, options: CopyOptions): Promise<Copied> {
  const { image } = source
  const before = fileStamp(image.path)
  const copied = shareIn(job, source) ?? (await copyBytes(job, source, options))
  await refuseDamaged({ format: copied.format, path: copied.file }, source.name, options.signal)
  if (image.kind === 'file' && fileStamp(image.path) !== before) {
    throw new Failure(`${source.name} was changed while it was copied`, {
      code: 'BUSY',
      hints: ['stop what writes to it, then try again'],
    })
  }
  return copied
}

/** Copies an outside image by reference, in no time; undefined where that cannot be done. */
export function shareIn(job: Job, { image, refersTo }: Source): Copied | undefined {
  const { format, kind } = image
  if (kind !== 'file' || refersTo !== undefined || (format !== 'qcow2' && format !== 'raw')) return undefined
  const file = job.name(format)
  if (!reflink(image.path, file)) return undefined
  setMode(file, 0o600)
  checkReferences({ file, format })
  return { file, format }
}

async function copyBytes(job: Job, source: Source, options: CopyOptions): Promise<Copied> {
  const { image, refersTo } = source
  const { format, kind } = image
  const virtualBytes = await askVirtualBytes(image)
  const isPlain = kind === 'file' && refersTo === undefined && (format === 'qcow2' || format === 'raw')
  if (isPlain) {
    const file = job.file(format)
    await copySparse(image.path, file, virtualBytes, options)
    checkReferences({ file, format })
    return { file, format }
  }
  const from = kind === 'file' && refersTo === undefined ? await ownBytes(job, source, virtualBytes, options) : image
  const file = job.file('qcow2')
  await convert(from, file, virtualBytes, { ...options, trust: refersTo !== undefined })
  return { file, format: 'qcow2' }
}

/**
 * The image, where only its reader can change it; else a copy of its bytes, which is looked at again: a parser of such a format
 * follows what it reads, and what root reads must not be changed after the look.
 */
async function ownBytes(job: Job, { image, name }: Source, virtualBytes: number, options: CopyOptions): Promise<Image> {
  const owner = stat(image.path)?.uid
  if (owner === ownUid() || owner === 0) return image
  const file = job.file('raw')
  await copySparse(image.path, file, virtualBytes, options)
  const again = await probe(file, false)
  if (again.image.format !== image.format) throw new Failure(`${name} was changed while it was copied`, { code: 'BUSY' })
  return again.image
}

/** What was looked at and what was copied may differ: the copy, which nobody else can change, is what counts. */
function checkReferences({ file, format }: Copied): void {
  if (format === 'raw') return
  const { backingFile, dataFile } = readHeader(file)
  if (backingFile === undefined && dataFile === undefined) return
  throw new Failure(`the source was changed while it was copied: it refers to ${backingFile ?? dataFile} now`, { code: 'BUSY' })
}
