import { disableVm, unitHost } from '../service/enable.js'
import type { Verb } from './verb.js'

export const disable: Verb = {
  help: `Removes the systemd unit that enable wrote: the VM does not start with this machine any more. A VM that runs goes on. One that
was not enabled is not an error.

  nbsvm foo disable
  nbsvm 'web*' disable`,

  async run({ vm, outside, note }) {
    const gone = await disableVm(vm, unitHost(outside))
    if (gone === undefined) note(`${vm.id} was not enabled`)
    else note(`removed ${gone.file}`)
    if (gone !== undefined && gone.todo.length > 0) note(`systemd was not reloaded; type: ${gone.todo.join(' && ')}`)
  },
}
