import type { Drive } from '../../core/drive.js'
import { Failure } from '../../core/errors.js'
import { formatSize } from '../../core/size.js'
import { lvm, type Group } from './group.js'
import { sweep } from './sweep.js'
import { refuseInUse } from './use.js'
import { snapshotsOf, volumeOf, type Volume } from './volume.js'

/** Changes a drive's size, rounded up to whole extents of the group. Throws a Failure where lvm cannot, and says what can. */
export async function resizeDrive(group: Group, drive: Drive, sizeBytes: number, options: { shrink: boolean }): Promise<void> {
  const doing = `resize ${drive.name}`
  const volumes = await sweep(group)
  const volume = volumeOf(drive, volumes, doing)
  if (sizeBytes === volume.sizeBytes) return
  refuseInUse(volume, doing)
  refuseSnapshots(volume, snapshotsOf(volume, volumes), doing)
  const target = ['--size', `${sizeBytes}b`, `${group.vg}/${volume.name}`]
  if (sizeBytes > volume.sizeBytes) await lvm(group, doing, ['lvextend', '--yes', ...target])
  else if (options.shrink) await lvm(group, doing, ['lvreduce', '--force', '--yes', ...target])
  else throw new Failure(`cannot ${doing}: it is ${formatSize(volume.sizeBytes)} now, and shrinking cuts off its end`, shrinkHint)
}

const shrinkHint = { hints: ['if the guest uses no more than that: resize SIZE --shrink'] }

/** A classic snapshot is as large as its origin was, for both of them: lvm resizes neither. */
function refuseSnapshots(volume: Volume, snapshots: readonly Volume[], doing: string): void {
  if (volume.kind === 'snapshot') {
    throw new Failure(`cannot ${doing}: it is a classic snapshot, which always has the size of what it was made of`, {
      hints: ['make a drive that can be resized: clone it, or use a thin pool (pool=NAME)'],
    })
  }
  if (snapshots.length === 0) return
  const names = snapshots.map(({ name }) => name).join(', ')
  throw new Failure(`cannot ${doing}: lvm resizes no volume that has classic snapshots, and it has ${names}`, {
    hints: ['remove them first, or make a drive that can be resized: clone it'],
  })
}
