// What `snapshot` and `clone` copy (a drive by its VM's name, a volume of the group, any device or image file), and how a new
// volume is filled with it.
import path from 'node:path'
import { jsonName } from '../../model/blocknode.js'
import type { Image } from '../../model/drive.js'
import { Failure, UsageError } from '../../core/errors.js'
import { checkName, drivePrefix, vmId } from '../../core/name.js'
import { claims, deviceBytes, sameDevice } from '../../sys/block.js'
import { stat } from '../../sys/file.js'
import { runOrFail, tied } from '../../sys/process.js'
import { checkDdArguments } from '../common/copying.js'
import type { CopyOptions, Source, SourceWanted } from '../store.js'
import { asDrive, isBaseName, isTemporaryName } from './lvmname.js'
import { type Group, listVolumes, type Volume } from './volumes.js'

/** Finds out what an image file is, and refuses one that refers to other files unless it is trusted. */
export type Probe = (
  path: string,
  trust: boolean,
  onNote?: (text: string) => void,
) => Promise<{ readonly image: Image; readonly refersTo: readonly string[] }>

/** Finds the source. Throws a Failure that names what was looked for, and where. */
export async function findSource(group: Group, wanted: SourceWanted, probe: Probe): Promise<Source> {
  const name = wanted.source
  if (name === undefined) return sourceInGroup(group, wantedNames(wanted), await listVolumes(group))
  if (!path.isAbsolute(name)) throw new UsageError(`source: ${JSON.stringify(name)} is not an absolute path`)
  if (stat(name)?.isBlockDevice() === true) return sourceDevice(name, await listVolumes(group))
  const { image, refersTo } = await probe(name, wanted.trust, wanted.onNote)
  return { name, image, ...(refersTo.length === 0 ? {} : { refersTo }) }
}

/** A volume of the group under any of its names, or a device from elsewhere that the host does not use itself. */
function sourceDevice(name: string, volumes: readonly Volume[]): Source {
  const image: Image = { format: 'raw', path: name, kind: 'block' }
  const volume = findVolume({ name, image }, volumes)
  if (volume !== undefined) return { ...asSource(volume), name }
  const uses = claims(name)
  if (uses.length === 0) return { name, image }
  throw new Failure(`cannot copy ${name}: it is ${uses.join(', ')} on this host, and a copy would hold two moments of it`, {
    code: 'DRIVE_IN_USE',
    hints: [`see where: lsblk ${name}`],
  })
}

/** The names that may be meant, the likeliest first: `nbsvm-gold`, which is a drive's name if it ends so, then its drive 0. */
function wantedNames({ snapshotLv, gold, vmClass }: SourceWanted): string[] {
  if (snapshotLv !== undefined) return [snapshotLv]
  const name = drivePrefix + vmId(checkName('VM', gold), vmClass)
  return [name, `${name}-0`]
}

function sourceInGroup({ vg }: Group, names: readonly string[], volumes: readonly Volume[]): Source {
  const usable = volumes.filter(({ name, kind }) => kind !== 'pool' && !isBaseName(name) && !isTemporaryName(name))
  const found = names.map((wanted) => usable.find(({ name }) => name === wanted)).find((volume) => volume !== undefined)
  if (found !== undefined) return asSource(found)
  throw new Failure(`volume group ${vg} has no volume ${names.join(' or ')} to copy`, {
    code: 'SOURCE_MISSING',
    hints: [
      'name another: gold=VM, snapshot_lv=NAME, or source=/absolute/path',
      `those it has: ${usable.map(({ name }) => name).join(', ') || 'none'}`,
    ],
  })
}

function asSource(volume: Volume): Source {
  const { name } = volume
  const drive = asDrive(volume.path)
  return { name, image: { format: 'raw', path: volume.path, kind: 'block' }, ...(drive === undefined ? {} : { drive }) }
}

/** The volume of the group that a source is, under whatever name of the device; undefined for one from elsewhere. */
export function findVolume({ image }: Source, volumes: readonly Volume[]): Volume | undefined {
  if (image.kind !== 'block') return undefined
  return volumes.find((volume) => volume.path !== '' && (volume.path === image.path || sameDevice(volume.path, image.path)))
}

/** What is read. An image that is trusted to refer to other files finds them itself. */
export type CopySource = Pick<Source, 'image' | 'refersTo'>

/** What is copied where. */
export interface Copy {
  readonly doing: string
  readonly from: CopySource
  readonly sizeBytes: number
  readonly to: string
  /** What was never written to the target reads as zeros, so zeros need not be written. */
  readonly toZeros: boolean
  /** What is behind the copy stays as it is. */
  readonly leavesTail?: boolean
}

