// Unfinished work in the folder of images, under one lock that lives as long as the job: whoever comes next sweeps what has lost its
// lock, so neither kill -9 nor a power cut leaves anything.
import path from 'node:path'
import { Failure } from '../core/errors.js'
import { bytesOnDisk, list, lstat, makePrivateFolder, remove, stat } from '../sys/file.js'
import { tryLock, waitLock } from '../sys/lock.js'
import { removeTree } from '../sys/removal.js'
import { randomHex } from '../sys/stamp.js'
import { nameOf, walkTree } from '../sys/tree.js'
import { folderLockName, jobLockName, jobOf, partKey, partNames, temporaryName } from './imagename.js'

export interface ImageJob {
  readonly folder: string
  /** A path for a new file, which is gone when the job ends, unless it got another name. */
  name(): string
}

/** Sweeps what died, then runs a job with files of its own. */
export async function withImageJob<T>(folder: string, work: (job: ImageJob) => Promise<T>): Promise<T> {
  makePrivateFolder(folder)
  sweepJobs(folder)
  sweepParts(folder, partAgeMs)
  const id = randomHex(8)
  const lockFile = path.join(folder, jobLockName(id))
  // Another's sweep may just be trying whether it is held.
  const lock = await waitLock(lockFile, 5000)
  if (lock === undefined) throw new Failure(`cannot lock ${lockFile}`, { code: 'BUSY' })
  let count = 0
  const name = (): string => path.join(folder, temporaryName(id, count++))
  try {
    return await work({ folder, name })
  } finally {
    sweepJob(folder, id)
    lock.release()
  }
}

/** Removes what jobs that died have left. Says how much that was. */
export function sweepJobs(folder: string): number {
  let bytes = 0
  const names = list(folder)
  for (const job of new Set(names.map(jobOf).filter((one) => one !== undefined))) {
    const lock = tryLock(path.join(folder, jobLockName(job)))
    if (lock === undefined) continue
    bytes += sweepJob(folder, job)
    lock.release()
  }
  return bytes
}

/** Removes all that is a job's, whose lock is held. Says how much that was. */
function sweepJob(folder: string, job: string): number {
  let bytes = 0
  for (const name of list(folder)) {
    if (jobOf(name) === job && name !== jobLockName(job)) quietly(() => (bytes += removeAny(path.join(folder, name))))
  }
  quietly(() => remove(path.join(folder, jobLockName(job))))
  return bytes
}

/** What builds an image works in a folder beside it. Says how much it was on the disk. */
function removeAny(file: string): number {
  let bytes = 0
  quietly(() => {
    for (const { stats } of walkTree(nameOf(file), '', false)) bytes += bytesOnDisk(stats)
  })
  if (lstat(file)?.isDirectory() === true) removeTree(file)
  else remove(file)
  return bytes
}

/** A download that nobody has gone on with for so long is not wanted any more. */
const partAgeMs = 7 * 24 * 3600 * 1000

/** Removes what downloads have left that nobody is at; `olderThanMs`: only those that nothing was added to for so long. Says how much. */
export function sweepParts(folder: string, olderThanMs: number): number {
  let bytes = 0
  const names = list(folder)
  for (const key of new Set(names.map(partKey).filter((one) => one !== undefined))) {
    const { part, facts, lock: lockName } = partNames(key)
    const found = stat(path.join(folder, part)) ?? stat(path.join(folder, lockName))
    if (found === undefined || Date.now() - found.mtimeMs < olderThanMs) continue
    const lock = tryLock(path.join(folder, lockName))
    if (lock === undefined) continue
    bytes += stat(path.join(folder, part))?.size ?? 0
    for (const name of [part, facts, lockName]) quietly(() => remove(path.join(folder, name)))
    lock.release()
  }
  return bytes
}

/** What cannot be removed now is swept by the next job. */
function quietly(work: () => void): void {
  try {
    work()
  } catch {
    // As said.
  }
}

const waitMs = 10_000

/** Changes which images there are, alone; milliseconds only. */
export async function withFolderLock<T>(folder: string, work: () => T): Promise<T> {
  makePrivateFolder(folder)
  const file = path.join(folder, folderLockName)
  const lock = await waitLock(file, waitMs)
  if (lock === undefined)
    throw new Failure(`cannot lock the images: ${file}`, { code: 'BUSY', hints: [`see who does: fuser -v ${file}`] })
  try {
    sweepFacts(folder)
    return work()
  } finally {
    lock.release()
  }
}

/** What is known of no image: whoever was killed while writing it down had this lock. */
function sweepFacts(folder: string): void {
  const names = new Set(list(folder))
  for (const name of names) {
    const image = /^(?<image>sha\d+-[0-9a-f]+)\.json(?<rest>\.\d+\.tmp)?$/.exec(name)?.groups
    if (image?.['image'] === undefined || (image['rest'] === undefined && names.has(image['image']))) continue
    quietly(() => remove(path.join(folder, name)))
  }
}
