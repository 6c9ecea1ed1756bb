import { formatSize } from '../core/size.js'
import { columns } from '../core/table.js'
import { removeBackup } from '../vm/backup/prune.js'
import { listBackups, type ListedBackup } from '../vm/backup/verify.js'
import { whileDrawn } from './progress.js'
import { timeOf } from './time.js'
import type { Verb } from './verb.js'

export const backups: Verb = {
  help: `Lists the VM's backups in a folder, the oldest first: when its drives held that, what its guest was doing (off; files: its file systems stood
still; crash: as after a power cut), how large the drives are, what had changed since the backup before, and what was written for it.

  nbsvm web backups /mnt/backups
  nbsvm web backups /mnt/backups --verify              read all of them: is each still what was written? If not it ends with 1
  nbsvm web backups /mnt/backups --rm=20261128         remove the newest of that day; all others stay as they are
  nbsvm web backups /mnt/backups --json                an array of objects: name, atMs, state, virtualBytes, changedBytes, writtenBytes, fault

The VM itself need not be there.`,

  async run({ vm, words: [dir = ''], flags, out, note, progress, signal }) {
    const when = flags['rm']
    if (typeof when === 'string') {
      note(`removed the backup ${await removeBackup(dir, vm.id, when, { note, signal })} of ${vm.id}`)
      return
    }
    const verify = flags['verify'] === true
    const found = await whileDrawn(progress, (onProgress) => listBackups(dir, vm.id, { verify, note, signal, onProgress }))
    if (flags['json'] === true) out(JSON.stringify(found, undefined, 2))
    else if (found.length === 0) note(`there are no backups of ${vm.id} in ${dir}; make one: ${vm.call} backup ${dir}`)
    else out(columns([['NAME', 'TAKEN', 'STATE', 'SIZE', 'CHANGED', 'WRITTEN'], ...found.map(rowOf)]).join('\n'))
    if (found.some(({ fault }) => fault !== null)) return 1
    if (verify) note(`all ${found.length} are what was written`)
    return
  },
}

function rowOf({ name, atMs, state, virtualBytes, changedBytes, writtenBytes, fault }: ListedBackup): string[] {
  const sizes = [virtualBytes, changedBytes, writtenBytes].map(formatSize)
  return [name, atMs === null ? '-' : timeOf(atMs), fault === null ? (state ?? '-') : `damaged: ${fault}`, ...sizes]
}
