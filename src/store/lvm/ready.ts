import type { Drive } from '../../core/drive.js'
import { lvm, type Group } from './group.js'
import { checkHealth, healthOf } from './health.js'
import { refuseInUse } from './use.js'
import { listVolumes, volumeOf, type Volume } from './volume.js'

/** Makes drives usable: activates what is not. Throws a Failure for one that is lost, in use or mounted on the host. */
export async function makeReady(group: Group, drives: readonly Drive[], onNote?: (text: string) => void): Promise<void> {
  if (drives.length === 0) return
  const volumes = await listVolumes(group)
  for (const drive of drives) {
    const doing = `use ${drive.name}`
    const volume = volumeOf(drive, volumes, doing)
    checkHealth(healthOf(group, volume, volumes), doing, onNote)
    refuseInUse(volume, doing)
    if (!volume.active) await activate(group, volume, doing)
  }
}

/** Also where the volume is marked to be skipped, as thin snapshots made by hand are. */
async function activate(group: Group, { name }: Volume, doing: string): Promise<void> {
  await lvm(group, doing, ['lvchange', '--activate', 'y', '--ignoreactivationskip', `${group.vg}/${name}`])
}
