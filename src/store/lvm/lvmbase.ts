// Bases as others know them: frozen, pinned, released, and drives made on them. A base is a read-only thin snapshot, which stands
// on nothing and on which nothing stands: the pool alone knows which blocks they share. So it lasts as long as it has a pin,
// and a pin is a tag. Classic volumes have no bases: lvm makes no snapshot of a classic snapshot.
import type { Base, Drive } from '../../model/drive.js'
import { Failure } from '../../core/errors.js'
import type { AtMoment, FreezeOptions, Pinned } from '../store.js'
import { makeDrive, makeInPlace, sweep, sweepAfter, type Making } from './lvmjob.js'
import { baseName, baseTag, checkMappedName, isBaseName, pinTag, pinsOf, volumePath } from './lvmname.js'
import { checkHealth, healthOf, refuseInUse } from './lvmready.js'
import { type Group, listVolumes, lvm, type Volume, volumeOf } from './volumes.js'

type Freezing = Pick<FreezeOptions, 'onNote' | 'atMoment'>

/** Freezes a drive into a base. It has its pin from the first moment: one command makes both, and is the step of `atMoment`. */
export async function freezeDrive(
  group: Group,
  drive: Drive,
  pin: string,
  { onNote, atMoment = atOnce }: Freezing,
): Promise<Base> {
  const doing = `freeze ${drive.name}`
  const tags = ['--addtag', baseTag, '--addtag', pinTag(pin)]
  const volumes = await sweep(group, onNote)
  const volume = volumeOf(drive, volumes, doing)
  if (volume.kind !== 'thin') throw notThin(volume, doing)
  checkHealth(healthOf(group, volume, volumes), doing, onNote)
  const name = baseName(group.unique())
  const how = ['--snapshot', '--setactivationskip', 'n', '--permission', 'r', `${group.vg}/${volume.name}`]
  await atMoment(() => lvm(group, doing, ['lvcreate', '--yes', '--name', name, ...tags, ...how]))
  return asBase(group, { name, sizeBytes: volume.sizeBytes })
}

const atOnce: AtMoment = (step) => step()

function notThin({ name, kind }: Volume, doing: string): Failure {
  const what = kind === 'snapshot' ? 'a classic snapshot' : 'a classic volume'
  return new Failure(`cannot ${doing}: ${name} is ${what}, and only thin volumes can be frozen`, {
    hints: ['copy it into a thin pool first: pool=NAME clone'],
  })
}

/** Keeps a base until it is released. */
export async function pinBase(group: Group, { name }: Pick<Base, 'name'>, pin: string): Promise<void> {
  const tag = pinTag(pin)
  requireBase(await listVolumes(group), group, name, `pin ${name}`)
  // Should a sweep remove it just now, there is nothing any more to give a tag to, and lvm says so.
  await lvm(group, `pin ${name}`, ['lvchange', '--addtag', tag, `${group.vg}/${name}`])
}

/** Takes a pin away, and the base when it was the last. */
export async function releaseBase(group: Group, { name }: Pick<Base, 'name'>, pin: string): Promise<void> {
  const tag = pinTag(pin)
  const base = findBase(await listVolumes(group), name)
  if (base === undefined || !base.tags.includes(tag)) return
  await lvm(group, `release ${name}`, ['lvchange', '--deltag', tag, `${group.vg}/${name}`])
  await sweepAfter(group)
}

/** What is pinned, and under which name. */
export async function pinnedBases(group: Group): Promise<Pinned[]> {
  const bases = (await listVolumes(group)).filter(isBase)
  return bases.flatMap((volume) => pinsOf(volume.tags).map((name) => ({ name, base: asBase(group, volume) })))
}

/** The base of that name. */
export async function findBaseOf(group: Group, name: string): Promise<Base> {
  return asBase(group, requireBase(await listVolumes(group), group, name, `find ${name}`))
}

type OnBase = Pick<Making, 'onNote' | 'number'>

/** Makes the VM's next drive on a base: a thin snapshot of it that can be written. */
export async function createOnBase(group: Group, id: string, base: Base, { onNote, number }: OnBase): Promise<Drive> {
  const doing = `make a drive of ${id} on ${base.name}`
  const volumes = await sweep(group, onNote)
  const create = snapshotOfBase(group, base, volumes, { doing, onNote })
  return makeDrive(group, id, volumes, { doing, create, onNote, number })
}

/** Makes a drive what a base holds. */
export async function restoreDrive(group: Group, { name }: Pick<Drive, 'name'>, base: Base, { onNote }: OnBase): Promise<Drive> {
  const doing = `make ${name} what ${base.name} holds`
  checkMappedName(group.vg, name)
  const volumes = await sweep(group, onNote)
  const create = snapshotOfBase(group, base, volumes, { doing, onNote })
  const old = volumes.find((volume) => volume.name === name)
  if (old !== undefined) refuseInUse(old, doing)
  return makeInPlace(group, name, old, { doing, create, onNote })
}

/** The lvcreate arguments of a volume on a base. */
function snapshotOfBase(
  group: Group,
  base: Base,
  volumes: readonly Volume[],
  { doing, onNote }: Pick<Making, 'doing' | 'onNote'>,
): string[] {
  const volume = requireBase(volumes, group, base.name, doing)
  checkHealth(healthOf(group, volume, volumes), doing, onNote)
  return ['--snapshot', '--setactivationskip', 'n', '--permission', 'rw', `${group.vg}/${volume.name}`]
}

function requireBase(volumes: readonly Volume[], { vg }: Group, name: string, doing: string): Volume {
  const base = findBase(volumes, name)
  if (base !== undefined) return base
  const others = volumes.filter(isBase).map((volume) => volume.name)
  throw new Failure(`cannot ${doing}: volume group ${vg} has no base ${JSON.stringify(name)}`, {
    code: 'DRIVE_MISSING',
    hints: [`those it has: ${others.join(', ') || 'none'}`],
  })
}

function findBase(volumes: readonly Volume[], name: string): Volume | undefined {
  return volumes.filter(isBase).find((volume) => volume.name === name)
}

/** A drive that was removed and that classic snapshots still need is hidden in the same way, and is nobody's base. */
function isBase({ name, kind, tags }: Volume): boolean {
  return kind === 'thin' && isBaseName(name) && tags.includes(baseTag)
}

function asBase({ vg }: Group, { name, sizeBytes }: Pick<Volume, 'name' | 'sizeBytes'>): Base {
  return { name, image: { format: 'raw', path: volumePath(vg, name), kind: 'block' }, virtualBytes: sizeBytes }
}
