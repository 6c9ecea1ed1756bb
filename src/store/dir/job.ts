// Unfinished work: hidden files of one job, under one lock that lives as long as the job. Whoever comes next sweeps what
// has lost its lock, so that neither kill -9 nor a power cut leaves anything that anybody must know of.
import path from 'node:path'
import { Failure } from '../../core/errors.js'
import { close, list, makePrivateFolder, open, remove, stat } from '../../sys/file.js'
import { readLockedInodes, tryLock, waitLock, type LockedInodes } from '../../sys/lock.js'
import { randomHex } from '../../sys/stamp.js'
import { heal } from './collect.js'
import { jobLockName, jobOf, temporaryName, type DriveFormat } from './entry.js'

export interface Job {
  readonly folder: string
  /** Path of a new, empty, private file for an image. It is gone when the job ends, unless it got another name. */
  file(format: DriveFormat): string
  /** The same without making the file, for what insists on making it. */
  name(format: DriveFormat): string
}

/** Sweeps what died, then runs a job with files of its own. */
export async function withJob<T>(folder: string, work: (job: Job) => Promise<T>): Promise<T> {
  makePrivateFolder(folder)
  await sweep(folder)
  const id = randomHex(8)
  const lockFile = path.join(folder, jobLockName(id))
  const lock = await waitLock(lockFile, 5000)
  if (lock === undefined) throw new Failure(`cannot lock ${lockFile}`)
  const names: string[] = []
  const name = (format: DriveFormat): string => {
    const temporary = path.join(folder, temporaryName(id, names.length, format))
    names.push(temporary)
    return temporary
  }
  const file = (format: DriveFormat): string => {
    const temporary = name(format)
    close(open(temporary, 'new'))
    return temporary
  }
  try {
    return await work({ folder, file, name })
  } finally {
    for (const temporary of names) remove(temporary)
    remove(lockFile)
    lock.release()
  }
}

/** Removes what jobs that died have left, and mends what they were in the midst of. */
async function sweep(folder: string): Promise<void> {
  const names = list(folder)
  const jobs = new Set(names.map(jobOf).filter((job) => job !== undefined))
  if (jobs.size === 0) return
  const locked = readLockedInodes()
  const dead = [...jobs].filter((job) => sweepJob(folder, job, names, locked))
  if (dead.length > 0) await heal(folder)
}

/** Says whether the job was dead. */
function sweepJob(folder: string, job: string, names: readonly string[], locked: LockedInodes): boolean {
  const lockFile = path.join(folder, jobLockName(job))
  const inode = stat(lockFile)?.ino
  // The kernel's table spares a flock(1) for each of the jobs that run beside this one.
  if (inode !== undefined && locked.has(inode)) return false
  // The lock is held while its file goes: a job that begins just now sees that it locked a file without a name, and tries again.
  const lock = tryLock(lockFile)
  if (lock === undefined) return false
  for (const name of names) if (jobOf(name) === job && name !== jobLockName(job)) remove(path.join(folder, name))
  remove(lockFile)
  lock.release()
  return true
}
