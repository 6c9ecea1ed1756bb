// How a file becomes an image that is kept: it is checked first, and appears under its digest whole, or not at all.
import path from 'node:path'
import { Failure } from '../core/errors.js'
import type { Caller } from '../core/caller.js'
import type { CheckLevel } from '../model/guest.js'
import type { Digest } from '../model/imageref.js'
import { syncLargeFile } from '../sys/blocks.js'
import { rename, setMode, stat, syncFolder } from '../sys/file.js'
import { hashFile, newHash } from '../sys/hash.js'
import { contentStamp } from '../sys/stamp.js'
import { withFolderLock, type ImageJob } from './imagejob.js'
import { imageName } from './imagename.js'
import { addProvenance, findSound, writeFacts, type Kept, type Provenance } from './kept.js'

/** What a look into a file has found: an image that stands on nothing. */
export interface Examined {
  /** The file, or another one that was made of it, in a format that drives can stand on. */
  readonly file: string
  readonly format: 'qcow2' | 'raw'
  readonly virtualBytes: number
}

/**
 * Looks whether a file is an image, with nothing that would lead QEMU to another file; `spare` is a path for what has to be
 * converted. Throws a Failure.
 */
export type Examine = (file: string, spare: string, caller: Caller) => Promise<Examined>

/** A file of our own whose bytes were checked as far as they can be. */
export interface Candidate {
  readonly file: string
  /** Its digest, where it was made on the way. */
  readonly digest?: Digest
  readonly level: CheckLevel
  readonly from: Provenance
}

/** Keeps a file of the job, which loses its name. */
export async function keep(job: ImageJob, candidate: Candidate, examine: Examine, caller: Caller): Promise<Kept> {
  const { level, from } = candidate
  const known = await findSound(job.folder, candidate.digest, caller.signal)
  if (known !== undefined) return addProvenance(job.folder, known, level, from)
  let examined: Examined
  try {
    examined = await examine(candidate.file, job.name(), caller)
  } catch (error) {
    caller.signal?.throwIfAborted()
    throw error instanceof Failure
      ? new Failure(`${from.name} is not an image that nbsvm can use: ${error.message.replaceAll(candidate.file, 'it')}`, {
          code: 'IMAGE_MISMATCH',
        })
      : error
  }
  const { file, format, virtualBytes } = examined
  setMode(file, 0o444)
  await syncLargeFile(file)
  const digest = file === candidate.file && candidate.digest !== undefined ? candidate.digest : await digestOf(file, caller)
  const again = await findSound(job.folder, digest, caller.signal)
  if (again !== undefined) return addProvenance(job.folder, again, level, from)
  return withFolderLock(job.folder, () => {
    const place = path.join(job.folder, imageName(digest))
    const sizeBytes = stat(file)?.size ?? 0
    const kept: Kept = { digest, path: place, format, virtualBytes, sizeBytes, level, stamp: contentStamp(file), from: [from] }
    // First what is known of it: an image without that is taken for none.
    writeFacts(job.folder, kept)
    // In place of one that was damaged, should there be one.
    rename(file, place)
    syncFolder(job.folder)
    return kept
  })
}

async function digestOf(file: string, { signal }: Caller): Promise<Digest> {
  const hash = newHash('sha256')
  await hashFile(file, [hash], signal)
  return { algorithm: 'sha256', hex: hash.hex() }
}
