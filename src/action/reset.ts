import { resetVm } from '../vm/life/power.js'
import type { Verb } from './verb.js'

export const reset: Verb = {
  help: `Presses the VM's reset button: it boots again at once, and what the guest has not written to its drives is lost.`,

  async run({ vm, note, signal }) {
    const { isRunning } = await resetVm(vm, { note, signal })
    note(isRunning ? `reset ${vm.id}` : `reset ${vm.id}, which is still paused; go on: ${vm.call} resume`)
  },
}
