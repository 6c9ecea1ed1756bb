import { saveVm } from '../vm/frozen/save.js'
import { whileDrawn } from './progress.js'
import type { Verb } from './verb.js'

export const save: Verb = {
  help: `Puts a running VM to sleep on the disk: its RAM and its devices go into a file, and QEMU ends. start wakes it: its guest goes on where it was,
with the hardware that it had, and its agent, if it has one, sets its clock right. Meanwhile its drives are kept as they are.

  nbsvm web save
  nbsvm web start
  nbsvm web start --fresh                 boot it instead, as after a power cut

The file is as large as what the guest's RAM holds. Where there is no room for it, or anything else is in the way, the guest goes on.`,

  async run({ vm, note, progress, signal }) {
    await whileDrawn(progress, (onProgress) => saveVm(vm, { note, signal, onProgress }))
    note(`saved ${vm.id}; wake it: ${vm.call} start`)
  },
}
