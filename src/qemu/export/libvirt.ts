// A domain of libvirt. https://libvirt.org/formatdomain.html
import type { Machine } from '../../model/machine.js'
import { parseCpu, numberOf, type Cpu } from './cpu.js'
import { bringing, filesOf, heading, leftOut, type Exported, type Files, type Subject } from './exported.js'
import { diskElements, interfaceElements, shareElements } from './libvirtdevices.js'
import { element, xmlComment, xmlLines, type Element } from './xml.js'

/** Where libvirt keeps images by itself, and where its AppArmor and SELinux let a guest at them. */
const folder = '/var/lib/libvirt/images/'

/** The domain, for `virsh define`. */
export function libvirtDomain(subject: Subject): Exported {
  const { machine } = subject
  const files = filesOf(subject)
  const cpu = parseCpu(machine.cpu)
  const disks = diskElements(machine, files, folder)
  const networks = interfaceElements(machine)
  const shares = shareElements(machine)
  const notes = [...cpuNotes(cpu), ...disks.notes, ...networks.notes, ...shares.notes, ...leftOut(subject)]
  const comment = heading(subject, {
    what: 'as a domain of libvirt',
    tried:
      'Started by libvirt 9.0 without KVM: BIOS or UEFI, a virtio disk, the user network. The rest was only read by libvirt.',
    bring: bringing(files, folder),
    next: [`Then: virsh define ${machine.id}.xml && virsh start ${machine.id}`],
    notes,
  })
  const devices = [...disks.elements, ...networks.elements, ...shares.elements, ...otherDevices(machine)]
  const domain = element('domain', { type: machine.accelerator === 'kvm' ? 'kvm' : 'qemu' }, [
    element('name', {}, machine.id),
    element('uuid', {}, machine.uuid),
    ...generation(machine),
    element('memory', { unit: 'KiB' }, String(machine.memBytes / 1024)),
    ...(shares.needSharedRam || machine.ram === 'shared' ? [sharedRam] : []),
    element('vcpu', {}, String(machine.cpus)),
    ...(disks.iothreads === 0 ? [] : [element('iothreads', {}, String(disks.iothreads))]),
    boot(machine, files),
    features(machine, cpu),
    cpuElement(cpu, machine),
    element(
      'clock',
      { offset: machine.clock },
      cpu.hyperv.has('time') ? [element('timer', { name: 'hypervclock', present: 'yes' })] : [],
    ),
    element('devices', {}, devices),
  ])
  return { text: [...xmlComment(comment), ...xmlLines(domain)].join('\n'), notes }
}

/** Only x86's boards have a place for it. */
function generation({ arch, generation: id }: Machine): Element[] {
  return arch === 'x86_64' ? [element('genid', {}, id === 'auto' ? [] : id)] : []
}

const sharedRam = element('memoryBacking', {}, [element('source', { type: 'memfd' }), element('access', { mode: 'shared' })])

function boot({ arch, type, firmware }: Machine, { variables }: Files): Element {
  const { code, kind } = firmware ?? {}
  return element('os', {}, [
    element('type', { arch, machine: type }, 'hvm'),
    ...(code === undefined
      ? []
      : [element('loader', { readonly: 'yes', ...(kind === 'secure' ? { secure: 'yes' } : {}), type: 'pflash' }, code.path)]),
    ...(variables === undefined ? [] : [element('nvram', {}, `${folder}${variables.file}`)]),
    ...(arch === 'x86_64' && firmware === undefined ? [element('bios', { useserial: 'yes' })] : []),
  ])
}

function features({ arch, firmware }: Machine, { hyperv }: Cpu): Element {
  const hasAcpi = arch === 'x86_64' || (arch === 'aarch64' && firmware !== undefined)
  const known = [...hyperv].flatMap(([name, value]) => (hypervNames.has(name) ? [hypervElement(name, value)] : []))
  return element('features', {}, [
    ...(hasAcpi ? [element('acpi')] : []),
    ...(arch === 'x86_64' ? [element('apic')] : []),
    ...(known.length === 0 ? [] : [element('hyperv', { mode: 'custom' }, known)]),
    ...(firmware?.needsSmm === true ? [element('smm', { state: 'on' })] : []),
  ])
}

const hypervNames: ReadonlySet<string> = new Set([
  'relaxed',
  'vapic',
  'spinlocks',
  'vpindex',
  'runtime',
  'synic',
  'stimer',
  'reset',
  'frequencies',
  'reenlightenment',
  'tlbflush',
  'ipi',
  'evmcs',
])

function hypervElement(name: string, value: string | undefined): Element {
  return element(name, { state: 'on', ...(name === 'spinlocks' ? { retries: numberOf(value) } : {}) })
}

function cpuElement({ model, features }: Cpu, { accelerator }: Machine): Element {
  const further = [...features].map(([name, isOn]) => element('feature', { policy: isOn ? 'require' : 'disable', name }))
  if (model === 'host') return element('cpu', { mode: 'host-passthrough' }, further)
  if (model === 'max') return element('cpu', { mode: 'maximum' }, further)
  // What TCG cannot do of a model it leaves out, as it does here.
  const check = accelerator === 'tcg' ? { check: 'none' } : {}
  return element('cpu', { mode: 'custom', match: 'exact', ...check }, [
    element('model', { fallback: 'forbid' }, model),
    ...further,
  ])
}

function cpuNotes({ others, hyperv }: Cpu): string[] {
  const odd = [...hyperv.keys()].filter((name) => !hypervNames.has(name) && name !== 'time').map((name) => `hv-${name}`)
  return [...others, ...odd].map((word) => `cpu: ${word}`)
}

/** What every VM of nbsvm has beside drives and network cards. */
function otherDevices({ arch, agent, tpm, display, usb, balloon }: Machine): Element[] {
  const isX86 = arch === 'x86_64'
  const hasTablet = usb === undefined
  return [
    element('serial', { type: 'pty' }),
    element('console', { type: 'pty' }, [element('target', { type: 'serial' })]),
    ...(agent
      ? [element('channel', { type: 'unix' }, [element('target', { type: 'virtio', name: 'org.qemu.guest_agent.0' })])]
      : []),
    ...(tpm
      ? [element('tpm', { model: isX86 ? 'tpm-crb' : 'tpm-tis' }, [element('backend', { type: 'emulator', version: '2.0' })])]
      : []),
    ...(display === undefined ? [element('graphics', { type: 'vnc', autoport: 'yes', listen: '127.0.0.1' })] : []),
    element('video', {}, [element('model', { type: isX86 ? 'vga' : 'virtio' })]),
    element('controller', { type: 'usb', model: hasTablet ? 'qemu-xhci' : 'none' }),
    ...(hasTablet ? [element('input', { type: 'tablet', bus: 'usb' })] : []),
    ...(hasTablet && !isX86 ? [element('input', { type: 'keyboard', bus: 'usb' })] : []),
    element('rng', { model: 'virtio' }, [element('backend', { model: 'random' }, '/dev/urandom')]),
    ...(isX86 ? [element('panic', { model: 'isa' })] : []),
    element('memballoon', balloon ? { model: 'virtio', freePageReporting: 'on' } : { model: 'none' }),
  ]
}
