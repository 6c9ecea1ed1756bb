// What changes or ends a drive that is there.
import { Failure } from '../../core/errors.js'
import { parseDriveName } from '../../core/name.js'
import { formatSize } from '../../core/size.js'
import type { Drive } from '../../model/drive.js'
import { ask, type Cluster } from './rbdcall.js'
import { imageInfo, imageNames, removeImage } from './rbdimage.js'
import { sweep, sweepSnapshots } from './rbdjob.js'
import { sizeWord } from './rbdmake.js'
import { spec } from './rbdname.js'
import { forgetRun } from './rbdrun.js'
import { refuseUsed } from './rbdready.js'

/** Changes the size of a drive that no VM has open. */
export async function resizeDrive(
  cluster: Cluster,
  drive: Drive,
  sizeBytes: number,
  options: { shrink: boolean },
): Promise<void> {
  const doing = `resize ${drive.name}`
  const [{ sizeBytes: hasBytes }] = await Promise.all([
    imageInfo(cluster, doing, drive.name),
    refuseUsed(cluster, doing, drive),
    sweep(cluster),
  ])
  if (sizeBytes === hasBytes) return
  if (sizeBytes < hasBytes && !options.shrink) {
    throw new Failure(`cannot ${doing}: it is ${formatSize(hasBytes)} now, and shrinking cuts off its end`, {
      hints: ['if the guest uses no more than that: resize SIZE --shrink'],
    })
  }
  const words = ['rbd', 'resize', '--no-progress', '--allow-shrink', '--size', sizeWord(sizeBytes), spec(cluster, drive.name)]
  await ask(cluster, doing, words, { isLong: true })
}

/** Refuses a drive that cannot be removed: somebody has it open, or it has snapshots of the user's. */
export async function refuseKept(cluster: Cluster, doing: string, name: string): Promise<void> {
  const [own] = await Promise.all([sweepSnapshots(cluster, doing, name), refuseUsed(cluster, doing, { name })])
  if (own.length === 0) return
  throw new Failure(`cannot ${doing}: it has snapshots that were not made by nbsvm: ${own.slice(0, 10).join(', ')}`, {
    hints: [`remove them first: rbd snap purge ${spec(cluster, name)}`],
  })
}

/** Removes a drive, and with the VM's last one what is remembered of its runs. What stands on it is no less whole. */
export async function removeDrive(cluster: Cluster, { name }: Pick<Drive, 'name'>): Promise<void> {
  const doing = `remove ${name}`
  await refuseKept(cluster, doing, name)
  if (!(await removeImage(cluster, doing, name))) {
    throw new Failure(`cannot ${doing}: there is no image ${spec(cluster, name)} any more`, { code: 'DRIVE_MISSING' })
  }
  const id = parseDriveName(name)?.id
  if (id === undefined) return
  const isLast = (await sweep(cluster).catch(() => imageNames(cluster))).every((other) => parseDriveName(other)?.id !== id)
  if (isLast) await forgetRun(cluster, id)
}
