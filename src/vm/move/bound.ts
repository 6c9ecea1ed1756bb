// What ties a VM that runs to its machine.
import { Failure } from '../../core/errors.js'
import type { Drive } from '../../model/drive.js'
import { readMovable, type Movable } from '../life/movable.js'
import { readAdded } from '../record/added.js'
import { journalOf, qemuPid } from '../record/state.js'
import type { Vm } from '../record/vm.js'

/** What its guest counts on. Throws a Failure where that cannot go along. */
export function requireMovable(vm: Vm, drives: readonly Drive[]): Movable {
  const { id, call, drawer } = vm
  const cold = `or move it while it is off: ${call} shutdown move HOST`
  const cannot = (why: string, ...hints: readonly string[]): Failure =>
    new Failure(`cannot move ${id} while it runs: ${why}`, { code: 'MOVE_IMPOSSIBLE', hints: [...hints, cold] })
  if (qemuPid(drawer) === undefined) throw cannot('it is starting, or its process cannot be seen')
  const movable = readMovable(drawer)
  if (movable === undefined)
    throw cannot('it was started as one that stays', `write movable=yes into its settings, then: ${call} shutdown start`)
  if ((journalOf(drawer).started?.devices ?? []).length > 0) throw cannot('something was attached to it', `see it: ${call}`)
  if (readAdded(drawer).discs !== undefined) throw cannot('its discs were changed')
  if (drives.map(({ number }) => number).join(' ') !== movable.machine.drives.join(' '))
    throw cannot('it has other drives than when it was started', `start it with them: ${call} shutdown start`)
  return movable
}
