import { syncFile } from '../../sys/file.js'
import { writeParts } from '../../sys/parts.js'
import { emptyOverlay } from '../common/qcow2.js'
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
export function makeOverlay(job: Job, { base, format, virtualBytes }: Ground): string {
  const file = job.name('qcow2')
  const { length, parts } = emptyOverlay(base, format, virtualBytes)
  writeParts(file, length, parts)
  syncFile(file)
  return file
}
