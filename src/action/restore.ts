import { restoreVm } from '../vm/backup/restore.js'
import { requireConsent } from './consent.js'
import { whileDrawn } from './progress.js'
import { timeOf } from './time.js'
import type { Verb } from './verb.js'

export const restore: Verb = {
  help: `Makes the VM again from a backup: its drives, in the store that its settings here say, its record, settings and keys. It is off then. Each
byte is compared with its digest; where one is not what was written, or the VM cannot be made whole, nothing of it stays.

  nbsvm web restore /mnt/backups                            from the newest
  nbsvm web restore /mnt/backups 20261128                   from the newest of that day; see them: nbsvm web backups /mnt/backups
  nbsvm web2 restore /mnt/backups --from=web start          under another name, as another machine: UUID and MAC addresses of its own
  nbsvm web rm restore /mnt/backups                         in place of the one that is there, which rm asks for

A VM that is there is never overwritten. Where the backup brings settings that give its guest something of this machine, or QEMU options (args, share,
network ...), it asks first, for a folder may have been in other hands; --yes does not.`,

  async run(context) {
    const { vm, words, flags, note, progress, signal, outside } = context
    const [dir = '', when] = words
    const from = typeof flags['from'] === 'string' ? flags['from'] : vm.id
    const { backup, added } = await whileDrawn(progress, (onProgress) =>
      restoreVm(
        vm,
        {
          dir,
          from,
          when,
          confirm: async ({ name }, reaching) => {
            if (reaching.length === 0) return
            requireConsent(context, `make ${vm.id} of ${name} with its settings ${reaching.join(', ')}`, 'nothing was made')
          },
        },
        { note, signal, outside, onProgress },
      ),
    )
    note(`restored ${vm.id} from ${backup.name}, what ${from} was at ${timeOf(backup.manifest.atMs)}; it is off`)
    if (added.length > 0) note(`added to its settings, so that it is the machine that it was: ${added.join(' ')}`)
  },
}
