// A VM's drives, with the VM's own lock around what must not meet a starting QEMU.
import { Failure, messageOf, UsageError } from '../../core/errors.js'
import type { Lock } from '../../sys/lock.js'
import type { DownloadCaller } from '../../image/download.js'
import type { CopyOptions, Source, Store } from '../../store/store.js'
import type { Drive } from '../../model/drive.js'
import { parseDriveName } from '../../core/name.js'
import { archOf } from '../record/choice.js'
import { claimDrawer, drawerOf, foreignTo } from '../record/drawer.js'
import { holdVm } from './hold.js'
import { liveDrives } from './live.js'
import { refuseAsleep } from '../record/asleep.js'
import { randomUuid } from '../record/identity.js'
import { readRecord, refuseMoving, renewGeneration, updateRecord, whileRecorded } from '../record/record.js'
import type { RecordedImage } from '../record/shape.js'
import { isRunning, qemuPid, whoIsBusy } from '../record/state.js'
import { storeOf } from '../record/stores.js'
import { refuseSurvivors } from '../record/user.js'
import type { Vm } from '../record/vm.js'

const lockWaitMs = 500

/** A drive that was made, and the image that is in it; without one it is empty. */
export interface NewDrive {
  readonly drive: Drive
  readonly image?: RecordedImage
}

/** Makes the VM's next drive: its first from `image`, where that is set, every other one empty. */
export async function newDrive(vm: Vm, caller: DownloadCaller = {}): Promise<NewDrive> {
  const store = await storeOf(vm)
  const { image: ref, drive_size: sizeBytes } = vm.settings
  const options = copyOptions(caller)
  const hasNone = await isWithout(store, vm)
  if (ref === undefined || !hasNone) {
    const drive = await withRecord(vm, store, async () => {
      if (hasNone) await rememberOrigin(vm, { image: undefined })
      return store.create(vm.id, sizeBytes, options)
    })
    return { drive }
  }
  refuseForeign(vm)
  const { findImage, driveSizeOn } = await import('./imagedrive.js')
  const image = await findImage(vm.place, ref, caller, { arch: archOf(vm.settings, undefined) })
  const { kept, recorded } = image
  const driveBytes = driveSizeOn(vm, image)
  const origin = { image: { kind: 'file', path: kept.path, format: kept.format }, hex: kept.digest.hex } as const
  const drive = await withRecord(vm, store, async () => {
    // Before the drive: one of which nobody knows what is in it would never let anybody in.
    await rememberOrigin(vm, { image: recorded })
    return store.createFrom(vm.id, origin, driveBytes, options)
  })
  return { drive, image: recorded }
}

/** What of a caller a store takes. */
function copyOptions({ note, signal, onProgress }: DownloadCaller): CopyOptions {
  return {
    ...(note === undefined ? {} : { onNote: note }),
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onProgress }),
  }
}

async function isWithout(store: Store, { id }: Vm): Promise<boolean> {
  return (await store.driveNames()).every((name) => parseDriveName(name)?.id !== id)
}

/** What a VM's record says of its first drive: the image in it, and whom that knows. */
interface Origin {
  readonly image: RecordedImage | undefined
  readonly user?: string | undefined
}

/**
 * Writes down what the VM's first drive is made from. What its guest was told is over: on another drive it is another guest, who
 * has the same users where it is a copy.
 */
async function rememberOrigin({ place, id }: Vm, { image, user }: Origin): Promise<void> {
  const before = readRecord(place, id)
  if (image === undefined && user === undefined && before?.image === undefined && before?.seed === undefined) return
  await updateRecord(place, id, (record) => {
    const { image: _, seed: __, ...others } = record
    const seed = user === undefined ? undefined : { instanceId: randomUuid(), user }
    return { ...others, ...(image === undefined ? {} : { image }), ...(seed === undefined ? {} : { seed }) }
  })
}

/** Makes a drive of a VM that has a record then; where it is not made, and the VM has no other, there is no VM. */
async function withRecord(vm: Vm, store: Store, make: (isNew: boolean) => Promise<Drive>): Promise<Drive> {
  refuseForeign(vm)
  await refuseMoving(vm, 'make a drive of')
  refuseAsleep(vm, `make a drive of ${vm.id}`)
  const hasNone = async (): Promise<boolean> => (await store.drives(vm.id)).length === 0
  return whileRecorded(vm, make, hasNone)
}

/** Throws a Failure where root would write among a user's own. */
function refuseForeign({ place: { drives, images, records } }: Vm): void {
  const foreign = [drives, images, records].map(foreignTo).find((fault) => fault !== undefined)
  if (foreign !== undefined) throw foreign
}

/** Makes the VM's next drive as a copy of what the settings call the source. */
export async function copyDrive(
  vm: Vm,
  how: 'snapshot' | 'clone',
  options: CopyOptions,
): Promise<{ drive: Drive; source: Source }> {
  const { settings } = vm
  const store = await storeOf(vm)
  const source = await store.findSource({
    gold: settings.gold,
    vmClass: vm.class,
    snapshotLv: settings.snapshot_lv,
    source: settings.source,
    trust: settings.trust_source === 'yes',
    ...(options.onNote === undefined ? {} : { onNote: options.onNote }),
  })
  const { bs, ddargs } = settings
  const dd = bs === undefined && ddargs === undefined ? {} : { dd: { args: ddargs ?? [], ...(bs === undefined ? {} : { bs }) } }
  const copy = { ...options, ...dd, live: liveDrives(vm.place, store.layers) }
  const lock = await lockSource(vm, store, source)
  try {
    const drive = await withRecord(vm, store, async (isNew) => {
      if (isNew || (await isWithout(store, vm))) await rememberOrigin(vm, originOf(vm, source))
      const made = await store[how](vm.id, source, copy)
      const isFirstOne = await isFirst(store, vm, made)
      if (!isNew && isFirstOne) await updateRecord(vm.place, vm.id, renewGeneration)
      const owner = source.drive === undefined ? undefined : parseDriveName(source.drive.name)?.id
      if (isFirstOne && owner !== undefined) {
        const { inherit } = await import('./inherit.js')
        const note = options.onNote ?? (() => {})
        await inherit(vm, owner, note).catch((error: unknown) => note(messageOf(error)))
      }
      return made
    })
    return { drive, source }
  } finally {
    lock?.release()
  }
}

