import { formatSize } from '../core/size.js'
import { backupVm, type BackedUp } from '../vm/backup/backup.js'
import { changedBytesOf } from '../vm/backup/manifest.js'
import { pruneBackups } from '../vm/backup/prune.js'
import { settleBackup } from '../vm/backup/settle.js'
import { whileDrawn } from './progress.js'
import type { Verb } from './verb.js'

export const backup: Verb = {
  help: `Writes the VM into a folder of backups that you made: its drives as they are at one moment, its record, settings, keys and UEFI variables,
in DIR/VM/TIME. Only what has changed since the backup before is written. Each backup is whole by itself: any can be removed, none needs another.

  nbsvm web backup /mnt/backups
  nbsvm web backup /mnt/backups --keep=7        and remove all but the newest seven
  nbsvm web backup /mnt/backups --boot-test     and see that it boots
  nbsvm web backups /mnt/backups                what there is
  nbsvm web restore /mnt/backups                after an rm, or on another machine

A VM that runs goes on. Where its guest has an agent, its file systems stand still for a moment, so that what is on them is whole; --live leaves that
out. Else a backup is what the drives held at that moment, as after a power cut. RAM is not in it: see checkpoint. What you attached as it runs is not
in it either.

What was written since the backup before is known from dirty bitmaps in the drives (qcow2 files). Where there is none that counts (QEMU was killed,
a rollback, a snapshot of it, a resize while it was off; LVM, Ceph and raw files after each start) all of the drive is read and compared, which it
says: it takes longer, and writes no more. What its guest overwrites during a backup takes room in its drawer as long as that lasts.

The folder's files never change once they are there, so restic, borg or rsync can take them along.`,

  async run({ vm, words: [dir = ''], flags, note, progress, signal, outside }) {
    if (flags['settle'] === true) return settleBackup(vm, { note, signal })
    const standing = flags['live'] !== true
    const made = await whileDrawn(progress, (onProgress) => backupVm(vm, dir, { standing }, { note, signal, onProgress }))
    note(`backed up ${vm.id} to ${made.path}: ${told(made)}`)
    if (flags['boot-test'] === true) {
      const { bootTest } = await import('../vm/backup/bootcheck.js')
      const { ms, heard } = await whileDrawn(progress, (onProgress) =>
        bootTest(vm, { dir, when: made.name }, { outside, note, signal, onProgress }),
      )
      note(`${made.name} boots: ${heard} after ${Math.round(ms / 1000)} s`)
    }
    const keep = flags['keep']
    const gone = keep === undefined ? [] : await pruneBackups(dir, vm.id, Number(keep), { note, signal })
    if (gone.length > 0) note(`removed ${gone.join(', ')}`)
  },
}

function told({ manifest, filesStoodMs, switchMs }: BackedUp): string {
  const size = `${formatSize(changedBytesOf(manifest))} changed, ${formatSize(manifest.writtenBytes)} written`
  if (filesStoodMs !== null) return `${size}; its file systems stood still for ${Math.ceil(filesStoodMs)} ms`
  return switchMs === null ? `${size}; it was off` : `${size}; its drives stood still for ${Math.ceil(switchMs)} ms`
}
