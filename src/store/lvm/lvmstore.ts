// Drives as volumes of an LVM volume group. What each part does is in the file it is imported from.
import type { Drive, DriveSize } from '../../model/drive.js'
import { Failure } from '../../core/errors.js'
import { parseDriveName } from '../../core/name.js'
import { deviceBytes, deviceUsers } from '../../sys/block.js'
import { isRoot } from '../../sys/environment.js'
import { list } from '../../sys/file.js'
import { processMark } from '../../sys/mark.js'
import { run, type Run } from '../../sys/process.js'
import { elevated } from '../../sys/sudo.js'
import type { Health, Store } from '../store.js'
import { growDrive, removeDrive, resizeDrive } from './lvmchange.js'
import { findSource, type Probe } from './lvmcopy.js'
import { cloneDrive, createDrive, snapshotDrive } from './lvmmake.js'
import { healthOf, makeReady, openingCommands } from './lvmready.js'
import { asDrive, type Group, listVolumes, volumeOf, volumePath } from './volumes.js'

/** The store of a volume group on this machine: as root all of it, as a user through sudo what changes. */
export function openLvm(options: { vg: string; pool?: string | undefined; snapshotSizeBytes?: number | undefined }): Store {
  return lvmStore({
    ...options,
    run,
    asRoot: elevated(run, `the volumes of ${options.vg} belong to root`),
    probe: async (path, trust) => (await import('../common/probe.js')).probe(path, trust),
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
    drives: (id) => findDrives(group, id),
    driveNames: async () => (await volumeNames(group)).filter((name) => parseDriveName(name) !== undefined),
    size: (drive) => sizeOf(group, drive),
    health: (drive) => healthIfSeen(group, drive),
    ready: (drives, onNote) => makeReady(group, drives, onNote),
    opening: (drives) => openingCommands(group, drives),
    findSource: (wanted) => findSource(group, wanted, options.probe),
    create: (id, sizeBytes, { onNote } = {}) => createDrive(group, id, sizeBytes, onNote),
    snapshot: (id, source, { onNote }) => snapshotDrive(group, id, source, onNote),
    clone: (id, source, copyOptions) => cloneDrive(group, id, source, copyOptions),
    resize: (drive, sizeBytes, how) => resizeDrive(group, drive, sizeBytes, how),
    grow: (drive, sizeBytes, { live }) => growDrive(group, drive, sizeBytes, live),
    remove: (drive) => removeDrive(group, drive),
    users: (drive) => deviceUsers(drive.image.path),
    freeze: (drive) => notYet(`freeze ${drive.name}`),
    pin: (base) => notYet(`pin ${base.name}`),
    release: (base) => notYet(`release ${base.name}`),
    pins: () => Promise.resolve([]),
    createOn: (id, base) => notYet(`make a drive of ${id} on ${base.name}`),
  }
}

function notYet(doing: string): Promise<never> {
  return Promise.reject(new Failure(`cannot ${doing}: volumes have no bases yet`))
}

function inventName(): string {
  return Math.random().toString(36).slice(2, 10).padEnd(8, '0')
}

async function findDrives(group: Group, id: string): Promise<Drive[]> {
  const names = (await volumeNames(group)).filter((name) => parseDriveName(name)?.id === id)
  const drives = names.map((name) => asDrive(volumePath(group.vg, name))).filter((drive) => drive !== undefined)
  return drives.sort((a, b) => a.number - b.number)
}

/** Root asks lvm. A user cannot without sudo, and reads the links that active volumes have in /dev. */
async function volumeNames(group: Group): Promise<string[]> {
  if (!group.isRoot) return list(`/dev/${group.vg}`)
  return (await listVolumes(group)).filter(({ kind }) => kind !== 'pool').map(({ name }) => name)
}

async function sizeOf(group: Group, drive: Drive): Promise<DriveSize> {
  if (!group.isRoot) {
    const virtualBytes = deviceBytes(drive.image.path) ?? 0
    return { virtualBytes, allocatedBytes: virtualBytes }
  }
  const { kind, sizeBytes, ownBytes, usedPercent } = volumeOf(drive, await listVolumes(group), `tell the size of ${drive.name}`)
  const part = kind === 'classic' ? 100 : (usedPercent ?? 0)
  return { virtualBytes: sizeBytes, allocatedBytes: Math.round((ownBytes * part) / 100) }
}

/** Only root can know; `status` must not ask for a password. */
async function healthIfSeen(group: Group, drive: Drive): Promise<Health | undefined> {
  if (!group.isRoot) return undefined
  const volumes = await listVolumes(group)
  return healthOf(group, volumeOf(drive, volumes, `look at ${drive.name}`), volumes)
}
