// What is asked about a move that was cut off: whether it came to its end at the machine where the VM went to.
import type { Caller } from '../../core/caller.js'
import { Failure } from '../../core/errors.js'
import { withQmp } from '../../qemu/qmp.js'
import { lockMove, moverOf, noteGoesOn, readHere, readMark, unlockMove } from '../record/moves.js'
import { isRunning } from '../record/state.js'
import type { Vm } from '../record/vm.js'
import { goOn } from './incoming.js'
import { undoArrival } from './removal.js'

/** Whoever took it in has lost its connection, and ends within this time. */
const waitMs = 30_000
const qmpTimeoutMs = 10_000

/**
 * Whether the VM of this move is here for good. If it is not, it never will be: what has come of it is removed. Rejects with a Failure
 * where somebody is still at it.
 */
export async function settleArrival(vm: Vm, token: string, { signal }: Caller = {}): Promise<boolean> {
  const { place, id, drawer } = vm
  const lock = await lockMove(place, id, `settle the move of ${id}`, waitMs)
  if (lock === undefined) throw new Failure(`cannot tell what became of ${id}: ${moverOf(place, id)} is at it`, { code: 'BUSY' })
  try {
    const here = readHere(place, token)
    if (here !== undefined) {
      if (here.ran && isRunning(drawer)) {
        // A guest that cannot go on is here all the same.
        await withQmp(drawer.qmp, { timeoutMs: qmpTimeoutMs, signal }, (qmp) => goOn(qmp, true)).catch(() => {})
        noteGoesOn(place, here)
      }
      return true
    }
    const mark = readMark(place, id)
    if (mark?.phase === 'coming' && mark.token === token) await undoArrival(vm, mark)
    return false
  } finally {
    unlockMove(place, id, lock)
  }
}
