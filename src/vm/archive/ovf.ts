// The description in an OVA: what of it makes a VM here. Pure. https://www.dmtf.org/standards/ovf, and what VMware and VirtualBox add.
import { Failure } from '../../core/errors.js'
import { parseXml, type XmlElement } from '../../core/xml.js'
import { mostDrives } from './form.js'

export interface Ovf {
  readonly cpus: number | undefined
  readonly memBytes: number | undefined
  readonly firmware: 'bios' | 'uefi'
  /** In the order in which its guest has them. */
  readonly disks: readonly OvfDisk[]
  readonly driveInterface: 'ide' | 'sata' | 'scsi' | 'nvme' | 'virtio' | undefined
  /** Of its first network card; undefined where it has none. */
  readonly nic: string | undefined
  /** For the user: what is not taken over. */
  readonly leftOut: readonly string[]
}

export interface OvfDisk {
  /** A file beside the description; undefined for an empty one. */
  readonly file: string | undefined
  readonly capacityBytes: number | undefined
}

/** Numbers of CIM: https://schemas.dmtf.org/wbem/cim-html/2/CIM_ResourceAllocationSettingData.html */
const kinds = { cpu: 3, memory: 4, ide: 5, scsi: 6, ethernet: 10, cd: [15, 16], disk: 17, sata: 20, graphics: 24 } as const

/** What QEMU has of the cards that others offer. */
const nics: Readonly<Record<string, string>> = {
  e1000: 'e1000',
  e1000e: 'e1000e',
  vmxnet3: 'vmxnet3',
  pcnet32: 'pcnet',
  virtio: 'virtio-net-pci',
}

interface Item {
  readonly id: string
  readonly kind: number
  readonly subtype: string
  readonly parent: string
  readonly place: number
  readonly quantity: number
  readonly units: string
  readonly resource: string
  readonly name: string
}

/** Reads it. Throws a Failure for what is none, or describes several VMs. */
export function readOvf(document: string): Ovf {
  const envelope = parseXml(document)
  if (envelope.name !== 'Envelope') throw new Failure('its description is not one of OVF')
  const system = only(envelope)
  const items = all(system, 'Item').concat(all(system, 'StorageItem'), all(system, 'EthernetPortItem')).map(itemOf)
  const cpus = items.find(({ kind }) => kind === kinds.cpu)?.quantity
  const memory = items.find(({ kind }) => kind === kinds.memory)
  const disks = items.filter(({ kind }) => kind === kinds.disk).toSorted((a, b) => orderOf(items, a) - orderOf(items, b))
  if (disks.length > mostDrives) throw new Failure(`its description has ${disks.length} disks`)
  const cards = items.filter(({ kind }) => kind === kinds.ethernet)
  const known = new Set<number>([
    kinds.cpu,
    kinds.memory,
    kinds.ide,
    kinds.scsi,
    kinds.ethernet,
    ...kinds.cd,
    kinds.disk,
    kinds.sata,
    kinds.graphics,
  ])
  const { driveInterface, note } = interfaceOf(items, disks)
  return {
    cpus: Number.isSafeInteger(cpus) && Number(cpus) > 0 ? cpus : undefined,
    memBytes: memory === undefined ? undefined : memory.quantity * unitOf(memory.units, 1024 ** 2),
    firmware: usesUefi(system) ? 'uefi' : 'bios',
    disks: disks.map(({ resource }) => diskOf(envelope, resource)),
    driveInterface,
    nic: cards[0] === undefined ? undefined : (nics[cards[0].subtype.toLowerCase()] ?? 'virtio-net-pci'),
    leftOut: [
      ...(cards.length > 1 ? [`${cards.length - 1} further network cards`] : []),
      ...(note === undefined ? [] : [note]),
      ...items
        .filter(({ kind, resource }) => (kinds.cd as readonly number[]).includes(kind) && resource !== '')
        .map(({ name }) => `the disc in ${name}`),
      ...items
        .filter(({ kind }) => !known.has(kind) && kind !== 1 && kind !== 14 && kind !== 23)
        .map(({ name }) => name || 'a device without a name'),
    ],
  }
}

function only(envelope: XmlElement): XmlElement {
  const [system, ...others] = all(envelope, 'VirtualSystem')
  if (system === undefined) throw new Failure('its description has no VM')
  if (others.length > 0)
    throw new Failure('its description is one of several VMs', { hints: ['export each by itself where it comes from'] })
  return system
}

function all(element: XmlElement, name: string): XmlElement[] {
  return element.children.flatMap((child) => (child.name === name ? [child] : all(child, name)))
}

