// What a VM leaves that ended otherwise than by `stop`, or whose `start` was killed: taps, helpers, the number of its process. Whoever next comes by removes it.
import { endHelpers } from '../../helper/helpers.js'
import { remove, stat } from '../../sys/file.js'
import { tryLock } from '../../sys/lock.js'
import type { Drawer } from '../record/drawer.js'
import { runsUnheld } from '../record/state.js'
import { sweepTaps, sweepTapsQuietly } from './taps.js'

/** A start takes less. */
const recentMs = 10_000

/** Removes it. The caller holds the VM's lock. */
export async function sweep(drawer: Drawer, removeTaps = sweepTaps): Promise<void> {
  await endHelpers(drawer.folder)
  await removeTaps(drawer)
  remove(drawer.pid)
}

/** Removes it unless the VM runs, or somebody works on it: those who do have the lock sweep themselves. */
export async function sweepStopped(drawer: Drawer): Promise<void> {
  await whileLocked(drawer, () => sweep(drawer))
}

/**
 * The same for who only looks: sudo is asked no question, and what cannot be removed, or has just been made, is left to the next
 * who acts. What `explain` prints starts the helpers before the VM has its lock.
 */
export async function sweepQuietly(drawer: Drawer): Promise<void> {
  const made = stat(drawer.helpers)?.mtimeMs
  const isStarting = made !== undefined && Math.abs(Date.now() - made) < recentMs && stat(drawer.pid) === undefined
  if (isStarting) return
  try {
    await whileLocked(drawer, () => sweep(drawer, sweepTapsQuietly))
  } catch {
    // It is not ours, or the disk is full.
  }
}

/** Whether nothing is left: a cheap look. */
function isSwept({ helpers, taps, pid }: Drawer): boolean {
  return [helpers, taps, pid].every((file) => stat(file) === undefined)
}

async function whileLocked(drawer: Drawer, work: () => Promise<void>): Promise<void> {
  if (isSwept(drawer)) return
  const lock = tryLock(drawer.lock, 'clean up after it')
  if (lock === undefined) return
  try {
    if (!runsUnheld(drawer)) await work()
  } finally {
    lock.release()
  }
}
