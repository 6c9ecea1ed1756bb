// The store of a pool in Ceph: drives are images, which every machine reaches that has the pool.
import { UsageError } from '../../core/errors.js'
import { parseDriveName } from '../../core/name.js'
import type { Drive } from '../../model/drive.js'
import { processMark } from '../../sys/mark.js'
import { run } from '../../sys/process.js'
import { randomHex } from '../../sys/stamp.js'
import type { Health, Store } from '../store.js'
import { createOnBase, findBase, freezeDrive, pinBase, pinnedBases, releaseBase, restoreDrive } from './rbdbase.js'
import { type Cluster, lookSeconds } from './rbdcall.js'
import { removeDrive, resizeDrive } from './rbdchange.js'
import { filesForQemu } from './rbdconf.js'
import { findSource } from './rbdcopy.js'
import { poolHealth } from './rbdhealth.js'
import { imageNames, imageSize } from './rbdimage.js'
import { cloneDrive, createDrive, createFrom, snapshotDrive } from './rbdmake.js'
import { asDrive, checkCephName, drivesBetween } from './rbdname.js'
import { keptOrigins, removeOrigin } from './rbdorigin.js'
import { makeReady, noteMoved, usersOf } from './rbdready.js'
import { lastRun } from './rbdrun.js'

/** Which pool, whose monitors, and who asks. */
export interface RbdOptions {
  readonly pool: string
  readonly conf?: string | undefined
  readonly user?: string | undefined
}

const usualConf = '/etc/ceph/ceph.conf'

/** Whoever has its key has the pool's drives, and nothing else of the cluster: so it is not `admin`. */
const usualUser = 'nbsvm'

/** The cluster that settings mean. Throws a UsageError for what cannot be the name of anything in it. */
export function clusterOf({ pool, conf = usualConf, user = usualUser }: RbdOptions): Cluster {
  checkCephName('pool', pool)
  checkCephName('ceph_user', user)
  if (/[\p{Cc},;"']/u.test(conf))
    throw new UsageError(`ceph_conf: ${JSON.stringify(conf)} cannot be the name of Ceph's configuration`)
  return { pool, conf, user, run, mark: processMark(), unique: () => randomHex(4) }
}

/** The store of a pool. */
export function rbdStore(cluster: Cluster): Store {
  const look = { seconds: lookSeconds }
  const names = (): Promise<string[]> => imageNames(cluster, look)
  // All drives of a VM are in it: it is asked once.
  let health: Promise<Health | undefined> | undefined
  return {
    name: 'rbd',
    isShared: true,
    drives: async (id) => {
      const all = await names()
      const whole = drivesIn(cluster, id, all)
      const between = drivesIn(cluster, id, drivesBetween(all)).map((drive) => withFault(drive))
      return [...whole, ...between].toSorted((a, b) => a.number - b.number)
    },
    driveNames: async () => {
      const all = await names()
      return [...all, ...drivesBetween(all)].filter((name) => parseDriveName(name) !== undefined)
    },
    size: ({ name }) => imageSize(cluster, name, look),
    health: () => (health ??= poolHealth(cluster)),
    ready: (drives, onNote) => makeReady(cluster, drives, onNote),
    noteMoved: (drives, pid) => noteMoved(cluster, drives, pid),
    lastRun: (id) => lastRun(cluster, id),
    filesFor: async (drives) => (drives.length === 0 ? [] : filesForQemu(cluster)),
    users: (drive) => usersOf(cluster, drive),
    findSource: (wanted) => findSource(cluster, wanted),
    create: (id, sizeBytes, { onNote } = {}) => createDrive(cluster, id, sizeBytes, onNote),
    snapshot: (id, source, how) => snapshotDrive(cluster, id, source, how),
    clone: (id, source, how) => cloneDrive(cluster, id, source, how),
    createFrom: (id, origin, sizeBytes, how = {}) => createFrom(cluster, id, { ...origin, sizeBytes }, how),
    origins: () => keptOrigins(cluster, look),
    removeOrigin: (hex) => removeOrigin(cluster, hex),
    resize: (drive, sizeBytes, how) => resizeDrive(cluster, drive, sizeBytes, how),
    // QEMU, which has the image, makes it larger by itself.
    grow: (drive, sizeBytes, { live }) => live.grow(drive, Math.ceil(sizeBytes / 512) * 512),
    remove: (drive) => removeDrive(cluster, drive),
    freeze: (drive, pin, how) => freezeDrive(cluster, drive, pin, how),
    pin: (base, name) => pinBase(cluster, base, name),
    release: (base, name) => releaseBase(cluster, base, name),
    pins: () => pinnedBases(cluster),
    base: (name) => findBase(cluster, name),
    createOn: (id, base, how = {}) => createOnBase(cluster, id, base, how),
    restore: (drive, base, how = {}) => restoreDrive(cluster, drive, base, how),
  }
}

function drivesIn(cluster: Cluster, id: string, names: readonly string[]): Drive[] {
  const own = names.filter((name) => parseDriveName(name)?.id === id)
  return own.map((name) => asDrive(cluster, name)).filter((drive) => drive !== undefined)
}

/** The next start, or any command that changes something in the pool, gives it its name. */
function withFault(drive: Drive): Drive {
  const fault = `${drive.name} is between two names: another nbsvm gives it back what a base holds, or was killed in that; the next start puts it right`
  return { ...drive, fault }
}
