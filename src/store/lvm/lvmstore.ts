// Drives as volumes of an LVM volume group. What each part does is in the file it is imported from.
import type { Drive, DriveSize } from '../../model/drive.js'
import { parseDriveName } from '../../core/name.js'
import { deviceBytes, deviceUsers } from '../../sys/block.js'
import { isRoot } from '../../sys/environment.js'
import { list } from '../../sys/file.js'
import { processMark } from '../../sys/mark.js'
import { run, type Run } from '../../sys/process.js'
import { elevated } from '../../sys/sudo.js'
import type { CopyOptions, Health, Store } from '../store.js'
import { createOnBase, findBaseOf, freezeDrive, pinBase, pinnedBases, releaseBase, restoreDrive } from './lvmbase.js'
import { growDrive, removeDrive, resizeDrive } from './lvmchange.js'
import { findSource, type Probe } from './lvmcopy.js'
import { drivesBetween } from './lvmjob.js'
import { cloneDrive, createDrive, createFrom, snapshotDrive } from './lvmmake.js'
import { faultOf, healthOf, makeReady, openingCommands } from './lvmready.js'
import { asDrive, checkGroupName, volumePath } from './lvmname.js'
import { type Group, listVolumes, type Volume, volumeOf } from './volumes.js'

/** The store of a volume group on this machine: as root all of it, as a user through sudo what changes. */
export function openLvm(options: { vg: string; pool?: string | undefined; snapshotSizeBytes?: number | undefined }): Store {
  return lvmStore({
    ...options,
    run,
    asRoot: elevated(run, `the volumes of ${options.vg} belong to root`),
    probe: async (path, trust, onNote) => {
      const { probe, refuseDamaged } = await import('../common/probe.js')
      const probed = await probe(path, trust, onNote)
      await refuseDamaged(probed.image, path)
      return probed
    },
  })
}

interface LvmOptions {
  readonly vg: string
  /** Thin pool of the group that new volumes are made in; classic volumes without it. */
  readonly pool?: string | undefined
  /** Room of a classic snapshot; as much as its origin has without it. */
  readonly snapshotSizeBytes?: number | undefined
  readonly run: Run
  /** `elevated(run, ...)`: every lvm command goes through it, and what reads or writes a volume. */
  readonly asRoot: Run
  readonly probe: Probe
  /** For tests: whether nbsvm is root, and the names it invents. */
  readonly isRoot?: boolean
  readonly mark?: string
  readonly unique?: () => string
}

/** The store of a volume group. A user without root sees the active volumes only, and their sizes; all else goes through sudo. */
export function lvmStore(options: LvmOptions): Store {
  checkGroupName('vg', options.vg)
  if (options.pool !== undefined) checkGroupName('pool', options.pool)
  const group: Group = {
    vg: options.vg,
    pool: options.pool,
    snapshotSizeBytes: options.snapshotSizeBytes,
    run: options.run,
    asRoot: options.asRoot,
    isRoot: options.isRoot ?? isRoot(),
    mark: options.mark ?? processMark(),
    unique: options.unique ?? inventName,
  }
  return {
    name: 'lvm',
    isShared: false,
    drives: (id) => findDrives(group, id),
    driveNames: () => driveNames(group),
    size: (drive) => sizeOf(group, drive),
    health: (drive) => healthIfSeen(group, drive),
    ready: async (drives, onNote) => {
      await makeReady(group, drives, onNote)
      return undefined
    },
    opening: (drives) => openingCommands(group, drives),
    findSource: (wanted) => findSource(group, wanted, options.probe),
    create: (id, sizeBytes, { onNote } = {}) => createDrive(group, id, sizeBytes, onNote),
    snapshot: (id, source, { onNote }) => snapshotDrive(group, id, source, onNote),
    clone: (id, source, copyOptions) => cloneDrive(group, id, source, copyOptions),
    resize: (drive, sizeBytes, how) => resizeDrive(group, drive, sizeBytes, how),
    grow: (drive, sizeBytes, { live }) => growDrive(group, drive, sizeBytes, live),
    remove: (drive, { onNote }: Pick<CopyOptions, 'onNote'> = {}) => removeDrive(group, drive, onNote),
    users: async (drive) => deviceUsers(drive.image.path),
    freeze: (drive, pin, how) => freezeDrive(group, drive, pin, how),
    pin: (base, name) => pinBase(group, base, name),
    release: (base, name) => releaseBase(group, base, name),
    pins: () => pinnedBases(group),
    createFrom: (id, origin, sizeBytes, how = {}) => createFrom(group, id, { ...origin, sizeBytes }, how),
    base: (name) => findBaseOf(group, name),
    createOn: (id, base, how = {}) => createOnBase(group, id, base, how),
    restore: (drive, base, how = {}) => restoreDrive(group, drive, base, how),
  }
}

function inventName(): string {
  return Math.random().toString(36).slice(2, 10).padEnd(8, '0')
}

/** Root asks lvm. A user cannot without sudo, and reads the links that active volumes have in /dev. */
async function findDrives(group: Group, id: string): Promise<Drive[]> {
  const volumes = group.isRoot ? await listVolumes(group) : undefined
  const names = volumes === undefined ? list(`/dev/${group.vg}`) : namesOf(volumes)
  const drives = names.map((name) => asDrive(volumePath(group.vg, name))).filter((drive) => drive !== undefined)
  const own = drives.filter(({ name }) => parseDriveName(name)?.id === id).toSorted((a, b) => a.number - b.number)
  return volumes === undefined ? own : own.map((drive) => withFault(group, drive, volumes))
}

function withFault(group: Group, drive: Drive, volumes: readonly Volume[]): Drive {
  const volume = volumes.find(({ name }) => name === drive.name)
  // One that is between two names is looked at when it has its name.
  const fault = volume === undefined ? undefined : faultOf(group, volume, volumes)
  return fault === undefined ? drive : { ...drive, fault }
}

/** The names in the same way. */
async function driveNames(group: Group): Promise<string[]> {
  const names = group.isRoot ? namesOf(await listVolumes(group)) : list(`/dev/${group.vg}`)
  return names.filter((name) => parseDriveName(name) !== undefined)
}

/** A thin pool is not a drive, whatever it is called. */
function namesOf(volumes: readonly Volume[]): string[] {
  return [...volumes.filter(({ kind }) => kind !== 'pool').map(({ name }) => name), ...drivesBetween(volumes)]
}

async function sizeOf(group: Group, drive: Drive): Promise<DriveSize> {
  if (!group.isRoot) {
    const virtualBytes = deviceBytes(drive.image.path) ?? 0
    return { virtualBytes, allocatedBytes: virtualBytes }
  }
  const { kind, sizeBytes, ownBytes, usedPercent } = volumeOf(drive, await listVolumes(group), `find the size of ${drive.name}`)
  const part = kind === 'classic' ? 100 : (usedPercent ?? 0)
  return { virtualBytes: sizeBytes, allocatedBytes: Math.round((ownBytes * part) / 100) }
}

/** Only root can know; `status` must not ask for a password. */
async function healthIfSeen(group: Group, drive: Drive): Promise<Health | undefined> {
  if (!group.isRoot) return undefined
  const volumes = await listVolumes(group)
  return healthOf(group, volumeOf(drive, volumes, `look at ${drive.name}`), volumes)
}
