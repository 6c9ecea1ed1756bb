import { rollbackVm } from '../vm/frozen/rollback.js'
import { requireConsent } from './consent.js'
import { timeOf } from './time.js'
import type { Verb } from './verb.js'

export const rollback: Verb = {
  help: `Makes the VM what it was at a checkpoint: RAM, devices, drives. What it is now is given up, so it asks first; --yes does not. One that runs
is ended. It stays this VM for its network: UUID, MAC addresses, keys. Checkpoints all stay, later ones too, and so do drives that were
made since.

  nbsvm web rollback before --yes
  nbsvm web rollback before --fresh       its drives alone, as after a power cut: it is off then, and start boots it

Its guest knows nothing of the time between; its agent sets its clock right, which goes on where it was without one. Where a rollback is cut
off, start finishes it.`,

  async run(context) {
    const { vm, words, flags, note, signal } = context
    const name = words[0] ?? ''
    const confirm = (atMs: number): void =>
      requireConsent(context, `make ${vm.id} what it was at ${timeOf(atMs)}, and give up what it is now`, 'nothing was changed')
    const { pid } = await rollbackVm(vm, name, { fresh: flags['fresh'] === true, confirm }, { note, signal })
    note(`${vm.id} is at ${name} again${pid === null ? ', off' : `, as pid ${pid}`}`)
  },
}
