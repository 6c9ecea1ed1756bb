// Waiting until a VM is in a state.
import type { Caller } from '../../core/caller.js'
import { Failure } from '../../core/errors.js'
import { longerSeconds } from '../../core/patience.js'
import { lastState } from '../../qemu/journal.js'
import { deadlineIn, pause } from '../../sys/clock.js'
import { stateNow } from '../life/statenow.js'
import { isAdopted } from '../record/added.js'
import type { Drawer } from '../record/drawer.js'
import { isBusy, journalOf } from '../record/state.js'
import type { Vm } from '../record/vm.js'
import { doingOf, isGone, whyGone } from './doing.js'

export type VmState = 'running' | 'paused' | 'stopped'

const lookEveryMs = 100

/** Resolves, to what there is to tell, when the VM is in the state. Rejects when it is not in time, or never can be. */
export async function waitForState(
  vm: Vm,
  condition: VmState,
  timeoutMs: number,
  { signal }: Caller,
): Promise<string | undefined> {
  const { drawer, id } = vm
  const deadline = deadlineIn(timeoutMs)
  for (;;) {
    const isOver = deadline.isOver
    const isUp = !isGone(drawer)
    if (condition === 'stopped' && !isUp) return (await whyGone(drawer)).words
    if (isUp && condition === (await stateOf(drawer))) return undefined
    // Another may start it; a pause comes to none that does not run.
    if (condition === 'paused' && !isUp)
      throw new Failure(`${id} is not paused: it does not run`, { code: 'VM_NOT_RUNNING', hints: [`start it: ${vm.call} start`] })
    if (isOver) {
      throw new Failure(`${id} is not ${condition} within ${timeoutMs / 1000} seconds: ${doingOf(drawer)}`, {
        code: 'TIMEOUT',
        hints: [`see it: ${vm.call} status`, `wait longer: ${vm.call} timeout=${longerSeconds(timeoutMs)} wait ${condition}`],
      })
    }
    await pause(Math.min(lookEveryMs, deadline.leftMs), signal)
  }
}

async function stateOf(drawer: Drawer): Promise<VmState | undefined> {
  if (isBusy(drawer)) return undefined
  // Of one that was started by hand nobody writes down what happens.
  return isAdopted(drawer) ? stateNow(drawer) : lastState(journalOf(drawer)).state
}
