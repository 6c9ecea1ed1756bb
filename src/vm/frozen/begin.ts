// How a VM is started by whoever starts it: one that sleeps on the disk goes on, a rollback that was cut off is finished, all others boot.
import type { Caller } from '../../core/caller.js'
import type { Words } from '../../model/machine.js'
import { startVm, type Started } from '../life/start.js'
import { isRollingBack, isSaved } from '../record/asleep.js'
import { vmNow, type Vm } from '../record/vm.js'

export interface Begun extends Started {
  /** Its guest did not boot, but went on from where it was saved, or from a checkpoint. */
  readonly wentOn: boolean
}

/** Starts a VM. With `fresh` it boots whatever was saved of its RAM, which is gone then. Rejects as `startVm` does. */
export async function beginVm(vm: Vm, options: Words, caller: Caller = {}, { fresh = false } = {}): Promise<Begun> {
  if (!isSaved(vm) && !isRollingBack(vm)) return { ...(await startVm(vm, options, caller)), wentOn: false }
  // Few sleep: the code is loaded for those.
  const { wakeVm } = await import('./waking.js')
  const woken = await wakeVm(vm, options, caller, { fresh })
  if (woken !== undefined) return { ...woken, wentOn: true }
  return { ...(await startVm(vmNow(vm), options, caller)), wentOn: false }
}
