// How an image appears under its name only when it is complete: it is made under a temporary name, which says by whom, and renamed at
// the end. `rbd rename` does not replace an image that has the name, so of two at once, on two machines too, one gets the next
// number. What killed commands left is swept by the next one of that machine.
import { Failure, messageOf } from '../../core/errors.js'
import { nextDriveName } from '../../core/name.js'
import type { Drive } from '../../model/drive.js'
import { pause } from '../../sys/clock.js'
import { fateOf } from '../../sys/mark.js'
import { fenceCommand, fencedSeconds, watchersOf } from './fence.js'
import { ask, cephFailure, type Cluster, exitOf, read, tryAsk } from './rbdcall.js'
import { imageNames, removeImage, snapshotNames } from './rbdimage.js'
import { asDrive, makerOf, spec, temporaryName } from './rbdname.js'

type OnNote = ((text: string) => void) | undefined

/** How one image is made. */
export interface Making {
  /** `make the next drive of foo` */
  readonly doing: string
  /** Makes it, under this name. */
  readonly make: (name: string) => Promise<void>
  /** Takes what failed after the deed, and is left to the next command. */
  readonly onNote?: OnNote
}

const [mostLooks, lookEveryMs] = [20, 100]

/** Makes the VM's next drive. Whatever fails, or is aborted, leaves no trace. */
export async function makeDrive(cluster: Cluster, id: string, making: Making): Promise<Drive> {
  const names = await sweep(cluster, making.onNote)
  const first = nextDriveName(id, names)
  const name = await makeImage(cluster, making, first, async (taken) => {
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
  const names = await imageNames(cluster)
  const left = names.filter((name) => fateOf(makerOf(name) ?? '') === 'ended')
  await Promise.all(left.map((name) => discard(cluster, name).catch((error: unknown) => onNote?.(messageOf(error)))))
  return names.filter((name) => !left.includes(name))
}

/** A snapshot of an image as it is now, for as long as `use` runs; what stands on it then may stay. A running VM goes on. */
export async function withSnapshot<T>(
  cluster: Cluster,
  doing: string,
  name: string,
  use: (snapshot: string) => Promise<T>,
): Promise<T> {
  const snapshot = `${spec(cluster, name)}@${temporaryName(cluster)}`
  const sweeping = sweepSnapshots(cluster, doing, name).catch(() => {})
  try {
    await ask(cluster, doing, ['rbd', 'snap', 'create', '--no-progress', snapshot])
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
