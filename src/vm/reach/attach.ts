// Disks, discs and USB devices that are attached to a running VM, and taken away again.
import type { Caller } from '../../core/caller.js'
import { Failure } from '../../core/errors.js'
import { quoteWord } from '../../core/words.js'
import { inOwnFolder } from '../../model/blocknode.js'
import type { AddedDevice, DiscDrive } from '../../model/device.js'
import type { Image } from '../../model/drive.js'
import { discNode, discNodeName } from '../../qemu/device/disc.js'
import { deviceId, fileNode, formatNode } from '../../qemu/device/drive.js'
import { withQmp, QmpError, type Qmp } from '../../qemu/qmp.js'
import { readHead, realPath, stat } from '../../sys/file.js'
import { probe } from '../../store/common/probe.js'
import { findDrive } from '../drive/drives.js'
import { discImage } from '../life/discs.js'
import { requireRunning } from '../life/up.js'
import { noteAdded, readAdded, whileAdding } from '../record/added.js'
import { journalOf } from '../record/state.js'
import { storeOf } from '../record/stores.js'
import type { Vm } from '../record/vm.js'
import { devicesOf, discsOf, nodesOf, noted, qmpTimeoutMs, settleAttached, takeAway } from '../life/attached.js'
import { insertDisc } from './disc.js'
import { addWithNodes, isThere, scsiBus } from '../life/hot.js'
import { explained, openable } from './openable.js'
import { findUsb, usbNode } from './usb.js'

export interface AttachOptions {
  /** The guest may not write to the disk. */
  readonly readOnly?: boolean
}

/** What was attached, or taken away. */
export interface Attached extends Pick<AddedDevice, 'name' | 'kind'> {
  /** The file or device of the host. */
  readonly what: string
}

/**
 * Attaches to a running VM: its own drive by number, a disk image, a block device, a disc (into an empty disc drive, where it has
 * one), or a USB device of the host. It is gone when the VM ends. Throws a Failure where that cannot be; then nothing has changed.
 */
export function attachTo(vm: Vm, what: string, options: AttachOptions = {}, caller: Caller = {}): Promise<Attached> {
  return changing(vm, `attach ${what} to`, caller, async (qmp) => {
    await settleAttached(vm, qmp)
    if (what.startsWith('usb:')) return attachUsb(vm, qmp, what)
    if (/^\d+$/.test(what)) return attachOwn(vm, qmp, what)
    return isDisc(what) ? attachDisc(vm, qmp, what) : attachDisk(vm, qmp, what, { ...options, ...caller })
  })
}

/** Takes away what was attached: by its name (`hot0`), the number of an own drive, or the file. Throws a Failure for what was not. */
export function detachFrom(vm: Vm, what: string, caller: Caller = {}): Promise<Attached> {
  return changing(vm, `detach ${what} from`, caller, async (qmp) => {
    const devices = attachedTo(vm)
    const path = realPath(what)
    const names = new Set([what, /^\d+$/.test(what) ? deviceId(Number(what)) : what, path])
    const found = devices.find(({ name, what: file }) => names.has(name) || names.has(file))
    if (found === undefined) throw notAttached(vm, what, devices)
    await takeAway(vm, qmp, found.name)
    return found
  })
}

/** Does it alone, over one session. */
async function changing<T>(vm: Vm, doing: string, { signal }: Caller, work: (qmp: Qmp) => Promise<T>): Promise<T> {
  requireRunning(vm, doing)
  return whileAdding(vm.drawer, `${doing} ${vm.id}`, signal, () =>
    withQmp(vm.drawer.qmp, { timeoutMs: qmpTimeoutMs, signal }, work),
  )
}

/** With the disc that is in a disc drive now. */
function attachedTo(vm: Vm): Attached[] {
  const discs = discsOf(vm)
  return devicesOf(vm).map(({ name, kind, what }) => ({
    name,
    kind,
    what: what ?? discs.find(({ drive }) => drive === name)?.path ?? 'empty',
  }))
}

function notAttached({ id, call }: Vm, what: string, devices: readonly Attached[]): Failure {
  const known = devices.map(({ name, what: file }) => `${name} (${file})`).join(', ')
  const hint = known === '' ? `nothing was attached to it: ${call}` : `attached are: ${known}`
  return new Failure(`${what} was not attached to ${id} while it runs; what it was started with stays until it ends`, {
    code: 'DEVICE_MISSING',
    hints: [hint],
  })
}

/** `hot0`, `hot1`, ...: the first that is free. */
function freeName(devices: readonly AddedDevice[]): string {
  for (let index = 0; ; index++) if (!devices.some(({ name }) => name === `hot${index}`)) return `hot${index}`
}

/** ISO 9660 says so in its first descriptor, https://wiki.osdev.org/ISO_9660#Volume_Descriptors; so does a disc drive of the host. */
function isDisc(file: string): boolean {
  const path = realPath(file)
  if (path === undefined) throw new Failure(`there is no file ${file}`, { code: 'FILE_MISSING' })
  return /^\/dev\/sr\d+$/.test(path) || readHead(path, 5, 32_769)?.toString('latin1') === 'CD001'
}

