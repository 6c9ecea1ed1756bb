// A VM's next drive: empty, on a base, or as an instant copy.
import path from 'node:path'
import type { Base, Drive } from '../../model/drive.js'
import { reflink, setMode } from '../../sys/file.js'
import { runOrFail } from '../../sys/process.js'
import { refuseDamaged } from '../common/probe.js'
import type { CopyOptions, LiveDrives, Source } from '../store.js'
import { parseEntry } from './entry.js'
import { freeze, readTop, refuseInUse } from './freeze.js'
import { overlayOf, shareIn } from './import.js'
import { withJob, type Job, type JobOptions } from './job.js'
import { formatOfBase } from './layer.js'
import { makeOverlay } from './overlay.js'
import { publish, type Naming } from './publish.js'

/** Makes the VM's next drive, empty. */
export function create(folder: string, id: string, sizeBytes: number, options: JobOptions): Promise<Drive> {
  return withJob(folder, options, async (job) => {
    const file = job.file('qcow2')
    await runOrFail(`make a drive of ${id}`, ['qemu-img', 'create', '-q', '-f', 'qcow2', file, String(sizeBytes)])
    return publish(job, id, file, { format: 'qcow2' })
  })
}

/** Makes the VM's next drive on a base. */
export function createOn(
  folder: string,
  id: string,
  { name: base, virtualBytes }: Base,
  { number, ...options }: JobOptions & Pick<Naming, 'number'>,
): Promise<Drive> {
  const format = formatOfBase(folder, base)
  return withJob(folder, options, (job) =>
    publish(job, id, makeOverlay(job, { base, format, virtualBytes }), { format: 'qcow2', number }),
  )
}

/** Makes the VM's next drive as an instant copy: by reference where the file system can, else as a layer on a common base. */
export function snapshot(
  folder: string,
  id: string,
  source: Source,
  options: CopyOptions & { readonly live: LiveDrives },
): Promise<Drive> {
  return withJob(folder, options, async (job) => {
    const shared = await share(job, source, options)
    if (shared !== undefined) return publish(job, id, shared.file, shared)
    const name = ownName(folder, source)
    const overlay = name === undefined ? await overlayOf(job, source, options) : await freeze(job, name, { live: options.live })
    return publish(job, id, overlay, { format: 'qcow2' })
  })
}

/** The name of a source that is an image of this store: `nbsvm-gold-0`. */
export function ownName(folder: string, { image, drive }: Source): string | undefined {
  if (drive !== undefined) return drive.name
  return path.dirname(image.path) === path.resolve(folder) ? parseEntry(path.basename(image.path))?.name : undefined
}

/** Copies by reference; undefined where the file system cannot, or a running VM writes to the source. */
async function share(job: Job, source: Source, { live, signal }: CopyOptions & { readonly live: LiveDrives }) {
  const name = ownName(job.folder, source)
  if (name === undefined) {
    const shared = shareIn(job, source)
    if (shared !== undefined) await refuseDamaged({ format: shared.format, path: shared.file }, source.name, signal)
    return shared
  }
  if (source.drive !== undefined && live.runs(source.drive)) return undefined
  const top = readTop(job.folder, name)
  const file = job.name(top.format)
  if (!reflink(top.path, file)) return undefined
  setMode(file, 0o600)
  await refuseInUse(top)
  return { file, format: top.format }
}
