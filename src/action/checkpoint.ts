import { checkpointVm } from '../vm/frozen/checkpoint.js'
import { stoodStill, whileDrawn } from './progress.js'
import type { Verb } from './verb.js'

export const checkpoint: Verb = {
  help: `Keeps the whole state of the VM under a name: of one that runs its RAM, its devices and its drives at one moment, while it goes on; of one
that is off its drives. rollback goes back there, as often as you like.

  nbsvm web checkpoint before
  nbsvm web exec apt-get -y full-upgrade -- rollback before --yes
  nbsvm web checkpoints                   what there is

Its guest stands still for some milliseconds. On the disk a checkpoint takes what the guest's RAM holds, and what is written to its drives from then
on. A VM with shared folders, a TPM, an NVMe disk or a device of this machine can be kept so only while it is off.`,

  async run({ vm, words, note, progress, signal }) {
    const name = words[0] ?? ''
    const { frozen, stoodStillMs } = await whileDrawn(progress, (onProgress) =>
      checkpointVm(vm, name, { note, signal, onProgress }),
    )
    note(`kept ${vm.id} as ${name}${frozen.live === undefined ? ', off' : stoodStill(stoodStillMs)}`)
  },
}
