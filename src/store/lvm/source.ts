// What `snapshot` and `clone` copy: a drive by its VM's name, a volume of the group, or any device or image file.
import type { Image } from '../../core/drive.js'
import { Failure } from '../../core/errors.js'
import { drivePrefix } from '../../core/name.js'
import { sameDevice } from '../../sys/block.js'
import { stat } from '../../sys/file.js'
import type { Source, SourceWanted } from '../store.js'
import type { Group } from './group.js'
import { isBaseName, isTemporaryName } from './name.js'
import { asDrive, listVolumes, type Volume } from './volume.js'

/** Finds out what an image file is, and refuses one that refers to other files unless it is trusted. */
export type DescribeFile = (path: string, trust: boolean) => Promise<Image>

/** Finds the source. Throws a Failure that names what was looked for, and where. */
export async function findSource(group: Group, wanted: SourceWanted, describe: DescribeFile): Promise<Source> {
  if (wanted.source === undefined) return sourceInGroup(group, wantedNames(wanted), await listVolumes(group))
  const stats = stat(wanted.source)
  if (stats === undefined) throw new Failure(`there is no source ${wanted.source}`)
  if (!stats.isBlockDevice()) return { name: wanted.source, image: await describe(wanted.source, wanted.trust) }
  const image: Image = { format: 'raw', path: wanted.source, kind: 'block' }
  const volume = findVolume({ name: wanted.source, image }, await listVolumes(group))
  return volume === undefined ? { name: wanted.source, image } : { ...asSource(volume), name: wanted.source }
}

/** The names that may be meant, the likeliest first: `nbsvm-gold`, which is a drive's name if it ends so, then its drive 0. */
function wantedNames({ snapshotLv, gold, vmClass }: SourceWanted): string[] {
  if (snapshotLv !== undefined) return [snapshotLv]
  const name = `${drivePrefix}${vmClass === undefined ? '' : `${vmClass}-`}${gold}`
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

function asSource({ name, path }: Volume): Source {
  const drive = asDrive(path)
  return { name, image: { format: 'raw', path, kind: 'block' }, ...(drive === undefined ? {} : { drive }) }
}

/** The volume of the group that a source is, under whatever name of the device; undefined for one from elsewhere. */
export function findVolume({ image }: Source, volumes: readonly Volume[]): Volume | undefined {
  if (image.kind !== 'block') return undefined
  return volumes.find(({ path }) => path !== '' && (path === image.path || sameDevice(path, image.path)))
}
