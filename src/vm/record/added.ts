// What was added to a VM while it runs, and is gone when it ends: written down because QEMU cannot be asked in a list.
import path from 'node:path'
import { Failure } from '../../core/errors.js'
import type { AddedDevice, DiscDrive } from '../../model/device.js'
import type { Forward } from '../../model/forward.js'
import type { Job } from '../../qemu/jobs.js'
import { readText, writeWhole } from '../../sys/file.js'
import { holderOf, waitLock } from '../../sys/lock.js'
import type { Drawer } from './drawer.js'

/** The contents of `added.json`; its absence is that nothing was. A new start removes it. */
export interface Added {
  /** All ports that lead into the VM now, in place of those that it was started with. */
  readonly forwards?: readonly Forward[]
  /** What is in the disc drives now, in place of what was there at the start. */
  readonly discs?: readonly DiscDrive[]
  readonly devices?: readonly AddedDevice[]
  /** The guest's address on QEMU's own network, where that is not the first that it gives. */
  readonly address?: string
  /** Its QEMU was started by hand, and adopted. */
  readonly adopted?: Adopted
}

/** The helper that holds the VM's lock for such a QEMU. */
export const holderName = 'holder'

/** What is otherwise in such a QEMU. */
export interface Adopted {
  /** What it calls the character device of the guest agent; null where it has none. */
  readonly agent: string | null
}

/** One who adds is done in less, also with a QEMU under load. */
const lockWaitMs = 30_000

/** What was added to a VM that runs. The file is nbsvm's own; one that is damaged says nothing. */
export function readAdded({ added }: Pick<Drawer, 'added'>): Added {
  const text = readText(added)
  if (text === undefined) return {}
  try {
    return JSON.parse(text) as Added
  } catch {
    return {}
  }
}

/** Whether a VM's QEMU was started by hand: nobody writes down what it says or what happens to it, and its line decides what it has. */
export function isAdopted(drawer: Pick<Drawer, 'added'>): boolean {
  return readAdded(drawer).adopted !== undefined
}

/**
 * Throws a Failure where a running VM was started by hand: nbsvm does not know its drives and devices, and there may be no second
 * QMP for long work. All such work asks here, for it goes through `whileAdding` or `jobOf`. `doing` names the VM: `freeze foo`.
 */
function refuseAdopted(drawer: Pick<Drawer, 'added' | 'folder'>, doing: string): void {
  if (!isAdopted(drawer)) return
  throw new Failure(`cannot ${doing}: its QEMU was started by hand, so its drives and devices are not nbsvm's`, {
    hints: [
      `as nbsvm starts it from its settings: nbsvm ${path.basename(drawer.folder)} shutdown start`,
      'what can be done meanwhile: nbsvm help adopt',
    ],
  })
}

/** The session for what takes long with a running VM. Throws a Failure where that cannot be done to it. */
export function jobOf(drawer: Drawer, doing: string): Job {
  refuseAdopted(drawer, doing)
  return { socket: drawer.jobs, lock: drawer.jobsLock, doing }
}

/** Keeps others from changing the same VM meanwhile. `doing` is for the message to who comes second: `forward ports of foo`. */
export async function whileAdding<T>(
  drawer: Pick<Drawer, 'added' | 'addedLock' | 'folder'>,
  doing: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  refuseAdopted(drawer, doing)
  const { addedLock } = drawer
  const lock = await waitLock(addedLock, lockWaitMs, 'exclusive', { doing, signal })
  signal?.throwIfAborted()
  if (lock === undefined) {
    const holder = holderOf(addedLock)
    throw new Failure(
      `cannot ${doing}: ${holder === undefined ? 'another nbsvm' : `pid ${holder.pid} (${holder.doing})`} is at it`,
      { code: 'BUSY' },
    )
  }
  try {
    return await work()
  } finally {
    lock.release()
  }
}

/** Writes down what has changed: undefined is that it is again as it was started. The caller is in `whileAdding`. */
export function noteAdded(
  drawer: Pick<Drawer, 'added'>,
  change: { readonly [Key in keyof Added]: Added[Key] | undefined },
): void {
  writeWhole(drawer.added, `${JSON.stringify({ ...readAdded(drawer), ...change })}\n`)
}
