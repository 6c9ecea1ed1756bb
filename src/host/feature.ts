// What a QEMU program can do of what nbsvm uses, asked of the program itself in one short run without a guest.
import { Failure } from '../core/errors.js'
import { run } from '../sys/process.js'

/** What was found out about a QEMU program. */
export interface QemuFeatures {
  /** `7.2.22` */
  readonly version: string
  /** What it lacks, in words: `-sandbox (built without seccomp)`. */
  readonly missing: readonly string[]
}

type Types = Readonly<Record<string, string>>

/** Devices and objects of every VM, or of what settings and actions can ask for. */
const types: Types = {
  'virtio-blk-pci': 'disks',
  'virtio-scsi-pci': 'drive_if=scsi',
  'virtio-net-pci': 'network cards',
  'virtio-rng-pci': 'randomness from the host',
  'virtio-serial-pci': 'exec and cp, by the guest agent',
  'qemu-xhci': 'USB',
  'usb-tablet': "the viewer's pointer",
  'pcie-root-port': 'attach',
  'ide-cd': 'cdrom',
  'memory-backend-memfd': 'ram=shared',
}

const x86Types: Types = {
  vmgenid: 'a copy cannot know that it is one',
  pvpanic: 'a guest cannot say that its kernel panicked',
  VGA: 'the screen',
  'tpm-crb': 'tpm=yes',
}

/** Of boards that are not x86's. */
const virtTypes: Types = {
  'pvpanic-pci': 'a guest cannot say that its kernel panicked',
  'virtio-gpu-pci': 'the screen',
  'usb-kbd': "the screen's keyboard",
  'tpm-tis-device': 'tpm=yes',
}

const questions = [
  { execute: 'qmp_capabilities' },
  { execute: 'query-version' },
  { execute: 'query-command-line-options' },
  { execute: 'qom-list-types', arguments: { abstract: false } },
  { execute: 'quit' },
]

interface Option {
  readonly option: string
  readonly parameters: readonly { readonly name: string }[]
}

/** As `run` ends what has taken too long. */
const killedStatus = 137

/** Asks a QEMU program. Throws a Failure with its own words when it does not answer as QEMU does. */
export async function askFeatures(program: string, timeoutMs: number): Promise<QemuFeatures> {
  const bare = [program, '-machine', 'none', '-nodefaults', '-no-user-config', '-display', 'none']
  const input = questions.map((question) => JSON.stringify(question)).join('\n')
  const [{ stdout, stderr, status }, networks] = await Promise.all([
    run([...bare, '-qmp', 'stdio'], { input, timeoutMs }),
    run([...bare, '-netdev', 'help'], { timeoutMs }),
  ])
  const [, , version, options, known] = answers(stdout)
  if (version === undefined || options === undefined || known === undefined) {
    throw new Failure(
      `${program} does not answer as QEMU does: ${stderr.trim() || (status === killedStatus ? `nothing within ${timeoutMs / 1000} s` : `exit status ${status}`)}`,
      { code: 'QEMU_REFUSED' },
    )
  }
  const { major, minor, micro } = (version as { qemu: { major: number; minor: number; micro: number } }).qemu
  const names = new Set((known as readonly { name: string }[]).map(({ name }) => name))
  return {
    version: `${major}.${minor}.${micro}`,
    missing: [
      ...missingOptions(options as readonly Option[]),
      ...(/^user$/m.test(networks.stdout) ? [] : ['-netdev user (built without slirp)']),
      ...Object.entries({ ...types, ...(names.has('max-x86_64-cpu') ? x86Types : virtTypes) }).flatMap(([name, use]) =>
        names.has(name) ? [] : [`${name} (${use})`],
      ),
    ],
  }
}

function missingOptions(options: readonly Option[]): string[] {
  const has = (option: string, parameter?: string): boolean =>
    options.some(
      (one) => one.option === option && (parameter === undefined || one.parameters.some(({ name }) => name === parameter)),
    )
  return [
    ...(has('sandbox') ? [] : ['-sandbox (built without seccomp)']),
    ...(has('chardev', 'logfile') ? [] : ['-chardev logfile (the journal of events)']),
    ...(has('vnc') ? [] : ['-vnc (the screen)']),
  ]
}

/** What QEMU answered, greeting first: one line of JSON each, with events between them. */
function answers(stdout: string): unknown[] {
  const lines = stdout.split('\n').filter((line) => line.startsWith('{'))
  const messages = lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
  return messages.filter((message) => message['event'] === undefined).map((message) => message['return'] ?? message['QMP'])
}
