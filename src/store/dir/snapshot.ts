import path from 'node:path'
import type { Drive } from '../../model/drive.js'
import { reflink, setMode } from '../../sys/file.js'
import type { CopyOptions, LiveDrives, Source } from '../store.js'
import { freeze, readTop, refuseInUse } from './freeze.js'
import { overlayOf, shareIn } from './import.js'
import { withJob, type Job } from './job.js'
import { parseEntry } from './entry.js'
import { publish } from './publish.js'

/** Makes the VM's next drive as an instant copy: by reference where the file system can, else as a layer on a common base. */
export function snapshot(
  folder: string,
  id: string,
  source: Source,
  options: CopyOptions & { readonly live: LiveDrives },
): Promise<Drive> {
  return withJob(folder, async (job) => {
    const shared = await share(job, source, options.live)
    if (shared !== undefined) return publish(folder, id, shared.file, shared.format)
    const name = ownName(folder, source)
    const overlay = name === undefined ? await overlayOf(job, source, options) : await freeze(job, name, options.live)
    return publish(folder, id, overlay, 'qcow2')
  })
}

/** The name of a source that is an image of this store: `nbsvm-gold-0`. */
export function ownName(folder: string, { image, drive }: Source): string | undefined {
  if (drive !== undefined) return drive.name
  return path.dirname(image.path) === path.resolve(folder) ? parseEntry(path.basename(image.path))?.name : undefined
}

/** Copies by reference; undefined where the file system cannot, or a running VM writes to the source. */
export async function share(job: Job, source: Source, live: LiveDrives) {
  const name = ownName(job.folder, source)
  if (name === undefined) return shareIn(job, source)
  if (source.drive !== undefined && live.runs(source.drive)) return undefined
  const top = readTop(job.folder, name)
  const file = job.name(top.format)
  if (!reflink(top.path, file)) return undefined
  setMode(file, 0o600)
  await refuseInUse(top)
  return { file, format: top.format }
}
