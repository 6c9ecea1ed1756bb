import path from 'node:path'
import { attempt } from '../../core/attempt.js'
import type { Drive, Image } from '../../model/drive.js'
import { UsageError } from '../../core/errors.js'
import { reflink } from '../../sys/file.js'
import type { CopyOptions, LiveDrives, Source } from '../store.js'
import { collect } from './collect.js'
import { checkDdArguments, convert, copySparse, copyWithDd } from '../common/copying.js'
import { freeze, readTop, refuseInUse } from './freeze.js'
import { copyIn, type Copied } from './import.js'
import { withJob, type Job } from './job.js'
import { readChain, readLayer } from './layer.js'
import { withStoreLock } from './dirlock.js'
import type { DriveFormat } from './entry.js'
import { askVirtualBytes } from '../common/probe.js'
import { publish } from './publish.js'
import { trusted } from './trust.js'
import { ownName } from './dirmake.js'

type CloneOptions = CopyOptions & { readonly live: LiveDrives }

/** Makes the VM's next drive as a full copy that stands on nothing. */
export async function clone(folder: string, id: string, source: Source, options: CloneOptions): Promise<Drive> {
  const usable = withUsableDd(source, options)
  const drive = await withJob(folder, usable, async (job) => {
    const { file, format } = await fill(job, source, usable)
    options.signal?.throwIfAborted()
    return publish(job, id, file, { format })
  })
  // The base that a running VM's drive was frozen into may have lost its last user meanwhile.
  if (source.drive !== undefined) await withStoreLock(folder, () => attempt(() => collect(folder)))
  return drive
}

/**
 * dd knows bytes, not images: what lies in several files, or in another shape than a drive's, it cannot copy. A block size
 * alone changes nothing of the copy, so it is ignored then; further arguments are refused.
 */
function withUsableDd({ name, image, refersTo }: Source, { dd, ...others }: CloneOptions): CloneOptions {
  if (dd === undefined) return others
  checkDdArguments(dd)
  if (image.backing === undefined && refersTo === undefined && isDriveFormat(image.format)) return { ...others, dd }
  const what = image.backing === undefined ? `a ${image.format} image` : 'an overlay: its data lies in several files'
  if (dd.args.length > 0) {
    throw new UsageError(`dd cannot clone ${name}, which is ${what}`, { hints: ['leave out ddargs'] })
  }
  others.onNote?.(`bs is not used: dd cannot copy ${name}, which is ${what}`)
  return others
}

function isDriveFormat(format: Image['format']): format is DriveFormat {
  return format === 'qcow2' || format === 'raw'
}

async function fill(job: Job, source: Source, options: CloneOptions): Promise<Copied> {
  const name = ownName(job.folder, source)
  if (name !== undefined) {
    const { image, virtualBytes } = await still(job, name, source, options.live)
    return copyOwn(job, image, virtualBytes, options)
  }
  if (options.dd === undefined) return copyIn(job, source, options)
  return copyOwn(job, source.image, await askVirtualBytes(source.image), options)
}

/** The contents of an own image that nobody writes to: it is at rest, or a running VM is moved off it. */
async function still(job: Job, name: string, { drive }: Source, live: LiveDrives) {
  const runs = drive !== undefined && live.runs(drive)
  if (!runs) {
    const top = readTop(job.folder, name)
    await refuseInUse(top)
    return { image: readChain(job.folder, top.file), virtualBytes: top.virtualBytes }
  }
  // The overlay is a temporary of this job: it keeps its base from being collected while the copy takes its time.
  const overlay = readLayer(job.folder, path.basename(await freeze(job, name, { live })))
  const { virtualBytes, backing = overlay.file } = overlay
  const base = readLayer(job.folder, backing)
  return { image: readChain(job.folder, base.virtualBytes === virtualBytes ? base.file : overlay.file), virtualBytes }
}

async function copyOwn(job: Job, image: Image, virtualBytes: number, options: CloneOptions): Promise<Copied> {
  const { format, path: from } = image
  if (image.backing !== undefined || !isDriveFormat(format)) {
    const file = job.file('qcow2')
    await convert(await trusted(job, image, virtualBytes, options), file, virtualBytes, options)
    return { file, format: 'qcow2' }
  }
  if (options.dd !== undefined) {
    const file = job.file(format)
    await copyWithDd(from, file, virtualBytes, { ...options, dd: options.dd })
    return { file, format }
  }
  const shared = job.name(format)
  if (reflink(from, shared)) return { file: shared, format }
  const file = job.file(format)
  await copySparse(from, file, virtualBytes, options)
  return { file, format }
}
