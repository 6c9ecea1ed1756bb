import { findDrive, whileStopped } from '../vm/drive/drives.js'
import { requireConsent } from './consent.js'
import type { Verb } from './verb.js'

export const rmDrive: Verb = {
  help: `Removes one drive of the VM, by its number. It asks first; --yes does not. A running VM is refused.

  nbsvm foo rm-drive 1`,

  async run(context) {
    const { vm, words, note } = context
    await whileStopped(vm, `remove drive ${words[0]}`, async (store) => {
      const drive = await findDrive(store, vm, words[0])
      requireConsent(context, `remove ${drive.name}`)
      await store.remove(drive)
      note(`removed ${drive.name}`)
    })
  },
}
