import { Failure } from '../core/errors.js'
import { isRunning } from '../vm/record/state.js'
import { shutdownVm } from '../vm/life/stop.js'
import type { Verb } from './verb.js'

export const shutdown: Verb = {
  help: `Presses the VM's power button once (ACPI) and waits until it is off, at most timeout seconds (60). A guest that does not
listen to the button goes on running, and shutdown fails; nbsvm foo stop ends it in any case.

  nbsvm foo shutdown
  nbsvm foo timeout=300 shutdown    for a guest that takes its time
  nbsvm web1,web2 shutdown          both side by side`,

  async run({ vm, note, signal }) {
    if (!isRunning(vm.drawer)) {
      note(`${vm.id} was not running`)
      return
    }
    const timeoutMs = vm.settings.timeout * 1000
    const why = await shutdownVm(vm, { timeoutMs, signal })
    if (why === undefined) {
      const end = signal.aborted ? 'and you stopped waiting' : `after ${vm.settings.timeout} seconds`
      throw new Failure(`${vm.id} is still running ${end}: the guest was asked to shut down`, {
        hints: [`end it now: ${vm.call} stop`, `wait longer: ${vm.call} timeout=300 shutdown`],
      })
    }
    note(`${vm.id}: ${why}`)
  },
}
