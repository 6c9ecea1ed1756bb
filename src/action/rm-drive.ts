import { removeDriveOf } from '../vm/drive/driveedit.js'
import { requireConsent } from './consent.js'
import type { Verb } from './verb.js'

export const rmDrive: Verb = {
  help: `Removes one drive of the VM, by its number. It asks first; --yes does not. A running VM is refused.

  nbsvm foo rm-drive 1`,

  async run(context) {
    const { vm, words, note, signal } = context
    const [number = ''] = words
    const confirm = ({ name }: { readonly name: string }): void => requireConsent(context, `remove ${name}`)
    const { name } = await removeDriveOf(vm, { number, confirm }, { note, signal })
    note(`removed ${name}`)
  },
}
