import { freezeVm } from '../vm/frozen/freeze.js'
import { settleStates } from '../vm/frozen/settle.js'
import { removeTemplate } from '../vm/frozen/template.js'
import { stoodStill, whileDrawn } from './progress.js'
import type { Verb } from './verb.js'

export const freeze: Verb = {
  help: `Freezes a running VM as it is at this moment: its RAM, its devices, its drives. It goes on, and is a template besides: fork makes running
copies of it, as many as you like, each in about the time that QEMU takes to start. Nothing has to be planned for it.

  nbsvm base image=debian newimg start wait agent freeze
  nbsvm t1,t2,t3 gold=base fork exec make test
  nbsvm base freeze                       once more: what is forked from now on begins here
  nbsvm base freeze --rm                  the template goes, base stays

Its guest stands still for some milliseconds at the end, while its RAM is written for a second or more. What was frozen before is replaced; what was
forked from that goes on; --rm is refused meanwhile. A VM with shared folders, a TPM, an NVMe disk or a device of this machine cannot be frozen; the message says which it is.`,

  async run({ vm, flags, note, progress, signal }) {
    if (flags['settle'] === true) {
      await settleStates(vm)
      return
    }
    if (flags['rm'] === true) {
      note((await removeTemplate(vm, { signal, note })) ? `removed the template ${vm.id}` : `${vm.id} is no template`)
      return
    }
    const { stoodStillMs } = await whileDrawn(progress, (onProgress) => freezeVm(vm, { note, signal, onProgress }))
    note(`froze ${vm.id}${stoodStill(stoodStillMs)}`)
  },
}
