// Disks, network cards and shared folders of a domain of libvirt.
import { addressOf, type Forward } from '../../model/forward.js'
import type { DriveInterface, Machine } from '../../model/machine.js'
import type { Nic } from '../../model/nic.js'
import { boardOf } from '../device/board.js'
import type { Files } from './exported.js'
import { element, xmlLines, type Element } from './xml.js'

interface Part {
  readonly elements: readonly Element[]
  readonly notes: readonly string[]
}

/** What a disk is on: libvirt's word for it, and what its names begin with. */
interface Bus {
  readonly bus: string
  readonly prefix: string
}

/** Drives, the disk that tells the guest who it is, and discs. The firmware tries drives first, then discs, as it does here. */
export function diskElements(machine: Machine, files: Files, folder: string): Part & { readonly iothreads: number } {
  const { driveInterface, type, aio, iothreads } = machine
  const isIde = boardOf(type) === 'pc'
  const drives = busOf(driveInterface, isIde)
  const discs: Bus = boardOf(type) === 'other' ? scsi : isIde ? ide : sata
  const name = namer()
  const hasThreads = iothreads && (driveInterface === 'virtio' || driveInterface === 'scsi')
  const threads = hasThreads ? (driveInterface === 'scsi' ? Math.min(1, files.drives.length) : files.drives.length) : 0
  const driver = { name: 'qemu', type: 'qcow2', discard: 'unmap', io: aio }
  const disks = files.drives.map(({ file }, index) => {
    const thread = driveInterface === 'virtio' && hasThreads ? { iothread: index + 1 } : {}
    return disk('disk', { ...driver, ...thread }, `${folder}${file}`, { ...name(drives), order: index + 1 })
  })
  const seed = files.seed === undefined ? [] : [seedDisk(`${folder}${files.seed.file}`, name(virtio))]
  const cds = files.discs.map(({ file }, index) =>
    disk('cdrom', { name: 'qemu', type: 'raw' }, `${folder}${file}`, { ...name(discs), order: files.drives.length + index + 1 }),
  )
  const usesScsi = (driveInterface === 'scsi' && disks.length > 0) || (discs === scsi && cds.length > 0)
  const own = driveInterface === 'scsi' && hasThreads ? [element('driver', { iothread: 1 })] : []
  const controller = usesScsi ? [element('controller', { type: 'scsi', model: 'virtio-scsi' }, own)] : []
  return {
    elements: [...controller, ...disks, ...seed, ...cds],
    notes: driveInterface === 'nvme' && disks.length > 0 ? ['drive_if=nvme: sata, as libvirt 9 has no such disks'] : [],
    iothreads: threads,
  }
}

const [virtio, scsi, sata, ide]: readonly [Bus, Bus, Bus, Bus] = [
  { bus: 'virtio', prefix: 'vd' },
  { bus: 'scsi', prefix: 'sd' },
  { bus: 'sata', prefix: 'sd' },
  { bus: 'ide', prefix: 'hd' },
]

function busOf(driveInterface: DriveInterface, isIde: boolean): Bus {
  const buses: Readonly<Record<DriveInterface, Bus>> = {
    virtio,
    scsi,
    sata,
    ide: isIde ? ide : sata,
    nvme: sata,
    usb: { bus: 'usb', prefix: 'sd' },
  }
  return buses[driveInterface]
}

/** Gives each disk a name that no other of the domain has: `vda`, `vdb`. */
function namer(): (bus: Bus) => { readonly bus: string; readonly dev: string } {
  const counts = new Map<string, number>()
  return ({ bus, prefix }) => {
    const index = counts.get(prefix) ?? 0
    counts.set(prefix, index + 1)
    return { bus, dev: `${prefix}${letters(index)}` }
  }
}

/** `a` to `z`, then `aa`: as Linux counts disks. */
function letters(index: number): string {
  const last = String.fromCodePoint(97 + (index % 26))
  return index < 26 ? last : `${letters(Math.floor(index / 26) - 1)}${last}`
}

