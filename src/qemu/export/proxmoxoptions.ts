// The options of `qm create`, and what of a machine they do not say. https://pve.proxmox.com/pve-docs/qm.1.html
import type { Machine } from '../../model/machine.js'
import type { Nic } from '../../model/nic.js'
import type { Cpu } from './cpu.js'

const machineShape = /^(?:pc|q35|virt|pc-i440fx-\d+(?:\.\d+)+|pc-q35-\d+(?:\.\d+)+|virt-\d+(?:\.\d+)+)$/

export function boardOptions(machine: Machine, cpu: Cpu): string[] {
  const { arch, type, accelerator, cpus, memBytes, clock, firmware, generation, uuid, usb, balloon, agent } = machine
  const options: Readonly<Record<string, string | number | undefined>> = {
    memory: Math.ceil(memBytes / 1024 ** 2),
    cores: cpus,
    cpu: cpuOption(cpu),
    machine: machineShape.test(type) ? type : arch === 'aarch64' ? 'virt' : 'q35',
    arch: arch === 'aarch64' ? arch : undefined,
    kvm: accelerator === 'tcg' ? 0 : undefined,
    bios: firmware === undefined ? undefined : 'ovmf',
    // Which turns on Hyper-V's enlightenments.
    ostype: cpu.hyperv.size > 0 ? 'win11' : undefined,
    localtime: clock === 'localtime' ? 1 : 0,
    smbios1: `uuid=${uuid}`,
    vmgenid: generation === 'auto' ? 1 : generation,
    agent: agent ? 'enabled=1' : undefined,
    balloon: balloon ? undefined : 0,
    tablet: usb === undefined ? undefined : 0,
    scsihw: 'virtio-scsi-single',
    serial0: 'socket',
    rng0: 'source=/dev/urandom',
  }
  return Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, String(value)]))
}

/** The features that it lets a VM have or not. */
const flags: ReadonlySet<string> = new Set([
  'pcid',
  'spec-ctrl',
  'ibpb',
  'ssbd',
  'virt-ssbd',
  'amd-ssbd',
  'amd-no-ssb',
  'pdpe1gb',
  'md-clear',
  'aes',
])

function cpuOption({ model, features }: Cpu): string {
  const taken = [...features].filter(([name]) => flags.has(name)).map(([name, isOn]) => `${isOn ? '+' : '-'}${name}`)
  return taken.length === 0 ? model : `${model},flags=${taken.join(';')}`
}

export function cpuNotes({ features, others, hyperv }: Cpu): string[] {
  const odd = [...features].filter(([name]) => !flags.has(name)).map(([name, isOn]) => `${isOn ? '+' : '-'}${name}`)
  return [
    ...[...odd, ...others].map((word) => `cpu: ${word}`),
    ...(hyperv.size > 0 ? ["cpu: of Hyper-V's enlightenments it has those that go with ostype win11"] : []),
  ]
}

export function machineNotes({ type, driveInterface, shares, discs }: Machine): string[] {
  return [
    ...(machineShape.test(type) ? [] : [`machine=${type}: the newest of its kind there`]),
    ...(driveInterface === 'nvme' || driveInterface === 'usb'
      ? [`drive_if=${driveInterface}: sata, as it has no such disks`]
      : []),
    ...shares.map(({ hostPath, tag }) => `share: ${hostPath}: map the folder there as ${tag}, and add it as virtiofs`),
    ...(discs.length > 0 ? ['discs are copied to the storage local, which must take ISO images'] : []),
  ]
}

/** As it calls the models of network cards. */
const cards: ReadonlySet<string> = new Set([
  'e1000',
  'e1000e',
  'i82551',
  'i82557b',
  'i82559er',
  'ne2k_pci',
  'pcnet',
  'rtl8139',
  'vmxnet3',
])

export function netOptions({ nics }: Machine): { readonly options: readonly string[]; readonly notes: readonly string[] } {
  if ('words' in nics) return { options: [], notes: [] }
  const ports = nics.flatMap(({ backend }) => (backend.kind === 'tap' ? [] : backend.forwards))
  return {
    options: nics.flatMap((nic, index) => [`--net${index}`, netOption(nic)]),
    notes: [
      ...nics
        .filter(({ model }) => cardOf(model) !== model && model !== 'virtio-net-pci')
        .map(({ model }) => `net_if=${model}: virtio`),
      ...ports.map(
        ({ hostPort, guestPort, protocol }) => `forward: ${hostPort}:${guestPort}/${protocol}: its user network opens no ports`,
      ),
      ...nics.flatMap(({ mac, backend }) => (backend.kind === 'tap' ? [bridgeNote(mac, backend)] : [])),
    ],
  }
}

function cardOf(model: string): string {
  return cards.has(model) ? model : 'virtio'
}

/** A name that needs no quotes in a list of properties. */
function bridgeOf(backend: Nic['backend']): string | undefined {
  return backend.kind === 'tap' && /^[\w.-]+$/.test(backend.bridge ?? '') ? backend.bridge : undefined
}

function bridgeNote(mac: string, backend: Nic['backend'] & { readonly kind: 'tap' }): string {
  const bridge = bridgeOf(backend)
  if (bridge !== undefined) return `bridge=${bridge}: it must be there under this name`
  return `network card ${mac}: ${backend.bridge === undefined ? 'a tap' : `bridge=${backend.bridge}`}: there the user network`
}

/** Without a bridge it is QEMU's user network. */
function netOption({ model, mac, backend }: Nic): string {
  const bridge = bridgeOf(backend)
  const mtu = backend.kind === 'tap' && bridge !== undefined ? backend.mtu : undefined
  return [
    `${cardOf(model)}=${mac.toUpperCase()}`,
    ...(bridge === undefined ? [] : [`bridge=${bridge}`]),
    ...(mtu === undefined || mtu === 1500 || cardOf(model) !== 'virtio' ? [] : [`mtu=${mtu}`]),
  ].join(',')
}
