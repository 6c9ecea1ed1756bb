// The images of a pool as `rbd --format json` shows them.
import { list, object, size, text } from '../../core/check.js'
import type { DriveSize } from '../../model/drive.js'
import { type Watcher, watchersOf } from './fence.js'
import { ask, type AskOptions, cephFailure, type Cluster, exitOf, read, tryAsk } from './rbdcall.js'
import { nameShape, spec } from './rbdname.js'

/** What new images have, whatever the cluster's own default is: without it neither a copy nor a look at its size is quick. */
export const features = ['--image-feature', 'layering,exclusive-lock,object-map,fast-diff,deep-flatten']

/** Copies that need no protection of what they stand on, which then can be removed at any time. */
export const cloneFormat = ['--rbd-default-clone-format', '2']

/** The names of all images of the pool. One that nbsvm cannot have made, and no user can name here, is left out. */
export async function imageNames(cluster: Cluster, options?: AskOptions): Promise<string[]> {
  const doing = `list the images of pool ${cluster.pool}`
  const json = await ask(cluster, doing, ['rbd', 'ls', '--format', 'json', cluster.pool], options)
  const names = read(doing, json, (answer) => list(text)(JSON.parse(answer), ''))
  return names.filter((name) => nameShape.test(name))
}

interface ImageInfo {
  readonly sizeBytes: number
  /** It knows which of its parts are written. */
  readonly knowsParts: boolean
}

export async function imageInfo(cluster: Cluster, doing: string, name: string, options?: AskOptions): Promise<ImageInfo> {
  const json = await ask(cluster, doing, ['rbd', 'info', '--format', 'json', spec(cluster, name)], options)
  return read(doing, json, (answer) => {
    const found = object({ size, features: list(text), flags: list(text) })(JSON.parse(answer), '')
    const knowsParts = found.features.includes('fast-diff') && !found.flags.includes('fast diff invalid')
    return { sizeBytes: found.size, knowsParts }
  })
}

/** How large an image is, and what it takes: without what it shares with the images that it stands on. */
export async function imageSize(cluster: Cluster, name: string, options?: AskOptions): Promise<DriveSize> {
  const doing = `find the size of ${name}`
  const { sizeBytes, knowsParts } = await imageInfo(cluster, doing, name, options)
  // To count them one by one takes minutes.
  if (!knowsParts) return { virtualBytes: sizeBytes, allocatedBytes: sizeBytes }
  const json = await ask(cluster, doing, ['rbd', 'du', '--format', 'json', spec(cluster, name)], options)
  const { images } = read(doing, json, (answer) => object({ images: list(object({ used_size: size })) })(JSON.parse(answer), ''))
  return { virtualBytes: sizeBytes, allocatedBytes: images.reduce((sum, { used_size }) => sum + used_size, 0) }
}

/** Who has an image open. */
export async function watchers(cluster: Cluster, doing: string, name: string, options?: AskOptions): Promise<Watcher[]> {
  const json = await ask(cluster, doing, ['rbd', 'status', '--format', 'json', spec(cluster, name)], options)
  return read(doing, json, watchersOf)
}

/** The names of an image's own snapshots. */
export async function snapshotNames(cluster: Cluster, doing: string, name: string): Promise<string[]> {
  const json = await ask(cluster, doing, ['rbd', 'snap', 'ls', '--format', 'json', spec(cluster, name)])
  return read(doing, json, (answer) => list(object({ name: text }))(JSON.parse(answer), '')).map((snapshot) => snapshot.name)
}

/**
 * Removes an image. What stands on it stays as it is: Ceph then keeps it, out of sight, for as long as anything does. Says whether it was
 * there.
 */
export async function removeImage(cluster: Cluster, doing: string, name: string): Promise<boolean> {
  const words = ['rbd', 'rm', '--no-progress', '--rbd-move-parent-to-trash-on-remove', 'true', spec(cluster, name)]
  let result = await tryAsk(cluster, words, { isLong: true })
  if (result.status === exitOf.missing) {
    if (!(await imageNames(cluster)).includes(name)) return false
    // One of which a part is gone already, which the next attempt does without.
    result = await tryAsk(cluster, words, { isLong: true })
  }
  if (result.status !== 0) throw await cephFailure(cluster, doing, result, words)
  return true
}
