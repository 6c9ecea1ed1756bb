// How a new drive is made: empty, as a snapshot, or as a full copy.
import type { Drive } from '../../model/drive.js'
import { Failure } from '../../core/errors.js'
import { formatSize } from '../../core/size.js'
import { quoteWord } from '../../core/words.js'
import type { CopyOptions, Origin, Source } from '../store.js'
import { checkDd, copyImage, findVolume, sourceBytes } from './lvmcopy.js'
import { makeDrive, type Making, sweep, withTemporary } from './lvmjob.js'
import { isBaseName } from './lvmname.js'
import { activate, checkHealth, healthOf, poolHealth, refuseInUse } from './lvmready.js'
import type { Group, Volume } from './volumes.js'

/** Makes the VM's next drive, empty: thin in the pool where one is set, else classic. */
export async function createDrive(group: Group, id: string, sizeBytes: number, onNote?: (text: string) => void): Promise<Drive> {
  const volumes = await sweep(group, onNote)
  const doing = `make the next drive of ${id}`
  const pool = group.pool === undefined ? undefined : findPool(group, group.pool, volumes)
  if (pool !== undefined) checkHealth(poolHealth(group, pool), doing, onNote)
  return makeDrive(group, id, volumes, { doing, create: newVolume(group, sizeBytes, pool), onNote })
}

/** The lvcreate arguments of a new volume. lvm wipes the signatures that a classic one may find in its extents. */
function newVolume({ vg }: Group, sizeBytes: number, pool: Volume | undefined): string[] {
  const size = `${Math.ceil(sizeBytes / 512) * 512}b`
  return pool === undefined ? ['--size', size, vg] : ['--virtualsize', size, '--thinpool', pool.name, vg]
}

/** The thin pool of that name. Throws a Failure that names those there are. */
function findPool({ vg }: Group, name: string, volumes: readonly Volume[]): Volume {
  const pools = volumes.filter(({ kind }) => kind === 'pool')
  const found = pools.find((pool) => pool.name === name)
  if (found !== undefined) return found
  const others = pools.length === 0 ? 'it has none' : `it has ${pools.map((pool) => pool.name).join(', ')}`
  throw new Failure(`volume group ${vg} has no thin pool ${name}: ${others}`, {
    code: 'SOURCE_MISSING',
    hints: [`make one: sudo lvcreate --type thin-pool -L 100G -n ${name} ${vg}`, `see them: sudo lvs ${vg}`],
  })
}

/**
 * Makes the VM's next drive as a snapshot: a thin one of a thin volume, else a classic one. The kernel holds the source
 * still for the moment, so it may be running or mounted.
 */
export async function snapshotDrive(group: Group, id: string, source: Source, onNote?: (text: string) => void): Promise<Drive> {
  const volumes = await sweep(group, onNote)
  const doing = `make a snapshot of ${source.name}`
  const volume = findVolume(source, volumes)
  if (volume === undefined) {
    throw new Failure(`cannot ${doing}: it is not a volume of volume group ${group.vg}`, { hints: ['copy it instead: clone'] })
  }
  checkHealth(healthOf(group, volume, volumes), doing, onNote)
  return makeDrive(group, id, volumes, { doing, create: newSnapshot(group, volume, doing), onNote })
}

/** The lvcreate arguments of a snapshot. Throws a Failure for a classic snapshot, of which lvm makes none. */
function newSnapshot(group: Group, origin: Volume, doing: string): string[] {
  const name = `${group.vg}/${origin.name}`
  if (origin.kind === 'thin') return ['--snapshot', '--setactivationskip', 'n', name]
  if (origin.kind === 'classic') return ['--snapshot', ...snapshotRoom(group), name]
  const why = origin.kind === 'snapshot' ? 'is a classic snapshot itself, and lvm makes none of those' : 'is a thin pool'
  const root = origin.origin
  const roots =
    root === undefined || isBaseName(root) ? [] : [`or make one of its origin: snapshot_lv=${quoteWord(root)} snapshot`]
  throw new Failure(`cannot ${doing}: it ${why}`, { hints: ['copy it instead: clone', ...roots] })
}

