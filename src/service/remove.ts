// The end of a VM: its unit, its drives, its record, its drawer.
import type { Caller } from '../core/caller.js'
import type { Outside } from '../host/place.js'
import { whileStopped } from '../vm/drive/drives.js'
import type { Store } from '../store/store.js'
import type { Lock } from '../sys/lock.js'
import { withoutForks } from '../vm/frozen/template.js'
import { drivesToRemove, removeAll } from '../vm/life/remove.js'
import { refuseMoving } from '../vm/record/record.js'
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
 * keep it. Throws a Failure when the VM runs, or forks of it do.
 */
export async function removeVm(
  vm: Vm,
  { outside, confirm }: { readonly outside: Outside; readonly confirm?: (what: Removal) => void },
  { note, signal }: Caller = {},
): Promise<Removal> {
  const host = unitHost(outside)
  const remove = async (store: Store, lock: Lock): Promise<Removal> => {
    await refuseMoving(vm, 'remove')
    const drives = await drivesToRemove(vm, store)
    const removal = { drives, hasUnit: isEnabled(vm, host) }
    confirm?.(removal)
    signal?.throwIfAborted()
    // First: a VM that is half removed shall not be started with the machine.
    if (removal.hasUnit) await disableVm(vm, host)
    await removeAll(vm, store, lock, { drives, note })
    return removal
  }
  const doing = `remove ${vm.id}`
  const alone = (store: Store, lock: Lock): Promise<Removal> => withoutForks(vm, { doing, signal }, () => remove(store, lock))
  // A drawer is all that there is of some.
  return whileStopped(vm, doing, alone, { mayBeNew: true, mayBeAsleep: true })
}
