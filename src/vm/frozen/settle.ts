// What a nbsvm that was killed has left of a VM's states: a guest that stands still goes on, a QEMU whose guest has gone into a file ends.
import { undoMigration } from '../../qemu/migration.js'
import { withQmp } from '../../qemu/qmp.js'
import type { Store } from '../../store/store.js'
import { lstat } from '../../sys/file.js'
import { whenKilled } from '../../sys/talk.js'
import { stopVm } from '../life/stop.js'
import { isRollingBack, isSaved } from '../record/asleep.js'
import { underWay, unfinishedFolders } from '../record/frozen.js'
import { isRunning } from '../record/state.js'
import { storeOf } from '../record/stores.js'
import type { Vm } from '../record/vm.js'
import { wordsOf } from '../record/words.js'
import { sweepStates, withStates } from './keep.js'

const qmpTimeoutMs = 30_000

/** Has the guest go on, and what is half made be removed, where this process is killed in the midst of `work`. */
export async function watched<T>(vm: Vm, work: () => Promise<T>): Promise<T> {
  const watch = whenKilled([...wordsOf(vm), 'freeze', '--settle'])
  try {
    return await work()
  } finally {
    watch.dismiss()
  }
}

/** Undoes what was cut off. */
export async function settleStates(vm: Vm): Promise<void> {
  const store = await storeOf(vm)
  await withStates(vm, { doing: `settle ${vm.id}`, hold: 'exclusive' }, () => tidy(vm, store))
}

/** The same, for who is in `withStates` already. */
export async function tidy(vm: Vm, store: Store): Promise<void> {
  if (isRunning(vm.drawer)) {
    const ran = unfinishedFolders(vm.place, vm.id).some((folder) => lstat(underWay(folder)) !== undefined)
    if (isSaved(vm) || isRollingBack(vm)) await stopVm(vm, {}, 'save')
    else if (ran) await withQmp(vm.drawer.qmp, { timeoutMs: qmpTimeoutMs }, (qmp) => undoMigration(qmp, { ran }))
  }
  await sweepStates(vm, store)
}