/** What is in a copy: what is in the VM whose first drive was copied. */
function originOf({ place }: Vm, { drive }: Source): Origin {
  const owner = drive?.number === 0 ? parseDriveName(drive.name)?.id : undefined
  const record = owner === undefined ? undefined : readRecord(place, owner)
  return { image: record?.image, user: record?.seed?.user }
}

/** Whether it is the disk that the VM boots from. One that was there before then begins with its own past, or somebody else's. */
async function isFirst(store: Store, { id }: Vm, { number }: Drive): Promise<boolean> {
  const drives = (await store.driveNames()).map(parseDriveName).filter((drive) => drive?.id === id)
  return drives.every((drive) => (drive?.number ?? 0) >= number)
}

/**
 * Keeps a stopped VM from being started while its drive is copied. A running one holds its lock itself, and hands the
 * drive over alive.
 */
async function lockSource({ place }: Vm, store: Store, { drive }: Source): Promise<Lock | undefined> {
  const owner = drive === undefined ? undefined : parseDriveName(drive.name)
  if (owner === undefined) return undefined
  const drawer = drawerOf(place.state, owner.id)
  // QEMU holds it as long as it runs: nothing to wait for.
  if (qemuPid(drawer) !== undefined) {
    claimDrawer(drawer)
    return undefined
  }
  // The drawer of a VM that was never started is made now: without it, it could be started meanwhile. Shared: many may copy one
  // drive at once.
  const hold = { hold: 'shared', timeoutMs: lockWaitMs, doing: `copy ${drive?.name}` } as const
  const lock = await holdVm({ place, id: owner.id, drawer }, store, hold)
  if (lock === undefined && qemuPid(drawer) === undefined) {
    throw new Failure(`cannot copy ${drive?.name}: ${owner.id} is busy: ${whoIsBusy(drawer)}`, { code: 'BUSY' })
  }
  return lock
}

/**
 * Does something to the drives of a VM that is not running, and keeps it from being started meanwhile. Throws a Failure where it sleeps, and its guest
 * counts on them, unless `mayBeAsleep`.
 */
export async function whileStopped<T>(
  vm: Vm,
  doing: string,
  work: (store: Store, lock: Lock) => Promise<T>,
  { mayBeNew = false, mayBeAsleep = false } = {},
): Promise<T> {
  const store = await storeOf(vm)
  const lock = await holdVm(vm, store, { hold: 'exclusive', timeoutMs: lockWaitMs, doing, mayBeNew })
  if (lock === undefined) {
    if (qemuPid(vm.drawer) === undefined) {
      throw new Failure(`cannot ${doing}: ${vm.id} is busy: ${whoIsBusy(vm.drawer)}`, { code: 'BUSY' })
    }
    throw new Failure(`cannot ${doing}: ${vm.id} is running`, {
      code: 'VM_RUNNING',
      hints: [`end it first: ${vm.call} shutdown`],
    })
  }
  try {
    if (!mayBeAsleep) refuseAsleep(vm, doing)
    await refuseSurvivors(vm, doing)
    return await work(store, lock)
  } finally {
    lock.release()
  }
}

/** Changes a drive's size, of a running VM too, where it can only grow. */
export async function resizeDrive(vm: Vm, drive: Drive, sizeBytes: number, options: { readonly shrink: boolean }): Promise<void> {
  await refuseMoving(vm, 'resize a drive of')
  const store = await storeOf(vm)
  const { virtualBytes } = await store.size(drive)
  if (!isRunning(vm.drawer) || sizeBytes < virtualBytes) {
    return whileStopped(vm, `${sizeBytes < virtualBytes ? 'shrink' : 'resize'} ${drive.name}`, () =>
      store.resize(drive, sizeBytes, options),
    )
  }
  await store.grow(drive, sizeBytes, { live: liveDrives(vm.place, store.layers) })
}

/** Drive `number` of the VM; without a number its only one. Throws a UsageError that names those it has. */
export async function findDrive(store: Store, vm: Vm, number: string | undefined): Promise<Drive> {
  const drives = await store.drives(vm.id)
  const found = number === undefined && drives.length === 1 ? drives[0] : drives.find((drive) => String(drive.number) === number)
  if (found !== undefined) return found
  if (drives.length === 0)
    throw new UsageError(`${vm.id} has no drives`, { code: 'DRIVE_MISSING', hints: [`make one: ${vm.call} newimg`] })
  const names = drives.map(({ name }) => name).join(', ')
  if (number === undefined) throw new UsageError(`${vm.id} has several drives: ${names}`, { hints: ['say which one: --drive=N'] })
  throw new UsageError(`${vm.id} has no drive ${JSON.stringify(number)}; it has ${names}`, { code: 'DRIVE_MISSING' })
}
