// Whether a drive can be used: active, not in use, not broken, not full.
import type { Drive } from '../../model/drive.js'
import { Failure } from '../../core/errors.js'
import { parseDriveName } from '../../core/name.js'
import { formatSize } from '../../core/size.js'
import { deviceUsers } from '../../sys/block.js'
import { userIds } from '../../sys/environment.js'
import { canOpen } from '../../sys/file.js'
import { runOrFail } from '../../sys/process.js'
import type { Health } from '../store.js'
import { drivesBetween, sweep } from './lvmjob.js'
import { type Group, listVolumes, lvm, type Volume, volumeOf } from './volumes.js'

/** Makes drives usable: activates what is not. Throws a Failure for one that is lost, broken, in use or mounted on the host. */
export async function makeReady(group: Group, drives: readonly Drive[], onNote?: (text: string) => void): Promise<void> {
  if (drives.length === 0) return
  const seen = await listVolumes(group)
  const between = drivesBetween(seen)
  const volumes = drives.some(({ name }) => between.includes(name)) ? await sweep(group, onNote) : seen
  refuseUnseen(group, drives, volumes)
  for (const drive of drives) {
    const doing = `use ${drive.name}`
    const volume = volumeOf(drive, volumes, doing)
    checkHealth(healthOf(group, volume, volumes), doing, onNote)
    refuseInUse(volume, doing)
    if (!volume.active) await activate(group, volume, doing)
  }
  for (const command of openingCommands(group, drives)) await runOrFail('open a volume', command, { run: group.asRoot })
}

/** A user sees active volumes only: a VM must not start without a drive that is not. */
function refuseUnseen({ vg, isRoot }: Group, drives: readonly Drive[], volumes: readonly Volume[]): void {
  if (isRoot) return
  const ids = new Set(drives.map(({ name }) => parseDriveName(name)?.id))
  const seen = new Set(drives.map(({ name }) => name))
  const unseen = volumes.filter(({ name }) => ids.has(parseDriveName(name)?.id ?? '') && !seen.has(name))
  if (unseen.length === 0) return
  const names = unseen.map(({ name }) => name).join(' and ')
  throw new Failure(`cannot use ${[...seen].join(', ')} alone: ${names} of the same VM cannot be seen while not active`, {
    hints: unseen.map(({ name }) => `activate it: sudo lvchange --activate y --ignoreactivationskip ${vg}/${name}`),
  })
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
export async function activate(group: Group, { name }: Volume, doing: string): Promise<void> {
  await lvm(group, doing, ['lvchange', '--activate', 'y', '--ignoreactivationskip', `${group.vg}/${name}`])
}

/** Refuses to touch a volume that somebody has open, and names who. */
export function refuseInUse(volume: Volume, doing: string): void {
  if (!volume.open) return
  const users = deviceUsers(volume.path)
  const by = users.length === 0 ? 'in use by another process' : users.join(', ')
  throw new Failure(`cannot ${doing}: ${volume.name} is ${by}`, { code: 'DRIVE_IN_USE', hints: hintsFor(volume, users) })
}

function hintsFor({ path }: Volume, users: readonly string[]): string[] {
  if (users.some((user) => user.startsWith('mounted'))) return [`take it off the host first: umount ${path}`]
  return [`see who has it: sudo fuser -v ${path}`]
}

/** From here on the user is warned, in percent. */
const fillingPercent = 80

/** How a volume stands. */
export function healthOf(group: Group, volume: Volume, volumes: readonly Volume[]): Health {
  const pool = volumes.find(({ name }) => name === volume.pool)
  const origin = volumes.find(({ name }) => name === volume.origin && volume.kind === 'snapshot')
  const partial = [volume, pool, origin].find((each) => each?.health === 'partial')
  if (partial !== undefined) return partialHealth(group, volume)
  if (volume.kind === 'snapshot') return snapshotHealth(group, volume)
  return pool === undefined ? fine : poolHealth(group, pool)
}

function partialHealth({ vg }: Group, { name }: Volume): Health {
  return {
    state: 'broken',
    words: `volume ${name} lies on a disk of volume group ${vg} that is missing`,
    hints: ['see which disk is missing: sudo pvs', `when it is back: sudo vgchange --activate y ${vg}`],
  }
}

const fine: Health = { state: 'fine', words: '', hints: [] }

function snapshotHealth(group: Group, volume: Volume): Health {
  const { name, usedPercent = 0, ownBytes } = volume
  if (volume.invalid) {
    return {
      state: 'lost',
      usedPercent: 100,
      words: `snapshot ${name} ran full at ${formatSize(ownBytes)} and is invalid: what was in it is lost`,
      hints: ['remove it and make a new one, with a larger snapshot_size, or with none for as much as the origin has'],
    }
  }
  if (usedPercent < fillingPercent) return { ...fine, usedPercent }
  return {
    state: 'filling',
    usedPercent,
    words: `snapshot ${name} has used ${usedPercent} % of its ${formatSize(ownBytes)}; when it runs full it is lost`,
    hints: [`give it more: sudo lvextend -L +${formatSize(ownBytes)} ${group.vg}/${name}`],
  }
}

/** How a thin pool stands: the fuller of its data and its metadata decides. */
export function poolHealth(group: Group, pool: Volume): Health {
  const { name, ownBytes, health } = pool
  if (health === 'failed' || health === 'metadata_read_only') return failedHealth(group, pool)
  const data = pool.usedPercent ?? 0
  const metadata = pool.metadataPercent ?? 0
  const usedPercent = Math.max(data, metadata)
  const what = metadata > data ? 'room for metadata' : formatSize(ownBytes)
  const option = metadata > data ? `--poolmetadatasize +${formatSize(64 * 2 ** 20)}` : `-L +${formatSize(ownBytes)}`
  const hints = [`give it more: sudo lvextend ${option} ${group.vg}/${name}`]
  if (health === 'out_of_data' || usedPercent >= 100) {
    return { state: 'full', usedPercent, words: `thin pool ${name} is full: writes to its volumes fail`, hints }
  }
  if (usedPercent < fillingPercent) return { ...fine, usedPercent }
  const words = `thin pool ${name} has used ${usedPercent} % of its ${what}; when it is full, writes to its volumes fail`
  return { state: 'filling', usedPercent, words, hints }
}

function failedHealth({ vg }: Group, { name, health }: Volume): Health {
  return {
    state: 'broken',
    words: `thin pool ${name} cannot be written: lvm calls it ${health}`,
    hints: [`see it: sudo lvs -a ${vg}`, `repair it while none of its volumes is active: sudo lvconvert --repair ${vg}/${name}`],
  }
}

/** Why a drive cannot be used, or undefined where it can. */
export function faultOf(group: Group, volume: Volume, volumes: readonly Volume[]): string | undefined {
  const { state, words } = healthOf(group, volume, volumes)
  return state === 'lost' || state === 'broken' ? words : undefined
}

/** Refuses what is lost, broken or has no room, and warns of what soon will have none. */
export function checkHealth(health: Health, doing: string, onNote?: (text: string) => void): void {
  const { state, words, hints } = health
  if (state === 'filling') onNote?.(`${words}; ${hints.join('; ')}`)
  else if (state !== 'fine') throw new Failure(`cannot ${doing}: ${words}`, { code: 'NO_SPACE', hints })
}
