// The end of a VM: its unit, its drives, its record, its drawer.
import type { Caller } from '../core/caller.js'
import { parseDriveName } from '../core/name.js'
import { byNumberInText } from '../core/order.js'
import type { Outside } from '../host/place.js'
import { whileStopped } from '../vm/drive/drives.js'
import type { Store } from '../store/store.js'
import type { Lock } from '../sys/lock.js'
import { sweep } from '../vm/life/sweep.js'
import { removeDrawer } from '../vm/record/drawer.js'
import { refuseMoving, removeRecord } from '../vm/record/record.js'
import type { Vm } from '../vm/record/vm.js'
import { disableVm, isEnabled, unitHost } from './enable.js'

/** What goes with a VM, besides its record and its drawer. */
export interface Removal {
  /** `nbsvm-foo-0`, by number. */
  readonly drives: readonly string[]
  /** It starts with the machine, by systemd. */
  readonly hasUnit: boolean
}

/**
 * Removes a VM that does not run, and keeps it from being started meanwhile. `confirm` gets what would be removed, and throws to
 * keep it. Throws a Failure when the VM runs.
 */
export async function removeVm(
  vm: Vm,
  { outside, confirm }: { readonly outside: Outside; readonly confirm?: (what: Removal) => void },
  { note, signal }: Caller = {},
): Promise<Removal> {
  const host = unitHost(outside)
  const remove = async (store: Store, lock: Lock): Promise<Removal> => {
    await refuseMoving(vm, 'remove')
    // By name: a drive whose file is damaged can be removed too.
    const drives = (await store.driveNames()).filter((name) => parseDriveName(name)?.id === vm.id).toSorted(byNumberInText)
    const removal = { drives, hasUnit: isEnabled(vm, host) }
    confirm?.(removal)
    signal?.throwIfAborted()
    // First: a VM that is half removed shall not be started with the machine.
    if (removal.hasUnit) await disableVm(vm, host)
    for (const name of drives) await store.remove({ name }, note === undefined ? {} : { onNote: note })
    // A QEMU that was killed left its taps, a killed start its helpers.
    await sweep(vm.drawer)
    await removeRecord(vm.place, vm.id)
    // Last, and with the lock held: until here the VM is still there to be removed.
    await removeDrawer(vm.drawer, lock)
    return removal
  }
  // A drawer is all that there is of some.
  return whileStopped(vm, `remove ${vm.id}`, remove, { mayBeNew: true })
}
