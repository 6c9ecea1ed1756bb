import { pauseVm } from '../vm/life/power.js'
import type { Verb } from './verb.js'

export const pause: Verb = {
  help: `Stops the VM's processors where they are. Its RAM stays, its clock stands still, its network is silent. Go on: nbsvm foo resume`,

  async run({ vm, note, signal }) {
    await pauseVm(vm, { note, signal })
    note(`paused ${vm.id}`)
  },
}
