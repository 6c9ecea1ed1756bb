// A drive on an image of a distribution. The image is one of the store's bases then, by another name of the same file: it stays as
// long as a drive stands on it, whatever becomes of its first name.
import path from 'node:path'
import { errorCode, UsageError } from '../../core/errors.js'
import type { Drive } from '../../model/drive.js'
import { syncLargeFile } from '../../sys/blocks.js'
import { lstat, reflink, setMode, syncFolder } from '../../sys/file.js'
import { hasNoLinks, linkNew, moveNew } from '../../sys/link.js'
import { copySparse } from '../common/copying.js'
import type { CopyOptions, Origin } from '../store.js'
import { withStoreLock } from './dirlock.js'
import { baseName, type DriveFormat } from './entry.js'
import { withJob, type Job } from './job.js'
import { makeOverlay } from './overlay.js'
import { publish } from './publish.js'

/** Digits of a digest that the name of a base has room for: those of SHA-256, and half of SHA-512's. */
const nameDigits = 64

type Wanted = Origin & { readonly sizeBytes: number }

/** Makes the VM's next drive as a layer on the image. */
export function createFrom(folder: string, id: string, { image, hex, sizeBytes }: Wanted, options: CopyOptions): Promise<Drive> {
  const { format } = image
  if (format !== 'qcow2' && format !== 'raw') throw new UsageError(`${image.path} is neither qcow2 nor raw`)
  return withJob(folder, options, async (job) => {
    const base = baseName(hex.slice(0, nameDigits), format)
    // First the overlay: as unfinished work it keeps the base from being collected.
    const overlay = makeOverlay(job, { base, format, virtualBytes: sizeBytes })
    if (!(await linkIn(job, image.path, base))) await copyIn(job, image.path, { base, format, sizeBytes }, options)
    return publish(job, id, overlay, { format: 'qcow2' })
  })
}

/** Says false where the image is on another file system, or on one that knows no second names. */
function linkIn({ folder }: Job, file: string, base: string): Promise<boolean> {
  return withStoreLock(folder, () => {
    const place = path.join(folder, base)
    if (lstat(place) !== undefined) return true
    try {
      linkNew(file, place)
    } catch (error) {
      if (hasNoLinks(error) || errorCode(error) === 'EXDEV') return false
      throw error
    }
    syncFolder(folder)
    return true
  })
}

async function copyIn(
  job: Job,
  from: string,
  { base, format, sizeBytes }: { readonly base: string; readonly format: DriveFormat; readonly sizeBytes: number },
  options: CopyOptions,
): Promise<void> {
  let file = job.name(format)
  if (!reflink(from, file)) {
    file = job.file(format)
    await copySparse(from, file, sizeBytes, options)
  }
  setMode(file, 0o400)
  await syncLargeFile(file)
  await withStoreLock(job.folder, () => {
    // Where another was faster, its copy is as good.
    moveNew(file, path.join(job.folder, base))
    syncFolder(job.folder)
  })
}
