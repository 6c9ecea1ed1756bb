// A drive's contents as they are now, made a read-only base that others can stand on.
//
// Each step leaves a state that is whole, whatever happens after it:
//   1. the drive's file gets a second name, `.base-X`     killed here: nobody stands on the base, its name goes
//   2. an empty overlay takes the drive's name            killed here: the drive is as it was, one layer higher
//   3. a running VM is told to write into the overlay     killed before: the VM still writes into the base, which nobody
//                                                         may stand on until the next snapshot has finished this step
//   4. the new drive's overlay gets its name
import path from 'node:path'
import type { Drive } from '../../model/drive.js'
import { Failure } from '../../core/errors.js'
import { parseDriveName } from '../../core/name.js'
import { close, open, remove, rename, setMode, stat, syncFolder, type Stats } from '../../sys/file.js'
import { hasNoLinks, linkNew } from '../../sys/link.js'
import { runOrFail } from '../../sys/process.js'
import { randomHex } from '../../sys/stamp.js'
import type { AtMoment, FreezeOptions, LiveDrives } from '../store.js'
import type { Job } from './job.js'
import { findEntry, isEmptyOverlay, isSame, readChain, readLayer, type Layer } from './layer.js'
import { withDriveLock, withStoreLock } from './dirlock.js'
import { countUsers, makeRoom } from './merge.js'
import { baseName, entry, moveName } from './entry.js'
import { makeOverlay } from './overlay.js'
import { refuseWriters } from './trust.js'

export interface Freezing extends Pick<FreezeOptions, 'live' | 'atMoment'> {
  /** A base of an earlier time is taken only where it has the drive's size too, and is all that need be known of the drive. */
  readonly exact?: boolean
}

/**
 * Freezes an image of the store (`nbsvm-gold-0`), under a running VM too. Returns the path of a temporary of the job: an
 * empty overlay of it. Where nothing was written since the last time, the base of then is taken and no layer added; not so
 * with `atMoment`, while the VM runs.
 */
export async function freeze(job: Job, name: string, how: Freezing): Promise<string> {
  const { live, exact = false, atMoment = atOnce } = how
  const drive = readDrive(job.folder, name)
  if (drive === undefined || !live.runs(drive)) return atMoment(() => freezeStopped(job, name, exact))
  return withOwnFile(job.folder, name, live, (own) => freezeRunning(job, own, how))
}

const atOnce: AtMoment = (step) => step()

/** The image as a VM's drive; undefined when by its name no VM can have it. */
export function readDrive(folder: string, name: string): Drive | undefined {
  const number = parseDriveName(name)?.number
  return number === undefined ? undefined : { name, number, image: readChain(folder, readTop(folder, name).file) }
}

/** The image of a name as it is now. */
export function readTop(folder: string, name: string): Layer {
  const found = findEntry(folder, name)
  if (found === undefined) throw new Failure(`${name} is not in ${folder} any more`, { code: 'DRIVE_MISSING' })
  return readLayer(folder, found.file)
}

async function freezeStopped(job: Job, name: string, exact: boolean): Promise<string> {
  for (;;) {
    const top = readTop(job.folder, name)
    const reused = reuse(job, top, exact)
    if (reused !== undefined) return reused
    await makeRoom(job, top.file)
    await refuseInUse(top)
    const made = prepare(job, top)
    if (await insert(job.folder, top, made)) {
      protect(job.folder, made.base)
      return made.copy
    }
  }
}

async function freezeRunning(job: Job, drive: Drive, { live, exact = false, atMoment }: Freezing): Promise<string> {
  const { name } = drive
  const top = readTop(job.folder, name)
  // The guest may write between this look and the moment.
  const reused = atMoment === undefined ? reuse(job, top, exact) : undefined
  if (reused !== undefined) return reused
  await makeRoom(job, top.file)
  const made = prepare(job, top)
  if (!(await insert(job.folder, top, made))) throw new Failure(`${name} was replaced by another file under its running VM`)
  try {
    await switchToTop(job.folder, drive, live, atMoment)
  } catch (error) {
    // Whoever waits for a moment may well give up. What else fails is tried again by the next snapshot; and where this fails too
    // the drive is one layer higher, which is no harm.
    if (atMoment !== undefined) await takeBack(job.folder, top, made, live).catch(() => {})
    throw error
  }
  protect(job.folder, made.base)
  return made.copy
}

/** Does something to a running VM's drive that needs it to write into the drive's own file, for which it first sees to that. */
export function withOwnFile<T>(folder: string, name: string, live: LiveDrives, work: (drive: Drive) => Promise<T>): Promise<T> {
  return withDriveLock(folder, name, async () => work(await finishSwitch(folder, name, live)))
}

/** Whether the running VM writes into the drive's own file. */
export async function writesOwnFile(folder: string, drive: Drive, live: LiveDrives): Promise<boolean> {
  return isSame(await activeStats(drive, live), readTop(folder, drive.name).stats)
}

