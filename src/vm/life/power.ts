import { Failure } from '../../core/errors.js'
import { withQmp } from '../../qemu/qmp.js'
import { isRunning } from '../record/state.js'
import type { Vm } from '../record/vm.js'

const qmpTimeoutMs = 5000

/** Sends a running VM one word over QMP. Throws a Failure when it does not run. `doing` is for that message. */
export async function tell(vm: Vm, doing: string, command: 'stop' | 'cont' | 'system_reset'): Promise<void> {
  requireRunning(vm, doing)
  await withQmp(vm.drawer.qmp, { timeoutMs: qmpTimeoutMs }, (qmp) => qmp.execute(command))
}

/** Throws a Failure that says how to start it when the VM does not run. */
export function requireRunning(vm: Vm, doing: string): void {
  if (isRunning(vm.drawer)) return
  throw new Failure(`cannot ${doing} ${vm.id}: it is not running`, { hints: [`start it: ${vm.call} start`] })
}
