// What `snapshot` and `clone` copy (a drive by its VM's name, an image of the pool, any device or image file), and how a copy is made.
import path from 'node:path'
import { Failure, UsageError } from '../../core/errors.js'
import { checkName, drivePrefix, vmId } from '../../core/name.js'
import { tied } from '../../sys/process.js'
import { convertTo } from '../common/copying.js'
import { probe, refuseDamaged } from '../common/probe.js'
import type { CopyOptions, Source, SourceWanted } from '../store.js'
import { ask, changeSeconds, type Cluster } from './rbdcall.js'
import { imageInfo, imageNames } from './rbdimage.js'
import { asDrive, asImage, isHidden, spec } from './rbdname.js'

/** Finds the source. Throws a Failure that names what was looked for, and where. */
export async function findSource(cluster: Cluster, wanted: SourceWanted): Promise<Source> {
  const file = wanted.source
  if (file === undefined) return sourceInPool(cluster, wantedNames(wanted), await imageNames(cluster))
  if (!path.isAbsolute(file)) throw new UsageError(`source: ${JSON.stringify(file)} is not an absolute path`)
  const { image, refersTo } = await probe(file, wanted.trust, wanted.onNote)
  await refuseDamaged(image, file)
  return { name: file, image, ...(refersTo.length === 0 ? {} : { refersTo }) }
}

/** The names that may be meant, the likeliest first: `nbsvm-gold`, which is a drive's name if it ends so, then its drive 0. */
function wantedNames({ snapshotLv, gold, vmClass }: SourceWanted): string[] {
  if (snapshotLv !== undefined) return [snapshotLv]
  const name = drivePrefix + vmId(checkName('VM', gold), vmClass)
  return [name, `${name}-0`]
}

function sourceInPool(cluster: Cluster, wanted: readonly string[], names: readonly string[]): Source {
  const usable = names.filter((name) => !isHidden(name))
  const name = wanted.find((one) => usable.includes(one))
  if (name === undefined) {
    throw new Failure(`pool ${cluster.pool} has no image ${wanted.join(' or ')} to copy`, {
      code: 'SOURCE_MISSING',
      hints: [
        'name another: gold=VM, snapshot_lv=NAME, or source=/absolute/path',
        `those it has: ${usable.join(', ') || 'none'}`,
      ],
    })
  }
  const drive = asDrive(cluster, name)
  return { name, image: asImage(cluster, name), ...(drive === undefined ? {} : { drive }) }
}

interface Filling {
  readonly source: Pick<Source, 'image' | 'refersTo'>
  readonly name: string
  readonly sizeBytes: number
}

/** Writes an image from elsewhere into a new one, whose zeros need not be written. */
export async function fillImage(
  cluster: Cluster,
  doing: string,
  { source, name, sizeBytes }: Filling,
  options: CopyOptions,
): Promise<void> {
  const trust = source.refersTo !== undefined
  const target = ['-n', '--target-is-zero', '-O', 'raw', qemuName(cluster, name)]
  await convertTo(doing, source.image, target, sizeBytes, { ...options, trust })
}

/** The image's name for qemu-img, with how long it waits for the cluster: without that for ever. */
function qemuName({ pool, conf, user }: Cluster, name: string): string {
  const times = ['client_mount_timeout', 'rados_mon_op_timeout', 'rados_osd_op_timeout'].map((key) => `${key}=${changeSeconds}`)
  return ['rbd', `${escaped(pool)}/${escaped(name)}`, `conf=${escaped(conf)}`, `id=${escaped(user)}`, ...times].join(':')
}

function escaped(text: string): string {
  return text.replaceAll(/[\\:=@]/g, String.raw`\$&`)
}

/** Copies what an image stands on into it, after which it stands alone. */
export async function flatten(cluster: Cluster, doing: string, name: string, options: CopyOptions): Promise<void> {
  const { onProgress, signal } = options
  const { sizeBytes } = await imageInfo(cluster, doing, name)
  const onErrorOutput = (text: string): void => {
    const percent = [...text.matchAll(/(\d+)% complete/g)].at(-1)?.[1]
    if (percent !== undefined) onProgress?.(Math.round((sizeBytes * Number(percent)) / 100), sizeBytes)
  }
  const following: Cluster = { ...cluster, run: (command, how) => cluster.run(tied(command), how) }
  await ask(following, doing, ['rbd', 'flatten', spec(cluster, name)], {
    isLong: true,
    onErrorOutput,
    ...(signal === undefined ? {} : { signal }),
  })
}
