import { Failure } from '../core/errors.js'
import { longerSeconds } from '../core/patience.js'
import { shutdownVm } from '../vm/life/stop.js'
import type { Verb } from './verb.js'

export const shutdown: Verb = {
  help: `Presses the VM's power button (ACPI) and waits until it is off, at most timeout seconds (60). It is pressed again every few
seconds, for a guest that is still booting hears nothing. One that is paused or asleep goes on first. A guest that does not listen
to the button is asked through its agent, after 8 seconds; without one it goes on running, and shutdown fails; nbsvm foo stop ends it in any case.

  nbsvm foo shutdown
  nbsvm foo timeout=300 shutdown    for a guest that takes its time
  nbsvm web1,web2 shutdown          both side by side`,

  async run({ vm, note, signal }) {
    const { timeout } = vm.settings
    const stillRunning = (end: string): Failure =>
      new Failure(`${vm.id} is still running ${end}: the guest was asked to shut down`, {
        code: 'TIMEOUT',
        hints: [`end it now: ${vm.call} stop`, `wait longer: ${vm.call} timeout=${longerSeconds(timeout * 1000)} shutdown`],
      })
    const ended = await shutdownVm(vm, { timeoutMs: timeout * 1000 }, { note, signal }).catch((error: unknown) => {
      throw signal.aborted ? stillRunning('and you stopped waiting') : error
    })
    if (ended.result === 'still running') throw stillRunning(`after ${timeout} seconds`)
    note(ended.result === 'ended' ? `${vm.id}: ${ended.why}` : `${vm.id} was not running`)
  },
}
