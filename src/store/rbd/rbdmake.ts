// How a new drive is made: empty, as a snapshot, as a full copy, or on a distribution's image.
import { Failure, UsageError } from '../../core/errors.js'
import type { Drive } from '../../model/drive.js'
import { askVirtualBytes } from '../common/probe.js'
import type { CopyOptions, Origin, Source } from '../store.js'
import { ask, type Cluster, lookSeconds } from './rbdcall.js'
import { fillImage, flatten } from './rbdcopy.js'
import { cloneFormat, features, imageInfo, imageNames } from './rbdimage.js'
import { makeDrive, makeImage, withSnapshot } from './rbdjob.js'
import { baseSnapshot, imageName, spec } from './rbdname.js'

type OnNote = ((text: string) => void) | undefined

/** Makes the VM's next drive, empty. */
export function createDrive(cluster: Cluster, id: string, sizeBytes: number, onNote?: OnNote): Promise<Drive> {
  const doing = `make the next drive of ${id}`
  return makeDrive(cluster, id, { doing, make: (name) => createImage(cluster, doing, name, sizeBytes), onNote })
}

/** A size as rbd takes it: QEMU counts in sectors. */
export function sizeWord(sizeBytes: number): string {
  return `${Math.ceil(sizeBytes / 512) * 512}B`
}

async function createImage(cluster: Cluster, doing: string, name: string, sizeBytes: number): Promise<void> {
  await ask(cluster, doing, ['rbd', 'create', '--size', sizeWord(sizeBytes), ...features, spec(cluster, name)])
}

/** Makes an image that stands on a snapshot, of which it needs only what is never written to it. */
export async function cloneSnapshot(cluster: Cluster, doing: string, snapshot: string, name: string): Promise<void> {
  await ask(cluster, doing, ['rbd', 'clone', ...cloneFormat, ...features, snapshot, spec(cluster, name)])
}

/** The image of the pool that a source is; undefined for one from elsewhere. */
function ownImage({ pool }: Cluster, { image }: Source): string | undefined {
  return image.kind === 'rbd' && image.pool === pool ? image.name : undefined
}

/** Makes the VM's next drive as an instant copy, under a running VM too. */
export async function snapshotDrive(cluster: Cluster, id: string, source: Source, { onNote }: CopyOptions): Promise<Drive> {
  const doing = `make a snapshot of ${source.name}`
  const from = ownImage(cluster, source)
  if (from === undefined) {
    throw new Failure(`cannot ${doing}: it is not in pool ${cluster.pool}`, { hints: ['copy it instead: clone'] })
  }
  const make = (name: string): Promise<void> =>
    withSnapshot(cluster, doing, from, (snapshot) => cloneSnapshot(cluster, doing, snapshot, name))
  return makeDrive(cluster, id, { doing, make, onNote })
}

/** Makes the VM's next drive as a full copy, of one moment where the source is in use. */
export async function cloneDrive(cluster: Cluster, id: string, source: Source, options: CopyOptions): Promise<Drive> {
  if (options.dd !== undefined) {
    throw new UsageError(`dd cannot clone into pool ${cluster.pool}: it knows files, and Ceph's images are none`, {
      hints: ['leave out bs and ddargs'],
    })
  }
  const doing = `clone ${source.name}`
  const from = ownImage(cluster, source)
  const { onNote } = options
  const make = async (name: string): Promise<void> => {
    if (from === undefined) return copyIn(cluster, doing, name, source, options)
    await withSnapshot(cluster, doing, from, (snapshot) => cloneSnapshot(cluster, doing, snapshot, name))
    await flatten(cluster, doing, name, options)
  }
  return makeDrive(cluster, id, { doing, make, onNote })
}

/** Fills a new image with one from elsewhere. */
async function copyIn(
  cluster: Cluster,
  doing: string,
  name: string,
  source: Pick<Source, 'image' | 'refersTo'>,
  options: CopyOptions,
): Promise<void> {
  const sizeBytes = await askVirtualBytes(source.image)
  await createImage(cluster, doing, name, sizeBytes)
  await fillImage(cluster, doing, { source, name, sizeBytes }, options)
}

/**
 * Makes the VM's next drive on a distribution's image, which is copied into the pool once for all machines that have it, and stays there
 * until somebody removes it: drives need it no less then, and Ceph keeps it for them.
 */
export async function createFrom(
  cluster: Cluster,
  id: string,
  { image, hex, sizeBytes }: Origin & { readonly sizeBytes: number },
  options: CopyOptions,
): Promise<Drive> {
  const doing = `make the next drive of ${id} from ${image.path}`
  const base = imageName(hex)
  if (!(await imageNames(cluster)).includes(base)) await importImage(cluster, doing, { image, hex }, options)
  const make = async (name: string): Promise<void> => {
    await cloneSnapshot(cluster, doing, `${spec(cluster, base)}@${baseSnapshot}`, name)
    const { sizeBytes: hasBytes } = await imageInfo(cluster, doing, name, { seconds: lookSeconds })
    if (hasBytes >= sizeBytes) return
    await ask(cluster, doing, ['rbd', 'resize', '--no-progress', '--size', sizeWord(sizeBytes), spec(cluster, name)])
  }
  return makeDrive(cluster, id, { doing, make, onNote: options.onNote })
}

async function importImage(cluster: Cluster, doing: string, { image, hex }: Origin, options: CopyOptions): Promise<void> {
  options.onNote?.(`the image is copied into pool ${cluster.pool}, once for all machines that have it`)
  const make = async (name: string): Promise<void> => {
    await copyIn(cluster, doing, name, { image }, options)
    await ask(cluster, doing, ['rbd', 'snap', 'create', '--no-progress', `${spec(cluster, name)}@${baseSnapshot}`])
  }
  const base = imageName(hex)
  await makeImage(cluster, { doing, make, onNote: options.onNote }, base, () => Promise.resolve(undefined)).catch(
    async (error: unknown) => {
      // Another machine may have been faster.
      if (!(await imageNames(cluster)).includes(base)) throw error
    },
  )
}
