import { removeTree } from '../sys/file.js'
import { whileStopped } from '../vm/drives.js'
import { requireConsent } from './consent.js'
import type { Verb } from './verb.js'

export const rm: Verb = {
  help: `Removes the VM: all its drives, and its drawer with its logs. It asks first; --yes does not. A running VM is refused. A settings
file that you wrote for it stays. Snapshots that were made of its drives live on.

  nbsvm foo rm
  nbsvm 'test*' rm --yes`,

  async run(context) {
    const { vm, note } = context
    await whileStopped(vm, `remove ${vm.id}`, async (store) => {
      const drives = await store.drives(vm.id)
      const what = drives.length === 0 ? 'its drawer (it has no drives)' : drives.map(({ name }) => name).join(', ')
      requireConsent(context, `remove ${vm.id}: ${what}`)
      for (const drive of drives) await store.remove(drive)
      // Last, and with the lock held: until here the VM is still there to be removed.
      removeTree(vm.drawer.folder)
      note(`removed ${vm.id}: ${what}`)
    })
  },
}