/** Sees to it that the VM writes into the drive's own file: a nbsvm that was killed may have left it writing below. */
async function finishSwitch(folder: string, name: string, live: LiveDrives): Promise<Drive> {
  const top = readTop(folder, name)
  const drive: Drive = { name, number: parseDriveName(name)?.number ?? 0, image: readChain(folder, top.file) }
  const active = await activeStats(drive, live)
  if (isSame(active, top.stats)) return drive
  const below = top.backing === undefined ? undefined : stat(path.join(folder, top.backing))
  if (!isSame(active, below)) throw new Failure(`the running VM writes ${name} into another file than ${top.path}`)
  await switchToTop(folder, drive, live)
  if (top.backing !== undefined) protect(folder, top.backing)
  return { ...drive, image: readChain(folder, top.file) }
}

async function switchToTop(folder: string, drive: Drive, live: LiveDrives, atMoment?: AtMoment): Promise<void> {
  const top = readTop(folder, drive.name)
  const switched = { ...drive, image: readChain(folder, top.file) }
  await live.switchTo(switched, switched.image, atMoment)
  if (isSame(await activeStats(switched, live), top.stats)) return
  throw new Failure(`the VM of ${drive.name} did not go over to its new layer ${top.path}; nothing is lost`, {
    hints: ['the next snapshot of it tries again'],
  })
}

async function activeStats(drive: Drive, live: LiveDrives): Promise<Stats> {
  const file = await live.activeFile(drive)
  const stats = file === undefined ? undefined : stat(file)
  if (stats !== undefined) return stats
  throw new Failure(`the VM of ${drive.name} ended while a snapshot of it was made`, {
    code: 'VM_NOT_RUNNING',
    hints: ['try again'],
  })
}

/** An overlay on the base that the drive stands on, when the drive holds nothing else. */
function reuse(job: Job, top: Layer, exact: boolean): string | undefined {
  if (top.backing === undefined || !isEmptyOverlay(top)) return undefined
  const { backing: base, virtualBytes } = top
  const below = readLayer(job.folder, base)
  if (exact && below.virtualBytes !== virtualBytes) return undefined
  return makeOverlay(job, { base, format: below.format, virtualBytes })
}

/** Two empty overlays of a base that the drive's file will be. */
interface Prepared {
  readonly base: string
  readonly own: string
  readonly copy: string
}

function prepare(job: Job, { format, virtualBytes }: Layer): Prepared {
  const base = baseName(randomHex(8), format)
  const ground = { base, format, virtualBytes }
  return { base, own: makeOverlay(job, ground), copy: makeOverlay(job, ground) }
}

/** Steps 1 and 2. Says false, and does nothing, when the drive is not what it was any more: somebody was faster. */
export function insert(folder: string, top: Layer, { base, own }: Omit<Prepared, 'copy'>): Promise<boolean> {
  return withStoreLock(folder, () => {
    const name = path.basename(top.file, `.${top.format}`)
    if (!isSame(stat(top.path), top.stats) || findEntry(folder, name)?.file !== top.file) return false
    const drive = path.join(folder, entry(name, 'qcow2').file)
    try {
      linkNew(top.path, path.join(folder, base))
    } catch (error) {
      if (!hasNoLinks(error)) throw error
      insertByMoves(folder, top.path, base, own, drive)
      return true
    }
    // On the disk before the drive's name goes to another file.
    syncFolder(folder)
    rename(own, drive)
    if (top.format === 'raw') remove(top.path)
    syncFolder(folder)
    return true
  })
}

/** The same where a file has one name only: for a moment the drive has none, and a file says what to do if nbsvm ends in it. */
function insertByMoves(folder: string, top: string, base: string, own: string, drive: string): void {
  const note = path.join(folder, moveName(base, path.parse(drive).name))
  close(open(note, 'new'))
  syncFolder(folder)
  rename(top, path.join(folder, base))
  rename(own, drive)
  syncFolder(folder)
  remove(note)
}

/** Undoes steps 1 and 2, under a VM that writes into the base for certain, where nobody else stands on that. */
async function takeBack(folder: string, top: Layer, { base }: Prepared, live: LiveDrives): Promise<void> {
  const name = path.basename(top.file, `.${top.format}`)
  const drive = readDrive(folder, name)
  // This has QEMU forget the overlay, too.
  if (drive === undefined || !isSame(await activeStats(drive, live), top.stats)) return
  await withStoreLock(folder, () => {
    const overlay = readTop(folder, name)
    // The drive's overlay, and the one that was to stand on the base.
    if (overlay.backing !== base || !isEmptyOverlay(overlay) || countUsers(folder).get(base) !== 2) return
    const file = path.join(folder, base)
    setMode(file, top.stats.mode & 0o7777)
    if (top.format === 'qcow2') {
      rename(file, top.path)
      syncFolder(folder)
      return
    }
    // While both are there the overlay is the drive, and the raw file its old name.
    linkNew(file, top.path)
    syncFolder(folder)
    remove(overlay.path)
    remove(file)
    syncFolder(folder)
  })
}

/** Only when its overlay is there: until then the base was the drive itself. */
function protect(folder: string, base: string): void {
  setMode(path.join(folder, base), 0o400)
}

/** Asks QEMU's own image locks whether a program that nbsvm does not know of writes into the file. */
export async function refuseInUse({ path, format, stats }: Pick<Layer, 'path' | 'format' | 'stats'>): Promise<void> {
  refuseWriters({ path, stats })
  await runOrFail(`read ${path} while it is at rest`, ['qemu-img', 'info', '-f', format, path])
}
