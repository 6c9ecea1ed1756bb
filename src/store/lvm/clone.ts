import type { Drive } from '../../model/drive.js'
import { Failure } from '../../core/errors.js'
import { formatSize } from '../../core/size.js'
import type { CopyOptions, Source } from '../store.js'
import { checkDd, copyImage, sourceBytes } from './copy.js'
import { findPool, newVolume } from './create.js'
import type { Group } from './group.js'
import { checkHealth, healthOf, poolHealth } from './health.js'
import { newSnapshot } from './snapshot.js'
import { findVolume } from './source.js'
import { sweep } from './sweep.js'
import { makeDrive, withTemporary } from './unfinished.js'
import { refuseInUse } from './use.js'
import type { Volume } from './volume.js'

/** Makes the VM's next drive as a full copy: thin where the pool is, or where the source is; classic otherwise. */
export async function cloneDrive(group: Group, id: string, source: Source, options: CopyOptions): Promise<Drive> {
  if (options.dd !== undefined) checkDd(source, options.dd)
  const volumes = await sweep(group)
  const doing = `clone ${source.name}`
  const volume = findVolume(source, volumes)
  if (volume !== undefined) checkHealth(healthOf(group, volume, volumes), doing, options.onNote)
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
    fill: (to) =>
      withStillSource(group, source, volume, doing, (path) =>
        copyImage(group, { doing, from: { ...source, image: { ...source.image, path } }, sizeBytes, to, toZeros }, options),
      ),
  })
}

/** Copies from a snapshot while the source is in use, so that the copy is of one moment. It is gone afterwards. */
async function withStillSource<T>(
  group: Group,
  source: Source,
  volume: Volume | undefined,
  doing: string,
  work: (path: string) => Promise<T>,
): Promise<T> {
  if (volume === undefined || !volume.open) return work(source.image.path)
  if (volume.kind === 'snapshot') refuseInUse(volume, doing)
  return withTemporary(group, { doing, create: newSnapshot(group, volume, doing) }, work)
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
    { hints: [`give it more: sudo lvextend -L +${formatSize(neededBytes)} ${group.vg}/${pool.name}`] },
  )
}
