// Unfinished work: hidden files of one job, under one lock that lives as long as the job. Whoever comes next sweeps what
// has lost its lock, so that neither kill -9 nor a power cut leaves anything that anybody must know of.
import path from 'node:path'
import { attempt } from '../../core/attempt.js'
import { Failure } from '../../core/errors.js'
import { close, list, makePrivateFolder, open, remove, stat } from '../../sys/file.js'
import { joinLock, readLockedInodes, tryLock, type LockedInodes } from '../../sys/lock.js'
import { randomHex } from '../../sys/stamp.js'
import type { CopyOptions } from '../store.js'
import { repair } from './collect.js'
import { sweepLayers } from './liveroom.js'
import { isDriveLockName, jobLockName, jobOf, temporaryName, type DriveFormat } from './entry.js'

export interface Job {
  readonly folder: string
  /** Path of a new, empty, private file for an image. It is gone when the job ends, unless it got another name. */
  file(format: DriveFormat): string
  /** The same without making the file, for what insists on making it. */
  name(format: DriveFormat): string
  /** A word for the user. */
  readonly note: (text: string) => void
  /** Aborting ends the job. */
  readonly signal: AbortSignal | undefined
}

/** What a job is told by its caller. */
export type JobOptions = Pick<CopyOptions, 'onNote' | 'signal'>

/** What this process has at work in a folder at one time is under one lock. */
interface Work {
  readonly id: string
  files: number
}

/** By their folders. */
const works = new Map<string, Work>()

/** Sweeps what died, then runs a job with files of its own. */
export async function withJob<T>(folder: string, options: JobOptions, work: (job: Job) => Promise<T>): Promise<T> {
  makePrivateFolder(folder)
  const own = works.get(folder) ?? { id: randomHex(8), files: 0 }
  works.set(folder, own)
  await sweep(folder, own.id)
  const lockFile = path.join(folder, jobLockName(own.id))
  const atEnd = (): void => {
    works.delete(folder)
    attempt(() => remove(lockFile))
  }
  const lock = await joinLock(lockFile, 5000, 'exclusive', { atEnd })
  if (lock === undefined) throw new Failure(`cannot lock ${lockFile}`, { code: 'BUSY' })
  try {
    return await runJob(folder, own, options, work)
  } finally {
    lock.release()
  }
}

async function runJob<T>(folder: string, own: Work, { onNote, signal }: JobOptions, work: (job: Job) => Promise<T>): Promise<T> {
  const names: string[] = []
  const name = (format: DriveFormat): string => {
    const temporary = path.join(folder, temporaryName(own.id, own.files++, format))
    names.push(temporary)
    return temporary
  }
  const file = (format: DriveFormat): string => {
    const temporary = name(format)
    close(open(temporary, 'new'))
    return temporary
  }
  const note = (text: string): void => onNote?.(text)
  try {
    return await work({ folder, file, name, note, signal })
  } finally {
    // What cannot be removed now is swept by the next job: it is no reason to say that the work was not done.
    for (const temporary of names) attempt(() => remove(temporary))
  }
}

/** Removes what jobs that died have left, and repairs what they were in the midst of. */
async function sweep(folder: string, own: string): Promise<void> {
  const names = list(folder)
  const jobs = new Set(names.map(jobOf).filter((job) => job !== undefined))
  jobs.delete(own)
  const driveLocks = names.filter(isDriveLockName)
  if (jobs.size + driveLocks.length === 0) return
  const locked = readLockedInodes()
  const dead = [...jobs].filter((job) => sweepJob(folder, job, names, locked))
  // Whoever makes a running VM's drive larger has the drive's lock, and no job.
  const left = driveLocks.filter((name) => sweepLock(path.join(folder, name), locked))
  if (dead.length + left.length > 0) sweepLayers(folder)
  if (dead.length > 0) await repair(folder)
}

/** Says whether nobody held it. */
function sweepLock(file: string, locked: LockedInodes): boolean {
  const inode = stat(file)?.ino
  if (inode === undefined || locked.has(inode)) return false
  const lock = tryLock(file)
  if (lock === undefined) return false
  remove(file)
  lock.release()
  return true
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
