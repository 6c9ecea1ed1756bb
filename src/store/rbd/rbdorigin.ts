// The images of distributions that a pool has: copied into it once, for all machines that have the pool; drives are made on them.
import { list, object, text } from '../../core/check.js'
import { Failure } from '../../core/errors.js'
import { parseDriveName } from '../../core/name.js'
import type { KeptOrigin } from '../store.js'
import { ask, type AskOptions, type Cluster, read } from './rbdcall.js'
import { imageNames, imageSize, removeImage } from './rbdimage.js'
import { hexOf, imageName, spec, temporaryName } from './rbdname.js'

/** All of them. */
export async function keptOrigins(cluster: Cluster, options?: AskOptions): Promise<KeptOrigin[]> {
  const known = (await imageNames(cluster, options)).flatMap((name) => hexOf(name) ?? [])
  return Promise.all(known.map((hex) => describe(cluster, hex, options)))
}

async function describe(cluster: Cluster, hex: string, options?: AskOptions): Promise<KeptOrigin> {
  const name = imageName(hex)
  const [{ allocatedBytes }, users] = await Promise.all([
    imageSize(cluster, name, options),
    standingOn(cluster, `see what stands on ${name}`, name, options),
  ])
  const usedBy = users.map((user) => parseDriveName(user)?.id ?? user)
  return { place: `pool ${cluster.pool}`, hex, sizeBytes: allocatedBytes, usedBy: [...new Set(usedBy)].toSorted() }
}

/** The images that stand on one, bases and what is being made among them. */
async function standingOn(cluster: Cluster, doing: string, name: string, options?: AskOptions): Promise<string[]> {
  const json = await ask(cluster, doing, ['rbd', 'children', '--format', 'json', spec(cluster, name)], options)
  return read(doing, json, (answer) => list(object({ image: text }))(JSON.parse(answer), '')).map(({ image }) => image)
}

/** Removes one. Throws a Failure where something stands on it. */
export async function removeOrigin(cluster: Cluster, hex: string): Promise<void> {
  const name = imageName(hex)
  const doing = `remove ${name}`
  // Nobody finds it any more from here on; a drive that was made a moment before keeps it.
  const hidden = temporaryName(cluster)
  await ask(cluster, doing, ['rbd', 'rename', spec(cluster, name), spec(cluster, hidden)])
  const [user] = await standingOn(cluster, doing, hidden)
  if (user !== undefined) {
    await ask(cluster, doing, ['rbd', 'rename', spec(cluster, hidden), spec(cluster, name)])
    throw new Failure(`cannot ${doing}: ${user} stands on it`, { code: 'DRIVE_IN_USE' })
  }
  await ask(cluster, doing, ['rbd', 'snap', 'purge', '--no-progress', spec(cluster, hidden)])
  await removeImage(cluster, doing, hidden)
}
