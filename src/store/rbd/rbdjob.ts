// How an image appears under its name only when it is complete: it is made under a temporary name, which says by whom, and renamed at
// the end. `rbd rename` does not replace an image that has the name, so of two at once, on two machines too, one gets the next
// number. What killed commands left is swept by the next one of that machine.
import { Failure, messageOf } from '../../core/errors.js'
import { driveExists, newDriveName, nextDriveName } from '../../core/name.js'
import type { Drive } from '../../model/drive.js'
import type { AtMoment } from '../store.js'
import { pause } from '../../sys/clock.js'
import { fateOf } from '../../sys/mark.js'
import { fenceCommand, fencedSeconds, watchersOf } from './fence.js'
import { ask, cephFailure, type Cluster, exitOf, read, tryAsk } from './rbdcall.js'
import { imageNames, removeImage, snapshotNames } from './rbdimage.js'
import { asDrive, drivesBetween, formerName, makerOf, parseFormer, spec, temporaryName } from './rbdname.js'

type OnNote = ((text: string) => void) | undefined

/** How one image is made. */
export interface Making {
  /** `make the next drive of foo` */
  readonly doing: string
  /** Makes it, under this name. */
  readonly make: (name: string) => Promise<void>
  /** The number of a drive, in place of the VM's next. */
  readonly number?: number | undefined
  /** Takes what failed after the deed, and is left to the next command. */
  readonly onNote?: OnNote
}

const [mostLooks, lookEveryMs] = [20, 100]

/**
 * Makes the VM's next drive, or the one of a number: throws a Failure (DRIVE_EXISTS) where that is taken. Whatever fails, or is aborted,
 * leaves no trace.
 */
export async function makeDrive(cluster: Cluster, id: string, making: Making): Promise<Drive> {
  const names = await sweep(cluster, making.onNote)
  const first = newDriveName(id, [...names, ...drivesBetween(names)], making.number)
  const name = await makeImage(cluster, making, first, async (taken) => {
    if (making.number !== undefined) throw driveExists(taken)
    // Who has taken it is in the list only a moment later.
    for (let look = 0; look < mostLooks; look++) {
      const next = nextDriveName(id, await imageNames(cluster))
      if (next !== taken) return next
      await pause(lookEveryMs)
    }
    return undefined
  })
  const drive = asDrive(cluster, name)
  if (drive === undefined) throw new Failure(`${name} is not the name of a drive`)
  return drive
}

/**
 * Makes an image in place of a drive, or of one that is not there. Killed at any moment, the drive is either what it was or what the new
 * one is: between its two names the old one says which drive it was, and the next command of any machine gives it its name back.
 */
export async function makeInPlace(cluster: Cluster, name: string, isThere: boolean, making: Making): Promise<Drive> {
  const { doing, onNote } = making
  const former = formerName(cluster, name)
  const rename = (from: string, to: string): string[] => ['rbd', 'rename', spec(cluster, from), spec(cluster, to)]
  const make = async (temporary: string): Promise<void> => {
    await making.make(temporary)
    if (isThere) await ask(cluster, doing, rename(name, former))
  }
  try {
    await makeImage(cluster, { ...making, make }, name, () => Promise.resolve(undefined))
  } catch (error) {
    if (isThere) await tryAsk(cluster, rename(former, name)).catch(() => {})
    throw error
  }
  if (isThere)
    await discard(cluster, former).catch((failed: unknown) => onNote?.(`${messageOf(failed)}; the next command tries again`))
  const drive = asDrive(cluster, name)
  if (drive === undefined) throw new Failure(`${name} is not the name of a drive`)
  return drive
}

/**
 * Makes an image called `name`. Where that is taken when it is complete, `another` says what it is called instead; undefined for none.
 * Returns its name. Whatever fails, or is aborted, leaves no trace.
 */
export async function makeImage(
  cluster: Cluster,
  making: Making,
  name: string,
  another: (taken: string) => Promise<string | undefined>,
): Promise<string> {
  const { doing, make, onNote } = making
  const temporary = temporaryName(cluster)
  try {
    await make(temporary)
    for (let wanted = name; ;) {
      const words = ['rbd', 'rename', spec(cluster, temporary), spec(cluster, wanted)]
      const renamed = await tryAsk(cluster, words)
      const isTaken = renamed.status === exitOf.exists || (renamed.status === 0 && (await isThere(cluster, temporary)))
      if (renamed.status === 0 && !isTaken) return wanted
      const next = isTaken ? await another(wanted) : undefined
      if (next === undefined && renamed.status === 0)
        throw new Failure(`cannot ${doing}: ${wanted} is there by now`, { code: 'BUSY' })
      if (next === undefined) throw await cephFailure(cluster, doing, renamed, words)
      wanted = next
    }
  } catch (error) {
    await discard(cluster, temporary).catch((failed: unknown) => onNote?.(`${messageOf(failed)}; the next command tries again`))
    throw error
  }
}

