// The hardware of a VirtualMachine of KubeVirt.
import type { Yaml } from '../../core/yaml.js'
import type { DriveInterface, Machine } from '../../model/machine.js'
import { numberOf, type Cpu } from './cpu.js'
import type { Nets } from './kubevirtnets.js'

/** A file that becomes a volume of the VM. */
export interface Volume {
  readonly kind: 'drive' | 'seed' | 'disc'
  /** The DataVolume. */
  readonly volume: string
  readonly file: string
  /** Undefined where it is not known here. */
  readonly bytes: number | undefined
}

interface Hardware {
  readonly cpu: Cpu
  readonly volumes: readonly Volume[]
  readonly nets: Nets
}

/** What of a machine is hardware. */
export function domain(machine: Machine, { cpu, volumes, nets }: Hardware): Yaml {
  const { cpus, memBytes, uuid, firmware, driveInterface, iothreads, aio, balloon, display, usb, tpm } = machine
  const bus = buses[driveInterface]
  const threads = iothreads && bus === 'virtio'
  const model = models.get(cpu.model) ?? cpu.model
  const features = [...cpu.features].map(([feature, isOn]) => ({ name: feature, policy: isOn ? 'require' : 'disable' }))
  const disks = volumes.map(({ kind, volume }, index) => ({
    name: volume,
    ...(kind === 'seed'
      ? { disk: { bus: 'virtio', readonly: true }, serial: 'nbsvm-seed' }
      : {
          ...(kind === 'disc' ? { cdrom: { bus: 'sata', readonly: true } } : { disk: { bus } }),
          bootOrder: index + 1,
        }),
    ...(kind === 'drive' && threads ? { dedicatedIOThread: true } : {}),
    ...(kind === 'drive' && aio === 'threads' ? { io: 'threads' } : {}),
  }))
  const hyperv = hypervOf(cpu)
  return {
    ...(threads ? { ioThreadsPolicy: 'auto' } : {}),
    machine: { type: machine.arch === 'x86_64' ? 'q35' : 'virt' },
    cpu: { cores: cpus, model, ...(features.length === 0 ? {} : { features }) },
    memory: { guest: `${Math.ceil(memBytes / 1024 ** 2)}Mi` },
    firmware: { uuid, ...bootloader(machine) },
    ...(cpu.hyperv.has('time') ? { clock: { utc: {}, timer: { hyperv: {} } } } : {}),
    features: {
      acpi: {},
      ...(firmware?.needsSmm === true ? { smm: { enabled: true } } : {}),
      ...(Object.keys(hyperv).length === 0 ? {} : { hyperv }),
    },
    devices: {
      disks,
      interfaces: nets.interfaces,
      ...(nets.networks.length === 0 ? { autoattachPodInterface: false } : {}),
      rng: {},
      ...(tpm ? { tpm: { persistent: true } } : {}),
      ...(usb === undefined ? { inputs: [{ name: 'tablet', type: 'tablet', bus: 'usb' }] } : {}),
      ...(balloon ? {} : { autoattachMemBalloon: false }),
      ...(display === undefined ? {} : { autoattachGraphicsDevice: false }),
    },
  }
}

function bootloader({ firmware, arch }: Machine): { readonly bootloader?: Yaml } {
  if (firmware === undefined) return arch === 'x86_64' ? { bootloader: { bios: { useSerial: true } } } : {}
  return { bootloader: { efi: { secureBoot: firmware.kind === 'secure', persistent: true } } }
}

const models: ReadonlyMap<string, string> = new Map([
  ['host', 'host-passthrough'],
  ['max', 'host-passthrough'],
])

const buses: Readonly<Record<DriveInterface, 'virtio' | 'scsi' | 'sata'>> = {
  virtio: 'virtio',
  scsi: 'scsi',
  sata: 'sata',
  ide: 'sata',
  nvme: 'sata',
  usb: 'sata',
}

/** As it calls Hyper-V's enlightenments, those that have no value. */
const enlightenments: ReadonlyMap<string, string> = new Map([
  ...[
    'relaxed',
    'vapic',
    'vpindex',
    'runtime',
    'synic',
    'reset',
    'frequencies',
    'reenlightenment',
    'tlbflush',
    'ipi',
    'evmcs',
  ].map((name) => [name, name] as const),
  ['stimer', 'synictimer'],
])

function hypervOf({ hyperv }: Cpu): Readonly<Record<string, Yaml>> {
  const plain = [...hyperv.keys()].flatMap((name) => {
    const known = enlightenments.get(name)
    return known === undefined ? [] : [[known, {}] as const]
  })
  const retries = numberOf(hyperv.get('spinlocks'))
  const spinlocks = hyperv.has('spinlocks') ? { spinlocks: retries === undefined ? {} : { spinlocks: retries } } : {}
  return { ...Object.fromEntries(plain), ...spinlocks }
}

export function cpuNotes({ model, others, hyperv }: Cpu): string[] {
  const odd = [...hyperv.keys()].filter((name) => !enlightenments.has(name) && !['time', 'spinlocks'].includes(name))
  return [
    ...(model === 'max' ? ['cpu=max: the processor of its node'] : []),
    ...[...others, ...odd.map((name) => `hv-${name}`)].map((word) => `cpu: ${word}`),
  ]
}
