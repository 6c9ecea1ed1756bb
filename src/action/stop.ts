import { stopVm } from '../vm/life/stop.js'
import type { Verb } from './verb.js'

export const stop: Verb = {
  help: `Ends the VM now, as if the plug was pulled: what the guest has not written to its drives is lost. A VM that does not run
is no error, so "stop start" restarts one in any state. Nicer: nbsvm foo shutdown`,

  async run({ vm, note, signal }) {
    const result = await stopVm(vm, { note, signal })
    if (result === 'was not running') note(`${vm.id} was not running`)
    else if (result === 'killed') note(`${vm.id} did not answer, so it was killed`)
    else note(`stopped ${vm.id}`)
  },
}