function snapshotRoom({ snapshotSizeBytes }: Group): string[] {
  return snapshotSizeBytes === undefined
    ? ['--extents', '100%ORIGIN']
    : ['--size', `${Math.ceil(snapshotSizeBytes / 512) * 512}b`]
}

/** Makes the VM's next drive as a full copy: thin where the pool is, or where the source is; classic otherwise. */
export async function cloneDrive(group: Group, id: string, source: Source, options: CopyOptions): Promise<Drive> {
  if (options.dd !== undefined) checkDd(source, options.dd)
  const volumes = await sweep(group, options.onNote)
  const doing = `clone ${source.name}`
  const volume = findVolume(source, volumes)
  if (volume !== undefined) checkHealth(healthOf(group, volume, volumes), doing, options.onNote)
  if (volume?.active === false) await activate(group, volume, doing)
  const poolName = group.pool ?? volume?.pool
  const pool = poolName === undefined ? undefined : findPool(group, poolName, volumes)
  if (pool !== undefined) checkRoom(group, pool, volume, doing, options)
  const sizeBytes = volume?.sizeBytes ?? (await sourceBytes(group, source))
  const toZeros = pool?.zeroing === true
  // A classic volume is written from end to end, so lvm need not clear its start.
  const clearing = pool === undefined ? ['--wipesignatures', 'n', '--zero', 'n'] : []
  return makeDrive(group, id, volumes, {
    doing,
    create: [...clearing, ...newVolume(group, sizeBytes, pool)],
    onNote: options.onNote,
    fill: (to) =>
      withFrozenSource(group, source, volume, { doing, onNote: options.onNote }, (path) =>
        copyImage(group, { doing, from: { ...source, image: { ...source.image, path } }, sizeBytes, to, toZeros }, options),
      ),
  })
}

/** Copies from a snapshot while the source is in use, so that the copy is of one moment. It is gone afterwards. */
async function withFrozenSource<T>(
  group: Group,
  source: Source,
  volume: Volume | undefined,
  { doing, onNote }: Omit<Making, 'create'>,
  work: (path: string) => Promise<T>,
): Promise<T> {
  if (volume === undefined || !volume.open) return work(source.image.path)
  if (volume.kind === 'snapshot') refuseInUse(volume, doing)
  return withTemporary(group, { doing, create: newSnapshot(group, volume, doing), onNote }, work)
}

/** Refuses what surely overfills the pool, which would stop every volume in it, and says what may. */
function checkRoom(group: Group, pool: Volume, source: Volume | undefined, doing: string, { onNote }: CopyOptions): void {
  const health = poolHealth(group, pool)
  checkHealth(health, doing, onNote)
  const freeBytes = (pool.ownBytes * (100 - (pool.usedPercent ?? 0))) / 100
  const neededBytes = source?.kind === 'thin' ? (source.ownBytes * (source.usedPercent ?? 0)) / 100 : 0
  if (neededBytes <= freeBytes) return
  throw new Failure(
    `cannot ${doing}: it takes ${formatSize(neededBytes)}, and thin pool ${pool.name} has ${formatSize(freeBytes)} left`,
    { code: 'NO_SPACE', hints: [`give it more: sudo lvextend -L +${formatSize(neededBytes)} ${group.vg}/${pool.name}`] },
  )
}

/** Makes the VM's next drive as a full copy of an image, larger than that: thin in the pool where one is set, else classic. */
export async function createFrom(
  group: Group,
  id: string,
  { image, sizeBytes }: Pick<Origin, 'image'> & { readonly sizeBytes: number },
  options: CopyOptions,
): Promise<Drive> {
  const volumes = await sweep(group, options.onNote)
  const doing = `make the next drive of ${id} from ${image.path}`
  const pool = group.pool === undefined ? undefined : findPool(group, group.pool, volumes)
  if (pool !== undefined) checkHealth(poolHealth(group, pool), doing, options.onNote)
  const imageBytes = await sourceBytes(group, { image })
  const toZeros = pool?.zeroing === true
  return makeDrive(group, id, volumes, {
    doing,
    create: newVolume(group, sizeBytes, pool),
    onNote: options.onNote,
    // What lies after the image is as in an empty drive, and is not cleared: that would write all of it.
    fill: (to) => copyImage(group, { doing, from: { image }, sizeBytes: imageBytes, to, toZeros, leavesTail: true }, options),
  })
}