function itemOf(element: XmlElement): Item {
  const said = (name: string): string => element.children.find((child) => child.name === name)?.text.trim() ?? ''
  return {
    id: said('InstanceID') || said('InstanceId'),
    kind: Number(said('ResourceType')),
    subtype: said('ResourceSubType'),
    parent: said('Parent'),
    place: Number(said('AddressOnParent') || said('Address') || 0),
    quantity: Number(said('VirtualQuantity')),
    units: said('AllocationUnits'),
    resource: said('HostResource'),
    name: (said('ElementName') || said('Caption')).slice(0, 80),
  }
}

/** By controller, then by place. */
function orderOf(items: readonly Item[], { parent, place }: Item): number {
  return items.findIndex(({ id }) => id === parent) * 1000 + (Number.isFinite(place) ? place : 0)
}

/** `byte * 2^20`, `MegaBytes`, `GB`. */
function unitOf(units: string, usual: number): number {
  const text = units.toLowerCase().replaceAll(/\s/g, '')
  const [, power] = /^bytes?\*2\^(\d{1,2})$/.exec(text) ?? []
  if (power !== undefined) return 2 ** Number(power)
  if (text === 'byte' || text === 'bytes') return 1
  const [, letter = ''] = /^(k|m|g|t)(?:ilo|ega|iga|era|ibi|ebi)?b(?:ytes?)?$/.exec(text) ?? []
  return letter === '' ? usual : 1024 ** ('kmgt'.indexOf(letter) + 1)
}

const isEfi = (value: string | undefined): boolean => /^u?efi/i.test(value ?? '')

function usesUefi(system: XmlElement): boolean {
  // VMware's, then VirtualBox's.
  return (
    all(system, 'Config').some(({ attributes }) => attributes.get('key') === 'firmware' && isEfi(attributes.get('value'))) ||
    all(system, 'Firmware').some(({ attributes }) => isEfi(attributes.get('type')))
  )
}

function interfaceOf(
  items: readonly Item[],
  disks: readonly Item[],
): { readonly driveInterface: Ovf['driveInterface']; readonly note?: string } {
  const first = items.find(({ id }) => id === disks[0]?.parent)
  if (first === undefined) return { driveInterface: undefined }
  const subtype = first.subtype.toLowerCase()
  if (subtype.includes('nvme')) return { driveInterface: 'nvme' }
  if (subtype.includes('virtio')) return { driveInterface: subtype.includes('scsi') ? 'scsi' : 'virtio' }
  if (first.kind === kinds.ide) return { driveInterface: 'ide' }
  if (first.kind === kinds.sata || subtype.includes('ahci')) return { driveInterface: 'sata' }
  // No board of nbsvm has such a controller: its guest knows SATA as well.
  if (first.kind === kinds.scsi)
    return { driveInterface: 'sata', note: `its SCSI controller (${first.subtype.slice(0, 40)}): its disks are at SATA` }
  return { driveInterface: undefined }
}

/** `ovf:/disk/vmdisk1`, or the file itself. */
function diskOf(envelope: XmlElement, resource: string): OvfDisk {
  const [, kind, id] = /^(?:ovf:)?\/(disk|file)\/([^/]{1,200})$/.exec(resource) ?? []
  if (kind === 'file') return { file: fileOf(envelope, id), capacityBytes: undefined }
  const disk = all(envelope, 'Disk').find(({ attributes }) => attributes.get('diskId') === id)
  if (id === undefined || disk === undefined)
    throw new Failure(`its description has no disk ${JSON.stringify(resource.slice(0, 80))}`)
  const { attributes } = disk
  if (attributes.get('parentRef') !== undefined) throw new Failure('a disk of it stands on another one')
  const capacity = Number(attributes.get('capacity'))
  const capacityBytes = capacity * unitOf(attributes.get('capacityAllocationUnits') ?? 'byte', 1)
  const file = attributes.get('fileRef')
  return {
    file: file === undefined ? undefined : fileOf(envelope, file),
    capacityBytes: Number.isSafeInteger(capacityBytes) && capacityBytes > 0 ? capacityBytes : undefined,
  }
}

function fileOf(envelope: XmlElement, id: string | undefined): string {
  const file = all(envelope, 'File').find(({ attributes }) => attributes.get('id') === id)
  const href = file?.attributes.get('href')
  if (href === undefined) throw new Failure(`its description names a file that it does not have: ${JSON.stringify(id ?? '')}`)
  if (file?.attributes.has('chunkSize') === true || (file?.attributes.get('compression') ?? 'identity') !== 'identity')
    throw new Failure(`${JSON.stringify(href.slice(0, 80))} is in pieces, or packed: that is not taken`)
  return href
}
