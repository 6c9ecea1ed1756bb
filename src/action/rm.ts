import { parseDriveName } from '../core/name.js'
import { byNumberInText } from '../core/order.js'
import { whileStopped } from '../vm/drive/drives.js'
import { disableVm, isEnabled, unitHost } from '../service/enable.js'
import { sweep } from '../vm/life/sweep.js'
import { removeDrawer } from '../vm/record/drawer.js'
import { removeRecord } from '../vm/record/record.js'
import { requireConsent } from './consent.js'
import type { Verb } from './verb.js'

export const rm: Verb = {
  help: `Removes the VM: all its drives, its record, its drawer with its logs, and what enable wrote. It asks first; --yes does not. A running VM is
refused. A settings file that you wrote for it stays. Snapshots that were made of its drives live on.

  nbsvm foo rm
  nbsvm 'test*' rm --yes`,

  async run(context) {
    const { vm, note, outside } = context
    const host = unitHost(outside)
    await whileStopped(vm, `remove ${vm.id}`, async (store, lock) => {
      // By name: a drive whose file is damaged can be removed too.
      const names = (await store.driveNames()).filter((name) => parseDriveName(name)?.id === vm.id).toSorted(byNumberInText)
      const drives = names.length === 0 ? 'its drawer (it has no drives)' : names.join(', ')
      const hasUnit = isEnabled(vm, host)
      const what = hasUnit ? `${drives}, and its systemd unit` : drives
      requireConsent(context, `remove ${vm.id}: ${what}`)
      // First: a VM that is half removed shall not be started with the machine.
      if (hasUnit) await disableVm(vm, host)
      for (const name of names) await store.remove({ name })
      // A QEMU that was killed left its taps, a killed start its helpers.
      await sweep(vm.drawer)
      await removeRecord(vm.place, vm.id)
      // Last, and with the lock held: until here the VM is still there to be removed.
      await removeDrawer(vm.drawer, lock)
      note(`removed ${vm.id}: ${what}`)
    })
  },
}
