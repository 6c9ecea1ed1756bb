import { shutdownVm, stillRunning } from '../vm/life/stop.js'
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
    const timeoutMs = timeout * 1000
    const ended = await shutdownVm(vm, { timeoutMs }, { note, signal }).catch((error: unknown) => {
      throw signal.aborted ? stillRunning(vm, 'and you stopped waiting', timeoutMs) : error
    })
    if (ended.result === 'still running') throw stillRunning(vm, `after ${timeout} seconds`, timeoutMs)
    note(ended.result === 'ended' ? `${vm.id}: ${ended.why}` : `${vm.id} was not running`)
  },
}
