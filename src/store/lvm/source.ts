// What `snapshot` and `clone` copy: a drive by its VM's name, a volume of the group, or any device or image file.
import path from 'node:path'
import type { Image } from '../../model/drive.js'
import { Failure, UsageError } from '../../core/errors.js'
import { checkName, drivePrefix, vmId } from '../../core/name.js'
import { claims, sameDevice } from '../../sys/block.js'
import { stat } from '../../sys/file.js'
import type { Source, SourceWanted } from '../store.js'
import type { Group } from './group.js'
import { isBaseName, isTemporaryName } from './name.js'
import { asDrive, listVolumes, type Volume } from './volume.js'

/** Finds out what an image file is, and refuses one that refers to other files unless it is trusted. */
export type Probe = (path: string, trust: boolean) => Promise<{ readonly image: Image; readonly refersTo: readonly string[] }>

/** Finds the source. Throws a Failure that names what was looked for, and where. */
export async function findSource(group: Group, wanted: SourceWanted, probe: Probe): Promise<Source> {
  const name = wanted.source
  if (name === undefined) return sourceInGroup(group, wantedNames(wanted), await listVolumes(group))
  if (!path.isAbsolute(name)) throw new UsageError(`source: ${JSON.stringify(name)} is not a full path`)
  if (stat(name)?.isBlockDevice() === true) return sourceDevice(name, await listVolumes(group))
  const { image, refersTo } = await probe(name, wanted.trust)
  return { name, image, ...(refersTo.length === 0 ? {} : { refersTo }) }
}

/** A volume of the group under any of its names, or a device from elsewhere that the host does not use itself. */
function sourceDevice(name: string, volumes: readonly Volume[]): Source {
  const image: Image = { format: 'raw', path: name, kind: 'block' }
  const volume = findVolume({ name, image }, volumes)
  if (volume !== undefined) return { ...asSource(volume), name }
  const uses = claims(name)
  if (uses.length === 0) return { name, image }
  throw new Failure(`cannot copy ${name}: it is ${uses.join(', ')} on this host, and a copy would not be whole`, {
    hints: [`see where: lsblk ${name}`],
  })
}

/** The names that may be meant, the likeliest first: `nbsvm-gold`, which is a drive's name if it ends so, then its drive 0. */
function wantedNames({ snapshotLv, gold, vmClass }: SourceWanted): string[] {
  if (snapshotLv !== undefined) return [snapshotLv]
  const name = drivePrefix + vmId(checkName('VM', gold), vmClass)
  return [name, `${name}-0`]
}

function sourceInGroup({ vg }: Group, names: readonly string[], volumes: readonly Volume[]): Source {
  const usable = volumes.filter(({ name, kind }) => kind !== 'pool' && !isBaseName(name) && !isTemporaryName(name))
  const found = names.map((wanted) => usable.find(({ name }) => name === wanted)).find((volume) => volume !== undefined)
  if (found !== undefined) return asSource(found)
  throw new Failure(`volume group ${vg} has no volume ${names.join(' or ')} to copy`, {
    hints: [
      'name another: gold=VM, snapshot_lv=NAME, or source=/full/path',
      `those it has: ${usable.map(({ name }) => name).join(', ') || 'none'}`,
    ],
  })
}

function asSource(volume: Volume): Source {
  const { name } = volume
  const drive = asDrive(volume.path)
  return { name, image: { format: 'raw', path: volume.path, kind: 'block' }, ...(drive === undefined ? {} : { drive }) }
}

/** The volume of the group that a source is, under whatever name of the device; undefined for one from elsewhere. */
export function findVolume({ image }: Source, volumes: readonly Volume[]): Volume | undefined {
  if (image.kind !== 'block') return undefined
  return volumes.find((volume) => volume.path !== '' && (volume.path === image.path || sameDevice(volume.path, image.path)))
}
