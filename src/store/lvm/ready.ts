import type { Drive } from '../../model/drive.js'
import { userIds } from '../../sys/environment.js'
import { canOpen } from '../../sys/file.js'
import { runOrFail } from '../../sys/process.js'
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
  for (const command of openingCommands(group, drives)) await runOrFail('open a volume', command, { run: group.asRoot })
}

/**
 * A user's QEMU opens its volumes by itself, as sudo passes no descriptors on: those that it may not open are made the
 * user's. Root hands them over, and needs none of this.
 */
export function openingCommands({ isRoot }: Group, drives: readonly Drive[]): string[][] {
  if (isRoot) return []
  const [user = 0] = userIds()
  const closed = drives.map(({ image }) => image.path).filter((path) => !canOpen(path))
  return closed.map((path) => ['chown', String(user), path])
}

/** Also where the volume is marked to be skipped, as thin snapshots made by hand are. */
async function activate(group: Group, { name }: Volume, doing: string): Promise<void> {
  await lvm(group, doing, ['lvchange', '--activate', 'y', '--ignoreactivationskip', `${group.vg}/${name}`])
}
