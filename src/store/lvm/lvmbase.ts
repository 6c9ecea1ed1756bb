// Bases as others know them: frozen, pinned, released, and drives made on them. A base is a read-only thin snapshot, which stands
// on nothing and on which nothing stands: the pool alone knows which blocks they share. So it lasts as long as it has a pin,
// and a pin is a tag. Classic volumes have no bases: lvm makes no snapshot of a classic snapshot.
import type { Base, Drive } from '../../model/drive.js'
import { Failure } from '../../core/errors.js'
import type { FreezeOptions, Pinned } from '../store.js'
import { makeDrive, sweep, sweepAfter } from './lvmjob.js'
import { baseName, baseTag, isBaseName, pinTag, pinsOf, volumePath } from './lvmname.js'
import { checkHealth, healthOf } from './lvmready.js'
import { type Group, listVolumes, lvm, type Volume, volumeOf } from './volumes.js'

/** Freezes a drive into a base. It has its pin from the first moment: one command makes both. */
export async function freezeDrive(group: Group, drive: Drive, pin: string, { onNote }: FreezeOptions): Promise<Base> {
  const doing = `freeze ${drive.name}`
  const tags = ['--addtag', baseTag, '--addtag', pinTag(pin)]
  const volumes = await sweep(group, onNote)
  const volume = volumeOf(drive, volumes, doing)
  if (volume.kind !== 'thin') throw notThin(volume, doing)
  checkHealth(healthOf(group, volume, volumes), doing, onNote)
  const name = baseName(group.unique())
  const how = ['--snapshot', '--setactivationskip', 'n', '--permission', 'r', `${group.vg}/${volume.name}`]
  await lvm(group, doing, ['lvcreate', '--yes', '--name', name, ...tags, ...how])
  return asBase(group, { name, sizeBytes: volume.sizeBytes })
}

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

/** Makes the VM's next drive on a base: a thin snapshot of it that can be written. */
export async function createOnBase(group: Group, id: string, base: Base, onNote?: (text: string) => void): Promise<Drive> {
  const doing = `make a drive of ${id} on ${base.name}`
  const volumes = await sweep(group, onNote)
  const volume = requireBase(volumes, group, base.name, doing)
  checkHealth(healthOf(group, volume, volumes), doing, onNote)
  const how = ['--snapshot', '--setactivationskip', 'n', '--permission', 'rw', `${group.vg}/${volume.name}`]
  return makeDrive(group, id, volumes, { doing, create: how, onNote })
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
