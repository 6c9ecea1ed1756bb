// The end of a VM: its drives, the states that are kept of it, its record, its drawer.
import { parseDriveName } from '../../core/name.js'
import { byNumberInText } from '../../core/order.js'
import type { Store } from '../../store/store.js'
import type { Lock } from '../../sys/lock.js'
import { whileStopped } from '../drive/drives.js'
import { removeDrawer } from '../record/drawer.js'
import { parsePin } from '../record/frozen.js'
import { unmarkStates } from '../record/marks.js'
import { removeRecord } from '../record/record.js'
import type { Vm } from '../record/vm.js'
import { stopVm } from './stop.js'
import { sweep } from './sweep.js'

/** The names of its drives, `nbsvm-foo-0`, by number: one whose file is damaged too. */
export async function drivesToRemove({ id }: Pick<Vm, 'id'>, store: Store): Promise<string[]> {
  return (await store.driveNames()).filter((name) => parseDriveName(name)?.id === id).toSorted(byNumberInText)
}

/** Removes all of a VM whose lock is held, or only those of its drives; the lock is let go with the drawer, which is the last of it. */
export async function removeAll(
  vm: Pick<Vm, 'id' | 'place' | 'drawer'>,
  store: Store,
  lock: Lock,
  { drives, note }: { readonly drives?: readonly string[]; readonly note?: ((text: string) => void) | undefined } = {},
): Promise<void> {
  const { id, place, drawer } = vm
  for (const name of drives ?? (await drivesToRemove(vm, store)))
    await store.remove({ name }, note === undefined ? {} : { onNote: note })
  for (const { name, base } of await store.pins()) if (parsePin(name)?.vm === id) await store.release(base, name)
  // A QEMU that was killed left its taps, a killed start its helpers.
  await sweep(drawer)
  await removeRecord(place, id)
  unmarkStates(place, id)
  // Until here the VM is still there to be removed.
  await removeDrawer(drawer, lock)
}

/** Ends what runs of a VM, and removes it; with `keepsDrives` but for those, which another machine has as well. */
export async function endAndRemove(vm: Vm, { keepsDrives = false } = {}): Promise<void> {
  await stopVm(vm)
  const remove = (store: Store, lock: Lock): Promise<void> => removeAll(vm, store, lock, keepsDrives ? { drives: [] } : {})
  await whileStopped(vm, `remove ${vm.id}`, remove, { mayBeNew: true, mayBeAsleep: true })
}
