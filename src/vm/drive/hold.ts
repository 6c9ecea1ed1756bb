// A VM's lock, to do something to it: the drawer is there then, and so is the VM, unless it never was.
import { errorCode, Failure } from '../../core/errors.js'
import { parseDriveName } from '../../core/name.js'
import { lstat } from '../../sys/file.js'
import { waitLock, type Hold, type Lock } from '../../sys/lock.js'
import type { Store } from '../../store/store.js'
import type { Place } from '../../host/place.js'
import { claimDrawer, removeDrawer, type Drawer } from '../record/drawer.js'
import { recordFolder } from '../record/record.js'
import { runsUnheld } from '../record/state.js'

/** What of a VM is looked at. */
interface Subject {
  readonly id: string
  readonly place: Pick<Place, 'records'>
  readonly drawer: Pick<Drawer, 'added' | 'folder' | 'lock' | 'pid'>
}

export interface HoldOptions {
  readonly hold: Hold
  readonly timeoutMs: number
  /** `start foo`: for whoever comes second, and for the error. */
  readonly doing: string
  readonly signal?: AbortSignal | undefined
  /** Whether nothing need be there of it yet; only what was there before the lock was asked for counts as removed then. */
  readonly mayBeNew?: boolean
}

/** So often a drawer may be removed between its making and its locking: once for each `rm` that runs just now. */
const mostTries = 20

/**
 * Makes the VM's drawer ours and takes its lock. Undefined when it is still held after `timeoutMs`. Throws a Failure when `rm` had
 * it before us and the VM is gone.
 */
export async function holdVm(vm: Subject, store: Store, options: HoldOptions): Promise<Lock | undefined> {
  const mayBeNew = options.mayBeNew === true && !(await isThere(vm, store))
  const lock = await lockDrawer(vm.drawer, options)
  if (lock === undefined) return undefined
  try {
    if (runsUnheld(vm.drawer)) {
      lock.release()
      return undefined
    }
    if (mayBeNew || (await isThere(vm, store))) return lock
    // Our drawer is all that there is of it now.
    await removeDrawer(vm.drawer, lock)
  } catch (error) {
    lock.release()
    throw error
  }
  lock.release()
  throw new Failure(`cannot ${options.doing}: ${vm.id} has been removed meanwhile`, {
    code: 'VM_MISSING',
    hints: ['see what is there: nbsvm ls'],
  })
}

async function lockDrawer(drawer: Subject['drawer'], { timeoutMs, hold, doing, signal }: HoldOptions): Promise<Lock | undefined> {
  for (let tries = 1; ; tries++) {
    claimDrawer(drawer)
    try {
      return await waitLock(drawer.lock, timeoutMs, hold, { doing, signal })
    } catch (error) {
      if (errorCode(error) !== 'ENOENT' || tries === mostTries) throw error
    }
  }
}

/** Whether there is anything of the VM that `rm` removes, besides the drawer: in whatever state it is. */
async function isThere({ id, place }: Subject, store: Store): Promise<boolean> {
  if (lstat(recordFolder(place, id)) !== undefined) return true
  return (await store.driveNames()).some((name) => parseDriveName(name)?.id === id)
}
