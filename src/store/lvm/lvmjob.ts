// How a volume appears under its name only when it is complete: it is made under a temporary name, with tags that say so
// and by whom, and renamed at the end. lvrename refuses a name that is taken, so of two at once one gets the next number.
// What killed commands left is swept by the next one.
import type { Drive } from '../../model/drive.js'
import { Failure, messageOf } from '../../core/errors.js'
import { newDriveName, parseDriveName } from '../../core/name.js'
import { fateOf } from '../../sys/mark.js'
import { pause } from '../../sys/clock.js'
import {
  asDrive,
  baseName,
  baseTag,
  checkMappedName,
  formerTag,
  isBaseName,
  isTemporaryName,
  makerOf,
  makerTag,
  pinsOf,
  placeOf,
  successorTag,
  temporaryName,
  unfinishedTag,
  volumePath,
} from './lvmname.js'
import { type Group, listVolumes, lvm, lvmFailure, snapshotsOf, tryLvm, type Volume } from './volumes.js'

/** How one kind of drive is made. */
export interface Making {
  /** `make the next drive of foo` */
  readonly doing: string
  /** The lvcreate arguments that give it its kind and size. */
  readonly create: readonly string[]
  /** Writes what is in it. */
  readonly fill?: (path: string) => Promise<void>
  /** Its number, in place of the VM's next. */
  readonly number?: number | undefined
  /** Takes what failed after the deed, and is left to the next command. */
  readonly onNote?: ((text: string) => void) | undefined
}

/**
 * Makes the VM's next drive, or the one of a number: throws a Failure (DRIVE_EXISTS) where that is taken. Whatever fails, or is aborted,
 * leaves no trace.
 */
export async function makeDrive(group: Group, id: string, volumes: readonly Volume[], making: Making): Promise<Drive> {
  const name = newDriveName(
    id,
    volumes.map((volume) => volume.name),
    making.number,
  )
  checkMappedName(group.vg, name)
  const temporary = temporaryName(group.unique())
  try {
    await createTemporary(group, temporary, making)
    await making.fill?.(volumePath(group.vg, temporary))
    return await publish(group, id, temporary, name, making)
  } catch (error) {
    await discard(group, temporary, making)
    throw error
  }
}

/** Makes a volume that is there for as long as `use` runs. */
export async function withTemporary<T>(group: Group, making: Making, use: (path: string) => Promise<T>): Promise<T> {
  const temporary = temporaryName(group.unique())
  try {
    await createTemporary(group, temporary, making)
    return await use(volumePath(group.vg, temporary))
  } finally {
    await discard(group, temporary, making)
  }
}

/**
 * Makes a volume in place of a drive, `old`, or of one that is not there. Killed at any moment, the drive is either what it was or what the
 * new one is: while none has the name the new one has a tag that says so, and the next command gives it the name.
 */
export async function makeInPlace(group: Group, name: string, old: Volume | undefined, making: Making): Promise<Drive> {
  const temporary = temporaryName(group.unique())
  try {
    await createTemporary(group, temporary, making, successorTag(name))
    if (old === undefined) await takePlace(group, temporary, name)
    else await exchange(group, temporary, old, making)
  } catch (error) {
    await discard(group, temporary, making)
    throw error
  }
  const drive = await finish(group, name, making.onNote, successorTag(name))
  if (old !== undefined) await sweepAfter(group, making.onNote)
  return drive
}

/** The old volume becomes a base that nothing needs, or that its snapshots still need. It gets its name back where the new one cannot have it. */
async function exchange(group: Group, temporary: string, { name }: Volume, { doing }: Making): Promise<void> {
  const { vg } = group
  const hidden = baseName(group.unique())
  const tags = [baseTag, formerTag(name)]
  const untagged = ['lvchange', ...tags.flatMap((tag) => ['--deltag', tag]), `${vg}/${name}`]
  try {
    await lvm(group, doing, ['lvchange', ...tags.flatMap((tag) => ['--addtag', tag]), `${vg}/${name}`])
    await lvm(group, doing, ['lvrename', vg, name, hidden])
    await takePlace(group, temporary, name)
  } catch (error) {
    await tryLvm(group, doing, ['lvrename', vg, hidden, name])
    await tryLvm(group, doing, untagged)
    throw error
  }
}

async function takePlace(group: Group, temporary: string, name: string): Promise<void> {
  const rename = ['lvrename', group.vg, temporary, name]
  const renamed = await group.asRoot(rename)
  if (renamed.status === 0 || hasBecome(await listVolumes(group), temporary, name, makerTag(group.mark))) return
  throw lvmFailure(`give ${temporary} the name ${name}`, renamed, rename)
}

/** The drives that are between two names: their successors have not got them, as nbsvm was killed, or get them just now. */
export function drivesBetween(volumes: readonly Volume[]): string[] {
  return volumes.flatMap((volume) => vacantPlaceOf(volume, volumes) ?? [])
}

function vacantPlaceOf({ name, tags }: Volume, volumes: readonly Volume[]): string | undefined {
  const place = isTemporaryName(name) ? placeOf(tags) : undefined
  return volumes.some((other) => other.name === place) ? undefined : place
}

async function createTemporary(group: Group, name: string, { doing, create }: Making, ...more: readonly string[]): Promise<void> {
  const tags = [unfinishedTag, makerTag(group.mark), ...more].flatMap((tag) => ['--addtag', tag])
  await lvm(group, doing, ['lvcreate', '--yes', '--name', name, ...tags, ...create])
}