async function attachOwn(vm: Vm, qmp: Qmp, number: string): Promise<Attached> {
  const store = await storeOf(vm)
  const drive = await findDrive(store, vm, number)
  const id = deviceId(drive.number)
  if (drive.fault !== undefined) throw new Failure(`cannot attach ${drive.name}: ${drive.fault}`, { code: 'DRIVE_DAMAGED' })
  if (await isThere(qmp, id)) throw new Failure(`${vm.id} has drive ${number} already`, { code: 'DRIVE_IN_USE' })
  const [format = '', file = ''] = nodesOf(id)
  const [user] = store.isShared ? await store.users(drive) : []
  if (user !== undefined) throw new Failure(`cannot attach ${drive.name}: it is ${user}`, { code: 'DRIVE_IN_USE' })
  if (store.filesFor !== undefined) {
    const owner = stat(vm.drawer.run) ?? { uid: 0, gid: 0 }
    await (await import('../drive/qemufiles.js')).layQemuFiles(vm.drawer, store, [drive], owner)
  }
  return noted(vm, qmp, { name: id, kind: 'disk', what: drive.image.path }, () =>
    openable(vm, inOwnFolder(drive.image), 'write', store.layers, async (image) => {
      const nodes = [fileNode(image, file), formatNode(image, format, file)]
      const bus = await scsiBus(vm, qmp)
      await addWithNodes(qmp, nodes, { driver: 'scsi-hd', id, bus, drive: format })
    }),
  )
}

async function attachDisk(
  vm: Vm,
  qmp: Qmp,
  what: string,
  { readOnly = false, note: tell }: AttachOptions & Caller,
): Promise<Attached> {
  const there = devicesOf(vm).find((one) => one.what === realPath(what))
  if (there !== undefined)
    throw new Failure(`${what} is attached to ${vm.id} already, as ${there.name}`, { code: 'DRIVE_IN_USE' })
  const hints = [`make a drive of it, with all that it stands on: ${vm.call} source=PATH snapshot`]
  const { image } = await probe(what, false, tell, hints).catch((error: unknown) => {
    throw explained(what, error)
  })
  const name = freeName(devicesOf(vm))
  const [format = '', file = ''] = nodesOf(name)
  const store = await storeOf(vm)
  const mode = readOnly ? 'read' : 'write'
  return noted(vm, qmp, { name, kind: 'disk', what: image.path }, () =>
    openable(vm, image, mode, store.layers, async (opened) => {
      const bytes = { ...fileNode(opened, file), ...(readOnly ? { 'read-only': true } : {}) }
      const nodes = [bytes, { ...formatNode(opened, format, file), ...(readOnly ? { 'read-only': true } : {}) }]
      const bus = await scsiBus(vm, qmp)
      await addWithNodes(qmp, nodes, { driver: 'scsi-hd', id: name, bus, drive: format, serial: name })
    }),
  ).catch((error: unknown) => {
    throw explained(what, error)
  })
}

async function attachDisc(vm: Vm, qmp: Qmp, what: string): Promise<Attached> {
  const image = discImage(what)
  const store = await storeOf(vm)
  const discs = discsOf(vm)
  const empty = discs.find(({ path }) => path === null)
  if (empty === undefined && discs.length > 0) {
    const full = discs.map(({ drive, path }) => `${drive} holds ${path}`).join(', ')
    throw new Failure(`${vm.id} has no empty disc drive: ${full}`, {
      code: 'DEVICE_MISSING',
      hints: [`take one out first: ${vm.call} eject attach ${quoteWord(what)}`],
    })
  }
  const name = empty?.drive ?? freeName(devicesOf(vm))
  const attached: Attached = { name, kind: 'disc', what: image.path }
  const open = (work: (opened: Image) => Promise<void>): Promise<void> =>
    openable(vm, image, 'read', store.layers, work).catch((error: unknown) => {
      throw explained(what, error)
    })
  const inserted = [...discs.filter((one) => one !== empty), { drive: name, path: image.path }]
  if (empty !== undefined) {
    await discNoted(vm, inserted, () => open((opened) => insertDisc(qmp, name, discNode(opened, discNodeName(name)))))
    return attached
  }
  await noted(vm, qmp, { name, kind: 'disc', what: null }, () => {
    noteAdded(vm.drawer, { discs: inserted })
    return open(async (opened) => {
      const node = discNode(opened, discNodeName(name))
      const bus = await scsiBus(vm, qmp)
      await addWithNodes(qmp, [node], { driver: 'scsi-cd', id: name, bus, drive: discNodeName(name) })
    })
  })
  return attached
}

/** As `noted`: a disc is written down before it is in its drive, and taking out one that is not in it works. */
async function discNoted(vm: Vm, discs: readonly DiscDrive[], insert: () => Promise<void>): Promise<void> {
  const before = readAdded(vm.drawer).discs
  noteAdded(vm.drawer, { discs })
  try {
    await insert()
  } catch (error) {
    noteAdded(vm.drawer, { discs: before })
    throw error
  }
}

async function attachUsb(vm: Vm, qmp: Qmp, what: string): Promise<Attached> {
  const device = findUsb(what)
  const name = freeName(devicesOf(vm))
  const { id: usbId, words, bus, address } = device
  try {
    return await noted(vm, qmp, { name, kind: 'usb', what: `${usbId} ${words}`.trimEnd() }, () =>
      qmp.execute('device_add', { driver: 'usb-host', id: name, bus: 'usb.0', hostbus: bus, hostaddr: address }),
    )
  } catch (error) {
    if (!(error instanceof QmpError)) throw error
    if (error.desc.includes("'usb.0' not found"))
      throw new Failure(`${vm.id} has no USB controller: it was started with usb= of its own`, { code: 'DEVICE_MISSING' })
    const user = journalOf(vm.drawer).started?.runAs ?? '$USER'
    throw new Failure(`QEMU cannot have the USB device ${device.id}: ${error.desc}`, {
      code: 'QEMU_REFUSED',
      hints: [`let it, until it is plugged in again: sudo setfacl -m u:${user.replace(/^uid /, '')}:rw ${usbNode(device)}`],
    })
  }
}
