// A VM's drives, with the VM's own lock around what must not meet a starting QEMU.
import { Failure } from '../core/errors.js'
import { makePrivateFolder } from '../sys/file.js'
import { waitLock } from '../sys/lock.js'
import type { CopyOptions, Source, Store } from '../store/store.js'
import type { Drive } from '../core/drive.js'
import { parseDriveName } from '../core/name.js'
import { drawerOf } from './drawer.js'
import { liveDrives } from './live.js'
import { storeOf } from './stores.js'
import type { Vm } from './vm.js'

const lockWaitMs = 500

/** Makes the VM's next drive, empty. */
export async function newDrive(vm: Vm): Promise<Drive> {
  const store = await storeOf(vm)
  return store.create(vm.id, vm.settings.drive_size)
}

/** Makes the VM's next drive as a copy of what the settings call the source. */
export async function copyDrive(vm: Vm, how: 'snapshot' | 'clone', options: CopyOptions): Promise<{ drive: Drive; source: Source }> {
  const { settings } = vm
  const store = await storeOf(vm)
  const source = await store.findSource({
    gold: settings.gold,
    vmClass: vm.class,
    snapshotLv: settings.snapshot_lv,
    source: settings.source,
    trust: settings.trust_source === 'yes',
  })
  const copy = { ...options, live: liveDrives(vm.place) }
  return { drive: await store[how](vm.id, source, copy), source }
}

/** Does something to the drives of a VM that is not running, and keeps it from being started meanwhile. */
export async function whileStopped<T>(vm: Vm, doing: string, work: (store: Store) => Promise<T>): Promise<T> {
  makePrivateFolder(vm.drawer.folder)
  const lock = await waitLock(vm.drawer.lock, lockWaitMs)
  if (lock === undefined) {
    throw new Failure(`cannot ${doing}: ${vm.id} is running`, { hints: [`end it first: nbsvm ${vm.name} shutdown`] })
  }
  try {
    return await work(await storeOf(vm))
  } finally {
    lock.release()
  }
}