/** The size that a source's reader sees, in bytes. */
export async function sourceBytes(group: Group, source: CopySource): Promise<number> {
  const { image } = source
  const known = image.kind === 'block' ? deviceBytes(image.path) : undefined
  if (known !== undefined) return known
  const command = ['qemu-img', 'info', '--output', 'json', ...sourceArguments(source)]
  const info = JSON.parse(await runOrFail(`read ${image.path}`, tied(command), { run: group.run })) as { 'virtual-size': number }
  return info['virtual-size']
}

/** Refuses what dd cannot copy, before anything is made: it knows bytes, not images. */
export function checkDd({ image }: CopySource, dd: NonNullable<CopyOptions['dd']>): void {
  checkDdArguments(dd)
  if (image.format === 'raw') return
  throw new UsageError(`dd cannot clone ${image.path}, which is a ${image.format} image`, { hints: ['leave out bs and ddargs'] })
}

/** Copies the image. Throws, with the target half written, when it fails or is aborted. */
export async function copyImage(group: Group, copy: Copy, options: CopyOptions): Promise<void> {
  if (options.dd !== undefined) await copyWithDd(group, copy, options, options.dd)
  else await copyWithQemu(group, copy, options)
  if (!copy.toZeros && copy.leavesTail !== true) await clearTail(group, copy, options)
}

/** Several reads and writes at once, past the page cache where it can be: faster than dd, and no gigabytes left to flush. */
async function copyWithQemu(group: Group, copy: Copy, { onProgress, signal }: CopyOptions): Promise<void> {
  const { doing, from, to, sizeBytes, toZeros } = copy
  const speed = ['-p', '-n', '-W', '-m', '8', '-T', from.image.kind === 'block' ? 'none' : 'writeback', '-t', 'none']
  const zeros = toZeros ? ['--target-is-zero'] : []
  const command = ['qemu-img', 'convert', ...speed, ...zeros, '-O', 'raw', ...sourceArguments(from), to]
  const onOutput = (text: string): void => {
    const percent = [...text.matchAll(/\(([\d.]+)\/100%\)/g)].at(-1)?.[1]
    if (percent !== undefined) onProgress?.(Math.round((sizeBytes * Number(percent)) / 100), sizeBytes)
  }
  await runOrFail(doing, endingWithUs(group, command), { run: group.asRoot, onOutput, ...abortedBy(signal) })
}

/** The user's own dd, with his block size and arguments. It copies bytes, so the source has to be raw. */
async function copyWithDd(group: Group, copy: Copy, options: CopyOptions, dd: NonNullable<CopyOptions['dd']>): Promise<void> {
  const { doing, from, to, sizeBytes } = copy
  const how = [`bs=${dd.bs ?? '1M'}`, 'conv=fsync', 'status=progress', ...dd.args]
  const onErrorOutput = (text: string): void => {
    const doneBytes = [...text.matchAll(/^(\d+) bytes/gm)].at(-1)?.[1] ?? [...text.matchAll(/\r(\d+) bytes/g)].at(-1)?.[1]
    if (doneBytes !== undefined) options.onProgress?.(Number(doneBytes), sizeBytes)
  }
  const command = ['dd', `if=${from.image.path}`, `of=${to}`, ...how]
  await runOrFail(doing, endingWithUs(group, command), { run: group.asRoot, onErrorOutput, ...abortedBy(options.signal) })
}

/** A volume is a number of extents: after the image's end there may be old data, of another guest. */
async function clearTail(group: Group, { doing, sizeBytes, to }: Copy, { signal }: CopyOptions): Promise<void> {
  const start = Math.ceil(sizeBytes / 512) * 512
  const rest = (deviceBytes(to) ?? start) - start
  if (rest <= 0) return
  const command = ['blkdiscard', '--zeroout', '--offset', `${start}`, '--length', `${rest}`, to]
  await runOrFail(doing, endingWithUs(group, command), { run: group.asRoot, ...abortedBy(signal) })
}

/**
 * Makes what reads or writes a volume end with nbsvm. sudo stands between them where it is needed, and would have to allow one
 * program more: then the copy ends when it writes how far it is.
 */
function endingWithUs({ isRoot }: Group, command: readonly string[]): readonly string[] {
  return isRoot ? tied(command) : command
}

function abortedBy(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}

/** What qemu-img reads, format by format, so that it believes no file about itself. */
function sourceArguments({ image, refersTo }: CopySource): string[] {
  if (image.format === 'raw' || refersTo !== undefined) return ['-f', image.format, image.path]
  return [jsonName(image)]
}
