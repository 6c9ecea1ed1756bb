import { removeVm, type Removal } from '../service/remove.js'
import { requireConsent } from './consent.js'
import type { Verb } from './verb.js'

export const rm: Verb = {
  help: `Removes the VM: all its drives, its record, its drawer with its logs, and what enable wrote. It asks first; --yes does not. A running VM is
refused, and so is a template from which forks run. A settings file that you wrote for it stays. Snapshots that were made of its drives live on.

  nbsvm foo rm
  nbsvm 'test*' rm --yes`,

  async run(context) {
    const { vm, note, signal, outside } = context
    const confirm = (removal: Removal): void => requireConsent(context, `remove ${vm.id}: ${describe(removal)}`)
    const removed = await removeVm(vm, { outside, confirm }, { note, signal })
    note(`removed ${vm.id}: ${describe(removed)}`)
  },
}

function describe({ drives, hasUnit }: Removal): string {
  const what = drives.length === 0 ? 'its drawer (it has no drives)' : drives.join(', ')
  return hasUnit ? `${what}, and its systemd unit` : what
}
