// Bases as others know them: frozen, pinned, released, and drives made on them. A base is an image of its own that nobody opens, with a
// snapshot for what stands on it, and its pins are words in its metadata. One that lost its last pin is removed; Ceph keeps it, out of
// sight, for as long as a drive stands on it.
import { asObject } from '../../core/check.js'
import { Failure, UsageError } from '../../core/errors.js'
import type { Base, Drive } from '../../model/drive.js'
import type { FreezeOptions, Pinned } from '../store.js'
import { ask, cephFailure, type Cluster, exitOf, read, tryAsk } from './rbdcall.js'
import { imageInfo, imageNames, removeImage } from './rbdimage.js'
import { refuseKept } from './rbdchange.js'
import { makeDrive, makeImage, makeInPlace, sweep, withSnapshot, type Making } from './rbdjob.js'
import { cloneSnapshot } from './rbdmake.js'
import { asImage, baseName, baseSnapshot, isBaseName, nameShape, spec, temporaryName } from './rbdname.js'

const pinPrefix = 'nbsvm_pin.'

/** Throws a UsageError for a name that cannot be one. */
function pinKey(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name)) return pinPrefix + name
  throw new UsageError(`${JSON.stringify(name)} cannot be the name of a pin`)
}

/** Freezes a drive into a base. It has its pin before it has its name. */
export async function freezeDrive(
  cluster: Cluster,
  { name }: Drive,
  pin: string,
  { onNote, atMoment }: Pick<FreezeOptions, 'onNote' | 'atMoment'>,
): Promise<Base> {
  const doing = `freeze ${name}`
  const key = pinKey(pin)
  const make = async (made: string): Promise<void> => {
    await withSnapshot(cluster, doing, name, (snapshot) => cloneSnapshot(cluster, doing, snapshot, made), atMoment)
    await setPin(cluster, doing, made, key)
    await ask(cluster, doing, ['rbd', 'snap', 'create', '--no-progress', `${spec(cluster, made)}@${baseSnapshot}`])
  }
  const base = await makeImage(cluster, { doing, make, onNote }, baseName(cluster.unique()), () => Promise.resolve(undefined))
  return asBase(cluster, doing, base)
}

async function asBase(cluster: Cluster, doing: string, name: string): Promise<Base> {
  const { sizeBytes } = await imageInfo(cluster, doing, name)
  return { name, image: asImage(cluster, name), virtualBytes: sizeBytes }
}

async function setPin(cluster: Cluster, doing: string, base: string, key: string): Promise<void> {
  await ask(cluster, doing, ['rbd', 'image-meta', 'set', spec(cluster, base), key, '1'])
}

/** Keeps a base until it is released. */
export async function pinBase(cluster: Cluster, { name }: Pick<Base, 'name'>, pin: string): Promise<void> {
  const doing = `pin ${name}`
  const key = pinKey(pin)
  await requireBase(cluster, doing, name)
  await setPin(cluster, doing, name, key)
  // Somebody may have released its last pin meanwhile, and have seen none.
  await requireBase(cluster, doing, name)
}

async function requireBase(cluster: Cluster, doing: string, name: string): Promise<void> {
  const bases = (await imageNames(cluster)).filter(isBaseName)
  if (bases.includes(name)) return
  throw new Failure(`cannot ${doing}: pool ${cluster.pool} has no base ${JSON.stringify(name)}`, {
    code: 'DRIVE_MISSING',
    hints: [`those it has: ${bases.join(', ') || 'none'}`],
  })
}

/** The names under which a base is pinned; undefined where it is gone. */
async function pinsOf(cluster: Cluster, doing: string, base: string): Promise<string[] | undefined> {
  const words = ['rbd', 'image-meta', 'list', '--format', 'json', spec(cluster, base)]
  const result = await tryAsk(cluster, words)
  if (result.status === exitOf.missing) return undefined
  if (result.status !== 0) throw await cephFailure(cluster, doing, result, words)
  // Of nothing some releases write nothing.
  const found = result.stdout.trim() === '' ? {} : read(doing, result.stdout, (json) => asObject(JSON.parse(json)) ?? {})
  return Object.keys(found).flatMap((key) => (key.startsWith(pinPrefix) ? [key.slice(pinPrefix.length)] : []))
}

/** Takes a pin away, and the base when it was the last. */
export async function releaseBase(cluster: Cluster, { name }: Pick<Base, 'name'>, pin: string): Promise<void> {
  const doing = `release ${name}`
  const key = pinKey(pin)
  const before = await pinsOf(cluster, doing, name)
  if (before?.includes(pin) !== true) return
  await ask(cluster, doing, ['rbd', 'image-meta', 'remove', spec(cluster, name), key])
  if ((await pinsOf(cluster, doing, name))?.length !== 0) return
  // Without its name nobody can pin it any more; who has done so before that gets it back.
  const hidden = temporaryName(cluster)
  await ask(cluster, doing, ['rbd', 'rename', spec(cluster, name), spec(cluster, hidden)])
  if ((await pinsOf(cluster, doing, hidden))?.length !== 0) {
    await ask(cluster, doing, ['rbd', 'rename', spec(cluster, hidden), spec(cluster, name)])
    return
  }
  await ask(cluster, doing, ['rbd', 'snap', 'purge', '--no-progress', spec(cluster, hidden)])
  await removeImage(cluster, doing, hidden)
}

/** What is pinned, and under which name. */
export async function pinnedBases(cluster: Cluster): Promise<Pinned[]> {
  const doing = `list the bases of pool ${cluster.pool}`
  const bases = (await imageNames(cluster)).filter(isBaseName)
  const found = await Promise.all(
    bases.map(async (name) => {
      const pins = (await pinsOf(cluster, doing, name)) ?? []
      if (pins.length === 0) return []
      const base = await asBase(cluster, doing, name)
      return pins.map((pin) => ({ name: pin, base }))
    }),
  )
  return found.flat()
}

/** The base of that name. */
export async function findBase(cluster: Cluster, name: string): Promise<Base> {
  const doing = `find ${name}`
  if (!isBaseName(name) || !nameShape.test(name))
    throw new UsageError(`${JSON.stringify(name)} is not a base of pool ${cluster.pool}`)
  return asBase(cluster, doing, name).catch(async (error: unknown) => {
    await requireBase(cluster, doing, name)
    throw error
  })
}

type OnBase = Pick<Making, 'onNote' | 'number'>

/** Makes the VM's next drive on a base. */
export async function createOnBase(cluster: Cluster, id: string, base: Base, how: OnBase): Promise<Drive> {
  const doing = `make a drive of ${id} on ${base.name}`
  await requireBase(cluster, doing, base.name)
  return makeDrive(cluster, id, { doing, make: cloneOf(cluster, doing, base), ...how })
}

function cloneOf(cluster: Cluster, doing: string, { name: base }: Pick<Base, 'name'>): Making['make'] {
  return (name) => cloneSnapshot(cluster, doing, `${spec(cluster, base)}@${baseSnapshot}`, name)
}

/** Makes a drive what a base holds. */
export async function restoreDrive(
  cluster: Cluster,
  { name }: Pick<Drive, 'name'>,
  base: Base,
  { onNote }: OnBase,
): Promise<Drive> {
  const doing = `make ${name} what ${base.name} holds`
  const names = await sweep(cluster, onNote)
  await requireBase(cluster, doing, base.name)
  const isThere = names.includes(name)
  if (isThere) await refuseKept(cluster, doing, name)
  return makeInPlace(cluster, name, isThere, { doing, make: cloneOf(cluster, doing, base), onNote })
}