/** `rbd rename` says that all went well, too, when somebody took the name just after it had looked: then the old name is still there. */
async function isThere(cluster: Cluster, name: string): Promise<boolean> {
  return (await tryAsk(cluster, ['rbd', 'info', '--format', 'json', spec(cluster, name)])).status !== exitOf.missing
}

/**
 * Removes an image that is not complete, with its snapshots; no error where it was never made. A program that was killed while it wrote to
 * it is shut out, as Ceph would wait for it otherwise.
 */
async function discard(cluster: Cluster, name: string): Promise<void> {
  const doing = `remove ${name}`
  const status = await tryAsk(cluster, ['rbd', 'status', '--format', 'json', spec(cluster, name)])
  if (status.status === exitOf.missing) return
  const left = status.status === 0 ? read(doing, status.stdout, watchersOf) : []
  await Promise.all(left.map((watcher) => tryAsk(cluster, fenceCommand(watcher, fencedSeconds))))
  await tryAsk(cluster, ['rbd', 'snap', 'purge', '--no-progress', spec(cluster, name)])
  await removeImage(cluster, doing, name)
}

/**
 * Removes what killed commands of this machine left half made. What another machine has begun is left to that one, and is told of.
 * Returns the names that are there afterwards.
 */
export async function sweep(cluster: Cluster, onNote?: OnNote): Promise<string[]> {
  const names = await giveBack(cluster, await imageNames(cluster))
  const left = names.filter((name) => fateOf(makerOf(name) ?? parseFormer(name)?.mark ?? '') === 'ended')
  await Promise.all(left.map((name) => discard(cluster, name).catch((error: unknown) => onNote?.(messageOf(error)))))
  return names.filter((name) => !left.includes(name))
}

/**
 * Gives drives between two names theirs back, those of another machine too: nobody else may ever do it. Should that one be at work on it,
 * one of both gets the name, and that is the drive. Returns the names that are there afterwards.
 */
async function giveBack(cluster: Cluster, names: string[]): Promise<string[]> {
  const between = names.filter((name) => {
    const { mark, drive = '' } = parseFormer(name) ?? {}
    return mark !== undefined && !names.includes(drive) && fateOf(mark) !== 'runs'
  })
  if (between.length === 0) return names
  const drives = between.map((name) => ({ name, drive: parseFormer(name)?.drive ?? '' }))
  await Promise.all(
    drives.map(({ name, drive }) => tryAsk(cluster, ['rbd', 'rename', spec(cluster, name), spec(cluster, drive)])),
  )
  return imageNames(cluster)
}

/** A snapshot of an image as it is now, for as long as `use` runs; what stands on it then may stay. A running VM goes on. */
export async function withSnapshot<T>(
  cluster: Cluster,
  doing: string,
  name: string,
  use: (snapshot: string) => Promise<T>,
  atMoment: AtMoment = (step) => step(),
): Promise<T> {
  const snapshot = `${spec(cluster, name)}@${temporaryName(cluster)}`
  const sweeping = sweepSnapshots(cluster, doing, name).catch(() => {})
  try {
    await atMoment(() => ask(cluster, doing, ['rbd', 'snap', 'create', '--no-progress', snapshot]))
    return await use(snapshot)
  } finally {
    // One that stays is swept with the drive's next snapshot, or with the drive.
    await Promise.all([sweeping, removeSnapshot(cluster, snapshot)])
  }
}

/** Where something stands on it Ceph keeps it, out of sight, for as long as that is so. */
async function removeSnapshot(cluster: Cluster, snapshot: string): Promise<void> {
  await tryAsk(cluster, ['rbd', 'snap', 'rm', '--no-progress', snapshot]).catch(() => {})
}

/** Removes what is left of killed commands' snapshots. Returns those that are the user's own. */
export async function sweepSnapshots(cluster: Cluster, doing: string, name: string): Promise<string[]> {
  const all = await snapshotNames(cluster, doing, name)
  const left = all.filter((one) => fateOf(makerOf(one) ?? '') === 'ended')
  await Promise.all(left.map((one) => removeSnapshot(cluster, `${spec(cluster, name)}@${one}`)))
  return all.filter((one) => !left.includes(one))
}
