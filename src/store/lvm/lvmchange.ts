// What changes or ends a drive that is there.
import type { Drive } from '../../model/drive.js'
import { Failure } from '../../core/errors.js'
import { formatSize } from '../../core/size.js'
import type { LiveDrives } from '../store.js'
import { sweep, sweepAfter } from './lvmjob.js'
import { baseName, baseTag, formerTag } from './lvmname.js'
import { refuseInUse } from './lvmready.js'
import { type Group, listVolumes, lvm, lvmFailure, snapshotsOf, tryLvm, type Volume, volumeOf } from './volumes.js'

/** Changes a drive's size, rounded up to extents of the group. Throws a Failure where lvm cannot, and says what can. */
export async function resizeDrive(group: Group, drive: Drive, sizeBytes: number, options: { shrink: boolean }): Promise<void> {
  const doing = `resize ${drive.name}`
  const volumes = await sweep(group)
  const volume = volumeOf(drive, volumes, doing)
  if (sizeBytes === volume.sizeBytes) return
  refuseInUse(volume, doing)
  refuseSnapshots(volume, snapshotsOf(volume, volumes), doing)
  const target = ['--size', `${sizeBytes}b`, `${group.vg}/${volume.name}`]
  if (sizeBytes > volume.sizeBytes) await lvm(group, doing, ['lvextend', '--yes', ...target])
  else if (options.shrink) await reduce(group, doing, target)
  else throw new Failure(`cannot ${doing}: it is ${formatSize(volume.sizeBytes)} now, and shrinking cuts off its end`, shrinkHint)
}

/**
 * Makes a volume larger that a running VM has open: QEMU cannot grow a device, and only looks again at what lvm did. It gets
 * the volume's size, a number of extents, which is what a VM that starts with it sees.
 */
export async function growDrive(group: Group, drive: Drive, sizeBytes: number, live: LiveDrives): Promise<void> {
  const doing = `resize ${drive.name}`
  const volumes = await sweep(group)
  const volume = volumeOf(drive, volumes, doing)
  if ((await live.activeFile(drive)) === undefined) throw new Failure(`cannot ${doing}: its VM runs without it`)
  if (sizeBytes > volume.sizeBytes) {
    refuseSnapshots(volume, snapshotsOf(volume, volumes), doing)
    await lvm(group, doing, ['lvextend', '--yes', '--size', `${sizeBytes}b`, `${group.vg}/${volume.name}`])
  }
  await live.grow(drive, volumeOf(drive, await listVolumes(group), doing).sizeBytes)
}

/** From 2.03.17 on lvreduce looks for a file system and refuses to cut it; what is in there is the guest's, and he said so. */
async function reduce(group: Group, doing: string, target: readonly string[]): Promise<void> {
  const command = ['lvreduce', '--force', '--yes', ...target]
  const reduced = await group.asRoot(command)
  const stopped = reduced.status !== 0 && /file ?system/i.test(reduced.stderr)
  if (stopped) await lvm(group, doing, ['lvreduce', '--fs', 'ignore', ...command.slice(1)])
  else if (reduced.status !== 0) throw lvmFailure(doing, reduced, command)
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

/**
 * Removes a drive. A classic volume that snapshots were made of gives up its name and stays hidden until the last of them
 * is removed: lvremove would take them with it.
 */
export async function removeDrive(group: Group, drive: Pick<Drive, 'name'>, onNote?: (text: string) => void): Promise<void> {
  const doing = `remove ${drive.name}`
  const volume = volumeOf(drive, await sweep(group), doing)
  refuseInUse(volume, doing)
  if (volume.kind === 'classic') await removeOrigin(group, volume, doing)
  else await lvm(group, doing, ['lvremove', '--force', `${group.vg}/${volume.name}`])
  if (volume.kind === 'snapshot') await sweepAfter(group, onNote)
}

/** Hides it first: from then on nobody can make a snapshot of it, which lvremove would remove too. */
async function removeOrigin(group: Group, volume: Volume, doing: string): Promise<void> {
  const { vg } = group
  const hidden = baseName(group.unique())
  const tags = [baseTag, formerTag(volume.name)]
  await lvm(group, doing, ['lvchange', ...tags.flatMap((tag) => ['--addtag', tag]), `${vg}/${volume.name}`])
  const rename = ['lvrename', vg, volume.name, hidden]
  const renamed = await group.asRoot(rename)
  if (renamed.status !== 0 && !/PVs are missing/.test(renamed.stderr)) throw lvmFailure(doing, renamed, rename)
  if (renamed.status !== 0) return removeUnhidden(group, volume, doing)
  // It is gone from here on; what can still fail is left to the next sweep.
  const now = await listVolumes(group).catch(() => [])
  const base = now.find(({ name }) => name === hidden)
  if (base === undefined || snapshotsOf(base, now).length > 0) return
  const remove = ['lvremove', '--force', `${vg}/${hidden}`]
  const removed = await group.asRoot(remove)
  // Somebody's sweep may have been faster.
  if (removed.status === 0 || !(await listVolumes(group)).some(({ name }) => name === hidden)) return
  await tryLvm(group, doing, ['lvrename', vg, hidden, volume.name])
  await tryLvm(group, doing, ['lvchange', ...tags.flatMap((tag) => ['--deltag', tag]), `${vg}/${volume.name}`])
  throw lvmFailure(doing, removed, remove)
}

/** While a disk of the group is missing lvm renames nothing, but removes, and nobody can make a snapshot meanwhile. */
async function removeUnhidden(group: Group, volume: Volume, doing: string): Promise<void> {
  const snapshots = snapshotsOf(volume, await listVolumes(group))
  if (snapshots.length > 0) {
    throw new Failure(`cannot ${doing}: a disk of volume group ${group.vg} is missing, and its snapshots would go with it`, {
      hints: [`remove them first: ${snapshots.map(({ name }) => name).join(', ')}`, 'see which disk is missing: sudo pvs'],
    })
  }
  await lvm(group, doing, ['lvremove', '--force', `${group.vg}/${volume.name}`])
}
