// Manifests for KubeVirt, and CDI, which takes its drives. https://kubevirt.io/api-reference/main/definitions.html
import { Failure } from '../../core/errors.js'
import { yamlText, type Yaml } from '../../core/yaml.js'
import type { Machine } from '../../model/machine.js'
import { parseCpu, type Cpu } from './cpu.js'
import { bringing, dnsLabel, filesOf, heading, leftOut, type Exported, type Files, type Subject } from './exported.js'
import { cpuNotes, domain, type Volume } from './kubevirtdomain.js'
import { netsOf, type Nets } from './kubevirtnets.js'

/** A VirtualMachine that is off, and a DataVolume for each of its drives, which waits for what is uploaded. */
export function kubevirtManifest(subject: Subject): Exported {
  const { machine } = subject
  const architecture = architectures[machine.arch]
  if (architecture === undefined) throw new Failure(`KubeVirt runs no guest of ${machine.arch}`)
  const name = dnsLabel(machine.id).toLowerCase()
  const files = filesOf(subject)
  const volumes = volumesOf(subject, name, files)
  const cpu = parseCpu(machine.cpu)
  const nets = netsOf(machine)
  const notes = [
    ...(name === machine.id ? [] : [`its name: there it is ${name}`]),
    ...cpuNotes(cpu),
    ...machineNotes(machine),
    ...nets.notes,
    ...leftOut(subject),
  ]
  const comment = heading(subject, {
    what: 'as a VirtualMachine of KubeVirt with its DataVolumes',
    tried: 'Never run there: its fields are those of the published API, kubevirt.io/v1 and cdi.kubevirt.io/v1beta1.',
    bring: bringing({ drives: files.drives, discs: files.discs, ...(files.seed === undefined ? {} : { seed: files.seed }) }, ''),
    next: [
      'Then:',
      `  kubectl apply -f ${machine.id}.yaml`,
      ...volumes.map(({ volume, file }) => `  virtctl image-upload dv ${volume} --no-create --image-path=${file}`),
      `  virtctl start ${name}`,
    ],
    notes,
  })
  const documents = [...volumes.map(dataVolume), virtualMachine(machine, { name, architecture, cpu, volumes, nets })]
  const text = [...comment.map((line) => `# ${line}`.trimEnd()), documents.map(yamlText).join('---\n').trimEnd()].join('\n')
  return { text, notes }
}

const architectures: Readonly<Partial<Record<Machine['arch'], string>>> = { x86_64: 'amd64', aarch64: 'arm64' }

function volumesOf({ sizes }: Subject, name: string, { drives, seed, discs }: Files): Volume[] {
  return [
    ...drives.map(
      ({ file, number }) => ({ kind: 'drive', volume: `${name}-${number}`, file, bytes: sizes.get(number) }) as const,
    ),
    ...(seed === undefined ? [] : [{ kind: 'seed', volume: `${name}-seed`, file: seed.file, bytes: undefined } as const]),
    ...discs.map(({ file }, index) => ({ kind: 'disc', volume: `${name}-cd${index}`, file, bytes: undefined }) as const),
  ]
}

/** Enough for any seed; a disc's may have to be changed, and a note says so. */
const [seedSize, discSize] = ['64Mi', '10Gi']

function dataVolume({ kind, volume, bytes }: Volume): Readonly<Record<string, Yaml>> {
  const storage = bytes === undefined ? (kind === 'seed' ? seedSize : discSize) : String(bytes)
  return {
    apiVersion: 'cdi.kubevirt.io/v1beta1',
    kind: 'DataVolume',
    metadata: { name: volume },
    spec: { source: { upload: {} }, storage: { resources: { requests: { storage } } } },
  }
}

interface Parts {
  readonly name: string
  readonly architecture: string
  readonly cpu: Cpu
  readonly volumes: readonly Volume[]
  readonly nets: Nets
}

function virtualMachine(machine: Machine, { name, architecture, cpu, volumes, nets }: Parts): Readonly<Record<string, Yaml>> {
  const spec = {
    architecture,
    domain: domain(machine, { cpu, volumes, nets }),
    networks: nets.networks,
    volumes: volumes.map(({ volume }) => ({ name: volume, dataVolume: { name: volume } })),
  }
  return {
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachine',
    metadata: { name },
    spec: { runStrategy: 'Halted', template: { metadata: { labels: { 'kubevirt.io/domain': name } }, spec } },
  }
}

function machineNotes({
  type,
  arch,
  driveInterface,
  discs,
  shares,
  clock,
  generation,
  accelerator,
  firmware,
}: Machine): string[] {
  return [
    `machine=${type}: the newest ${arch === 'x86_64' ? 'q35' : 'virt'} of KubeVirt's own QEMU, which knows no others`,
    ...(['ide', 'nvme', 'usb'].includes(driveInterface) ? [`drive_if=${driveInterface}: sata`] : []),
    ...(discs.length > 0 ? [`the size of a disc is not known here: it is written as ${discSize}`] : []),
    ...shares.map(({ hostPath }) => `share: ${hostPath}: what is in it has to come to a volume of its own`),
    ...(clock === 'localtime' ? ['rtc=localtime: UTC'] : []),
    ...(arch === 'x86_64' && generation !== 'auto' ? ['the generation id: a copy is not told that it is one'] : []),
    ...(firmware === undefined ? [] : ['UEFI variables: those of KubeVirt; boot entries are found anew']),
    ...(accelerator === 'tcg' ? ['accel=tcg: nodes without KVM want useEmulation in the configuration of KubeVirt itself'] : []),
  ]
}
