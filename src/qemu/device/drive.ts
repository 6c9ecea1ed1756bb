import { UsageError } from '../../core/errors.js'
import { blockNode, byteNode } from '../../model/blocknode.js'
import type { Drive, Image } from '../../model/drive.js'
import type { DriveInterface, Machine, Option } from '../../model/machine.js'
import { boardOf, places } from './board.js'
import { json, pairs } from './words.js'

/** The drives, first 0. The setting `drives` replaces them all. */
export function driveOptions(
  machine: Pick<Machine, 'drives' | 'driveInterface' | 'arch' | 'type' | 'aio' | 'iothreads' | 'seed'>,
): Option[] {
  const { drives } = machine
  if ('words' in drives) return pairs(drives.words)
  if (drives.length === 0) return []
  const nodes = drives.flatMap(({ image, number }) => {
    const file = `file${number}`
    return [json('-blockdev', fileNode(image, file, machine.aio)), json('-blockdev', formatNode(image, deviceNode(number), file))]
  })
  return [...nodes, ...attach[machine.driveInterface](drives, machine)]
}

/** The block node of drive `number`; QMP finds the drive by it. At most 31 characters. */
export function deviceNode(number: number): string {
  return `drive${number}`
}

/** The device of drive `number`, as the guest's hardware. */
export function deviceId(number: number): string {
  return `disk${number}`
}

/**
 * The node of the bytes themselves. It stands by itself, with a name: a node written inside its format node is reopened by
 * file name when a snapshot of the running VM puts a new layer over it, and that name may belong to the new layer by then.
 */
export function fileNode(image: Image, name: string, aio?: Machine['aio']): object {
  // Ceph's client has threads of its own, and zeros need none.
  const how = aio === undefined || image.kind === 'rbd' || image.kind === 'none' ? {} : { aio }
  return { ...byteNode(image, { 'node-name': name }), discard: 'unmap', ...how }
}

/** The node of the format over the node `file`. Discarded blocks are given back to the host. */
export function formatNode(image: Image, name: string, file: string): object {
  return blockNode(image, { 'node-name': name, discard: 'unmap' }, file)
}

type Attach = (drives: readonly Drive[], machine: Pick<Machine, 'arch' | 'type' | 'iothreads' | 'seed'>) => Option[]

/** How the drives are attached, for each value of `drive_if`. */
const attach: Record<DriveInterface, Attach> = {
  virtio: (drives, { iothreads }) =>
    drives.flatMap((drive) => {
      const thread = `io${drive.number}`
      const disk = { driver: 'virtio-blk-pci', ...(iothreads ? { iothread: thread } : {}) }
      return [...(iothreads ? [iothread(thread)] : []), device(drive, disk)]
    }),
  nvme: (drives, machine) =>
    drives.map((drive) => device(drive, { driver: 'nvme', serial: deviceNode(drive.number), ...beforeSeed(drive, machine) })),
  scsi: (drives, { iothreads }) => [
    ...(iothreads ? [iothread('io')] : []),
    json('-device', { driver: 'virtio-scsi-pci', id: 'scsi', ...(iothreads ? { iothread: 'io' } : {}) }),
    ...drives.map((drive) => device(drive, { driver: 'scsi-hd', bus: 'scsi.0' })),
  ],
  // A controller of their own: the tablet's comes later in the command, or not at all.
  usb: (drives, machine) => [
    json('-device', { driver: 'qemu-xhci', id: 'usb-drives', p2: maxUsbPorts, p3: maxUsbPorts }),
    ...drives.map((drive) => device(drive, { driver: 'usb-storage', bus: 'usb-drives.0', ...beforeSeed(drive, machine) })),
  ],
  sata: (drives, { type }) =>
    boardOf(type) === 'q35'
      ? onBoard(drives, places(type))
      : [json('-device', { driver: 'ich9-ahci', id: 'sata' }), ...onAhci(drives)],
  ide: (drives, { type, arch }) => {
    if (arch === 'x86_64') return onBoard(drives, places(type))
    throw new UsageError(`drive_if=ide: the board ${type} has no IDE`, {
      hints: ['drive_if=virtio is fastest; drive_if=sata works too'],
    })
  },
}

/** SeaBIOS boots from the first disk that it finds, and looks for virtio's, as the seed is, before these. */
function beforeSeed({ number }: Drive, { seed }: Pick<Machine, 'seed'>): object {
  return seed?.kind === 'disk' ? { bootindex: number + 1 } : {}
}

/** As many drives as an xHCI controller takes in QEMU. */
const maxUsbPorts = 15

/** A thread of QEMU's that does nothing but the work of a disk. */
function iothread(id: string): Option {
  return json('-object', { 'qom-type': 'iothread', id })
}

function device(drive: Drive, properties: Readonly<Record<string, unknown>> & { readonly driver: string }): Option {
  return json('-device', {
    ...properties,
    id: deviceId(drive.number),
    drive: deviceNode(drive.number),
    ...onError(drive, properties.driver),
  })
}

/**
 * A drive of a cluster comes back when the cluster does: the guest is held until then, and is told of no error. NVMe has no such
 * properties in QEMU; there the guest is told.
 */
function onError({ image }: Drive, driver: string): object {
  return image.kind === 'rbd' && driver !== 'nvme' ? { werror: 'stop', rerror: 'stop' } : {}
}

function onBoard(drives: readonly Drive[], room: readonly object[]): Option[] {
  if (drives.length > room.length) {
    throw new UsageError(`drive_if: this board has room for ${room.length} drives, the VM has ${drives.length}`, {
      hints: ['drive_if=virtio or drive_if=scsi take more'],
    })
  }
  return drives.map((drive, index) => device(drive, { driver: 'ide-hd', ...room[index] }))
}

function onAhci(drives: readonly Drive[]): Option[] {
  return drives.map((drive, index) => device(drive, { driver: 'ide-hd', bus: `sata.${index}` }))
}