function disk(
  device: 'disk' | 'cdrom',
  driver: Element['attributes'],
  file: string,
  { dev, bus, order }: { readonly dev: string; readonly bus: string; readonly order: number },
): Element {
  return element('disk', { type: 'file', device }, [
    element('driver', driver),
    element('source', { file }),
    element('target', { dev, bus }),
    ...(device === 'cdrom' ? [element('readonly')] : []),
    element('boot', { order }),
  ])
}

function seedDisk(file: string, target: { readonly dev: string; readonly bus: string }): Element {
  return element('disk', { type: 'file', device: 'disk' }, [
    element('driver', { name: 'qemu', type: 'raw' }),
    element('source', { file }),
    element('target', target),
    element('readonly'),
    element('serial', {}, 'nbsvm-seed'),
  ])
}

/** The network cards. Ports that lead in would want passt, with which libvirt 9.0, that of Debian 12, takes no domain. */
export function interfaceElements({ nics }: Pick<Machine, 'nics'>): Part {
  if ('words' in nics) return { elements: [], notes: [] }
  const loose = nics.some(({ backend }) => backend.kind === 'tap' && backend.bridge === undefined)
  return {
    elements: nics.map(interfaceElement),
    notes: [
      ...nics.flatMap(({ mac, backend }) => (backend.kind === 'tap' ? [] : forwardNotes(mac, backend.forwards))),
      ...(loose ? ['a network card without a bridge gets a tap that leads nowhere, as here'] : []),
    ],
  }
}

function interfaceElement({ model, mac, backend }: Nic): Element {
  const card = [element('mac', { address: mac }), element('model', { type: model === 'virtio-net-pci' ? 'virtio' : model })]
  if (backend.kind !== 'tap') return element('interface', { type: 'user' }, card)
  const { bridge, mtu } = backend
  const size = mtu === undefined ? [] : [element('mtu', { size: mtu })]
  if (bridge === undefined) return element('interface', { type: 'ethernet' }, [...card, ...size])
  return element('interface', { type: 'bridge' }, [element('source', { bridge }), ...card, ...size])
}

/** The lines to put in by hand. */
function forwardNotes(mac: string, forwards: readonly Forward[]): string[] {
  if (forwards.length === 0) return []
  const lines = [element('backend', { type: 'passt' }), ...forwards.map(portForward)].map((one) => xmlLines(one).join('').trim())
  return [`forward: libvirt later than 9.0, with passt, opens these ports by this in the interface ${mac}: ${lines.join(' ')}`]
}

function portForward(forward: Forward): Element {
  const { protocol, hostPort, guestPort } = forward
  const address = addressOf(forward)
  return element('portForward', { proto: protocol, ...(address === '*' ? {} : { address }) }, [
    element('range', { start: hostPort, ...(hostPort === guestPort ? {} : { to: guestPort }) }),
  ])
}

/** Shared folders. virtiofsd maps the guest's RAM. */
export function shareElements({ shares }: Pick<Machine, 'shares'>): Part & { readonly needSharedRam: boolean } {
  const taken = shares.filter((share) => !isRefused(share))
  return {
    elements: taken.map(({ by, hostPath, tag, readOnly }) => {
      const virtiofs = by === 'virtiofs'
      const how = virtiofs ? { accessmode: 'passthrough' } : { accessmode: 'squash', multidevs: 'remap' }
      return element('filesystem', { type: 'mount', ...how }, [
        ...(virtiofs ? [element('driver', { type: 'virtiofs', queue: 1024 })] : []),
        element('source', { dir: hostPath }),
        element('target', { dir: tag }),
        ...(readOnly ? [element('readonly')] : []),
      ])
    }),
    notes: [
      ...shares.filter(isRefused).map(({ hostPath }) => `share: ${hostPath}, read-only: libvirt 9 has no such share by virtiofs`),
      ...(taken.length === 0 ? [] : ['shares are folders of the machine that runs it: they must be there under these names']),
    ],
    needSharedRam: taken.some(({ by }) => by === 'virtiofs'),
  }
}

/** https://gitlab.com/libvirt/libvirt/-/issues/23 */
function isRefused({ by, readOnly }: Machine['shares'][number]): boolean {
  return by === 'virtiofs' && readOnly
}
