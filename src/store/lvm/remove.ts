import type { Drive } from '../../model/drive.js'
import { Failure } from '../../core/errors.js'
import { lvm, tryLvm, type Group } from './group.js'
import { baseName, baseTag, formerTag } from './name.js'
import { sweep } from './sweep.js'
import { refuseInUse } from './use.js'
import { listVolumes, snapshotsOf, volumeOf, type Volume } from './volume.js'

/**
 * Removes a drive. A classic volume that snapshots were made of gives up its name and stays hidden until the last of them
 * is removed: lvremove would take them with it.
 */
export async function removeDrive(group: Group, drive: Pick<Drive, 'name'>): Promise<void> {
  const doing = `remove ${drive.name}`
  const volume = volumeOf(drive, await sweep(group), doing)
  refuseInUse(volume, doing)
  if (volume.kind === 'classic') await removeOrigin(group, volume, doing)
  else await lvm(group, doing, ['lvremove', '--force', `${group.vg}/${volume.name}`])
  if (volume.kind === 'snapshot') await sweep(group)
}

/** Hides it first: from then on nobody can make a snapshot of it, which lvremove would remove too. */
async function removeOrigin(group: Group, volume: Volume, doing: string): Promise<void> {
  const { vg } = group
  const hidden = baseName(group.unique())
  const tags = [baseTag, formerTag(volume.name)]
  await lvm(group, doing, ['lvchange', ...tags.flatMap((tag) => ['--addtag', tag]), `${vg}/${volume.name}`])
  await lvm(group, doing, ['lvrename', vg, volume.name, hidden])
  const now = await listVolumes(group)
  const base = now.find(({ name }) => name === hidden)
  if (base === undefined || snapshotsOf(base, now).length > 0) return
  const removed = await group.asRoot(['lvremove', '--force', `${vg}/${hidden}`])
  // Somebody's sweep may have been faster.
  if (removed.status === 0 || !(await listVolumes(group)).some(({ name }) => name === hidden)) return
  await tryLvm(group, ['lvrename', vg, hidden, volume.name])
  await tryLvm(group, ['lvchange', ...tags.flatMap((tag) => ['--deltag', tag]), `${vg}/${volume.name}`])
  throw new Failure(`cannot ${doing}: ${removed.stderr.trim()}`)
}
