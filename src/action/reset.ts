import { tell } from '../vm/life/power.js'
import type { Verb } from './verb.js'

export const reset: Verb = {
  help: `Presses the VM's reset button: it boots again at once, and what the guest has not written to its drives is lost.`,

  async run({ vm, note }) {
    await tell(vm, 'reset', 'system_reset')
    note(`reset ${vm.id}`)
  },
}