/** Gives the finished volume its name: the next free one, should others have been faster. */
async function publish(group: Group, id: string, temporary: string, firstChoice: string, making: Making): Promise<Drive> {
  const { onNote, number } = making
  for (let name = firstChoice; ;) {
    const rename = ['lvrename', group.vg, temporary, name]
    const renamed = await group.asRoot(rename)
    if (renamed.status === 0) return finish(group, name, onNote)
    const others = await listVolumes(group)
    if (hasBecome(others, temporary, name, makerTag(group.mark))) return finish(group, name, onNote)
    const next = newDriveName(
      id,
      others.map((other) => other.name),
      number,
    )
    if (next === name) throw lvmFailure(`give ${temporary} the name ${name}`, renamed, rename)
    name = next
  }
}

/** Whether a volume was renamed although its lvrename failed: it is gone, and its new name has its tag. */
function hasBecome(volumes: readonly Volume[], temporary: string, name: string, tag: string): boolean {
  const isGone = volumes.every((volume) => volume.name !== temporary)
  return isGone && volumes.some((volume) => volume.name === name && volume.tags.includes(tag))
}

/** Takes the tags off. Should that fail, the drive is complete all the same, and the next sweep takes them off. */
async function finish(group: Group, name: string, onNote: Making['onNote'], ...more: readonly string[]): Promise<Drive> {
  const failed = await tryLvm(group, `take the tags off ${name}`, untag(group, name, [makerTag(group.mark), ...more]))
  if (failed !== undefined) onNote?.(`${failed}; the drive is complete, and the next command tries again`)
  const drive = asDrive(volumePath(group.vg, name))
  if (drive === undefined) throw new Failure(`${name} is not the name of a drive`)
  return drive
}

/** The command that takes the tags of its maker off a finished volume. */
function untag(group: Group, name: string, tags: readonly string[]): string[] {
  return ['lvchange', ...[unfinishedTag, ...tags].flatMap((tag) => ['--deltag', tag]), `${group.vg}/${name}`]
}

const discardTries = 25
const discardPauseMs = 200

/** Removes a temporary volume, or leaves it to the next sweep. A copy that was just killed may have it open for a moment yet. */
async function discard(group: Group, temporary: string, { onNote }: Making): Promise<void> {
  const command = ['lvremove', '--force', `${group.vg}/${temporary}`]
  let failed: string | undefined
  for (let tries = 0; tries < discardTries; tries++) {
    failed = await tryLvm(group, `remove ${temporary}`, command)
    // lvcreate may never have made it.
    if (failed === undefined || /failed to find/i.test(failed)) return
    if (!/in use|busy/i.test(failed)) break
    await pause(discardPauseMs)
  }
  onNote?.(`${failed}; the next command tries again`)
}

/**
 * Removes what killed commands left behind: half-made volumes whose maker has ended, and bases that nothing needs any more.
 * What is in use is left for the next time. Returns the volumes that are there afterwards.
 */
export async function sweep(group: Group, onNote?: (text: string) => void): Promise<Volume[]> {
  const volumes = await listVolumes(group)
  for (const { name } of volumes.filter(isForeign)) onNote?.(foreignNote(group, name))
  const commands = volumes.map((volume) => cleaning(group, volume, volumes)).filter((command) => command !== undefined)
  for (const command of commands) await tryLvm(group, 'sweep', command)
  return commands.length === 0 ? volumes : listVolumes(group)
}

/** Sweeps after something is done, which is no less done when sweeping fails: the next command tries again. */
export async function sweepAfter(group: Group, onNote?: (text: string) => void): Promise<void> {
  await sweep(group).catch((error: unknown) => onNote?.(`${messageOf(error)}; the next command tries again`))
}

/** The command that a leftover needs, or undefined for what is none. */
function cleaning(group: Group, volume: Volume, volumes: readonly Volume[]): string[] | undefined {
  const { name, tags, open } = volume
  const maker = endedMaker(tags)
  if (isTemporaryName(name)) {
    const place = vacantPlaceOf(volume, volumes)
    if (maker !== undefined && place !== undefined) return ['lvrename', group.vg, name, place]
    return open || maker === undefined ? undefined : ['lvremove', '--force', `${group.vg}/${name}`]
  }
  if (isUnneededBase(volume, volumes)) return open ? undefined : removeIfUnchanged(group, volume)
  if (maker === undefined || parseDriveName(name) === undefined) return undefined
  const place = placeOf(tags)
  return untag(group, name, [makerTag(maker), ...(place === undefined ? [] : [successorTag(place)])])
}

function isUnneededBase(volume: Volume, volumes: readonly Volume[]): boolean {
  const { name, tags } = volume
  return isBaseName(name) && tags.includes(baseTag) && pinsOf(tags).length === 0 && snapshotsOf(volume, volumes).length === 0
}

/** Removes a volume only if it has the tags that were seen: somebody may have pinned it since. lvm looks under its lock. */
function removeIfUnchanged({ vg }: Group, { name, tags }: Volume): string[] {
  return ['lvremove', '--force', '--select', `lv_tags=[${tags.map((tag) => `"${tag}"`).join(' && ')}]`, `${vg}/${name}`]
}

/** The mark of the process that left a volume unfinished; undefined while it may still be at work. */
function endedMaker(tags: readonly string[]): string | undefined {
  const maker = makerOf(tags)
  return tags.includes(unfinishedTag) && maker !== undefined && fateOf(maker) === 'ended' ? maker : undefined
}

/** An unfinished volume of which nobody here can tell whether it is still being made: of another host that has this group too. */
function isForeign({ name, tags }: Volume): boolean {
  return isTemporaryName(name) && fateOf(makerOf(tags) ?? '') === 'unknown'
}

function foreignNote({ vg }: Group, name: string): string {
  return (
    `${vg}/${name} is unfinished, and was begun on another host, in a container or by an older nbsvm; ` +
    `if nobody works on it there: sudo lvremove ${vg}/${name}`
  )
}
