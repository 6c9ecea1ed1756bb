import { copyNew, syncFile } from '../../sys/file.js'
import { runOrFail } from '../../sys/process.js'
import type { Job } from './job.js'
import type { DriveFormat } from './entry.js'

/** What an overlay stands on; it need not be there yet. */
export interface Ground {
  /** File name of the base. */
  readonly base: string
  readonly format: DriveFormat
  /** What the guest sees: the size of the drive, which may have been resized since its base was made. */
  readonly virtualBytes: number
}

/** Makes an empty overlay as a temporary of the job. Returns its path. */
export async function makeOverlay(job: Job, { base, format, virtualBytes }: Ground): Promise<string> {
  const file = job.file('qcow2')
  // -u: the base is not opened. It may not have its name yet, and its size and format are known.
  const options = ['-q', '-u', '-f', 'qcow2', '-b', base, '-F', format]
  await runOrFail(`make a layer on ${base}`, ['qemu-img', 'create', ...options, file, String(virtualBytes)])
  syncFile(file)
  return file
}

/** A second overlay of the same ground, without a second qemu-img. */
export function copyOverlay(job: Job, overlay: string): string {
  const copy = job.name('qcow2')
  copyNew(overlay, copy)
  syncFile(copy)
  return copy
}
