import type { Drive } from '../../model/drive.js'
import { Failure } from '../../core/errors.js'
import { quoteWord } from '../../core/words.js'
import type { Source } from '../store.js'
import type { Group } from './group.js'
import { checkHealth, healthOf } from './health.js'
import { isBaseName } from './name.js'
import { findVolume } from './source.js'
import { sweep } from './sweep.js'
import { makeDrive } from './unfinished.js'
import type { Volume } from './volume.js'

/**
 * Makes the VM's next drive as a snapshot: a thin one of a thin volume, else a classic one. The kernel holds the source
 * still for the moment, so it may be running or mounted.
 */
export async function snapshotDrive(group: Group, id: string, source: Source, onNote?: (text: string) => void): Promise<Drive> {
  const volumes = await sweep(group)
  const doing = `make a snapshot of ${source.name}`
  const volume = findVolume(source, volumes)
  if (volume === undefined) {
    throw new Failure(`cannot ${doing}: it is no volume of volume group ${group.vg}`, { hints: ['copy it instead: clone'] })
  }
  checkHealth(healthOf(group, volume, volumes), doing, onNote)
  return makeDrive(group, id, volumes, { doing, create: newSnapshot(group, volume, doing) })
}

/** The lvcreate arguments of a snapshot. Throws a Failure for a classic snapshot, of which lvm makes none. */
export function newSnapshot(group: Group, origin: Volume, doing: string): string[] {
  const name = `${group.vg}/${origin.name}`
  if (origin.kind === 'thin') return ['--snapshot', '--setactivationskip', 'n', name]
  if (origin.kind === 'classic') return ['--snapshot', ...snapshotRoom(group), name]
  const words = origin.kind === 'snapshot' ? 'is a classic snapshot itself, and lvm makes none of those' : 'is a thin pool'
  const root = origin.origin
  const roots =
    root === undefined || isBaseName(root) ? [] : [`or make one of its origin: snapshot_lv=${quoteWord(root)} snapshot`]
  throw new Failure(`cannot ${doing}: it ${words}`, { hints: ['copy it instead: clone', ...roots] })
}

function snapshotRoom({ snapshotSizeBytes }: Group): string[] {
  return snapshotSizeBytes === undefined
    ? ['--extents', '100%ORIGIN']
    : ['--size', `${Math.ceil(snapshotSizeBytes / 512) * 512}b`]
}
