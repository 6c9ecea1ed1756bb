// Golden files hold the QEMU command, one option a line, for every device and setting. `npm run golden` rewrites them.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { inOwnFolder } from '../model/blocknode.js'
import type { Drive, FileImage, Image } from '../model/drive.js'
import { qemuCommand, qemuOptions } from './command.js'
import { handOver, handSeed, handVhost } from './handover.js'
import type { Machine } from '../model/machine.js'

const folder = 'test/golden/qemu'

const qcow2: Image = { format: 'qcow2', kind: 'file', path: '/drives/nbsvm-foo-0.qcow2' }

function drive(number: number, image: Image = { ...qcow2, path: `/drives/nbsvm-foo-${number}.qcow2` }): Drive {
  return { name: `nbsvm-foo-${number}`, number, image }
}

const plain: Machine = {
  id: 'foo',
  program: '/usr/bin/qemu-system-x86_64',
  arch: 'x86_64',
  type: 'pc-q35-7.2',
  accelerator: 'kvm',
  cpu: 'host',
  cpus: 1,
  memBytes: 512 * 1024 ** 2,
  ram: 'private',
  clock: 'utc',
  tpm: false,
  uuid: '00000000-0000-8000-8000-000000000000',
  generation: '00000000-0000-4000-8000-000000000001',
  drives: [drive(0)],
  discs: [],
  shares: [],
  driveInterface: 'virtio',
  aio: 'io_uring',
  iothreads: true,
  balloon: true,
  agent: true,
  nics: [{ model: 'virtio-net-pci', mac: '52:54:01:02:03:04', backend: { kind: 'user', forwards: [] } }],
  args: [],
  prefix: [],
  handed: [],
  logs: { console: '/dev/fdset/1', events: '/dev/fdset/2' },
}

const rbd: Image = {
  format: 'raw',
  kind: 'rbd',
  pool: 'vms',
  name: 'nbsvm-foo-0',
  path: 'vms/nbsvm-foo-0',
  conf: '/etc/ceph/ceph.conf',
  user: 'nbsvm',
}
const iso = (name: string): Image => ({ format: 'raw', kind: 'file', path: `/discs/${name}.iso` })
const base: Image = { format: 'raw', kind: 'file', path: '/drives/.base/1.raw' }
const middle: Image = { format: 'qcow2', kind: 'file', path: '/drives/.base/2.qcow2', backing: base }
const [nic] = plain.nics as [{ model: string; mac: string; backend: { kind: 'user'; forwards: [] } }]
const three = [drive(0), drive(1), drive(2)]

const code: FileImage = { format: 'raw', kind: 'file', path: '/usr/share/OVMF/OVMF_CODE_4M.fd' }
const variables: FileImage = { format: 'qcow2', kind: 'file', path: '/vms/foo/nvram-uefi.qcow2' }

const arm: Partial<Machine> = {
  program: '/usr/bin/qemu-system-aarch64',
  arch: 'aarch64',
  type: 'virt-7.2',
  accelerator: 'tcg',
  cpu: 'max,pauth-impdef=on',
}

/** What differs from the plain machine, and the name of its golden file. */
const cases: Record<string, Partial<Machine>> = {
  plain: {},
  tcg: { accelerator: 'tcg', cpu: 'max' },
  'mem-smp': { memBytes: 2 * 1024 ** 3, cpus: 4 },
  'ram-shared': { ram: 'shared' },
  'machine-pc': { type: 'pc-i440fx-7.2' },
  'no-drives': { drives: [] },
  'drive-raw': { drives: [drive(0, { format: 'raw', kind: 'file', path: '/drives/nbsvm-foo-0.raw' })] },
  'drive-block': { drives: [drive(0, { format: 'raw', kind: 'block', path: '/dev/vg0/nbsvm-foo-0' })] },
  'drive-rbd': { drives: [drive(0, inOwnFolder(rbd))] },
  'drive-rbd-scsi': { drives: [drive(0, inOwnFolder(rbd))], driveInterface: 'scsi' },
  'drive-rbd-nvme': { drives: [drive(0, inOwnFolder(rbd))], driveInterface: 'nvme' },
  'drive-rbd-without-rights': {
    ...handOver({ console: 'c', events: 'e' }, { drives: [drive(0, inOwnFolder(rbd))], discs: [] }, { givesDrives: true }),
    prefix: ['setpriv', '--reuid', '4711', '--'],
  },
  'drive-backing': { drives: [drive(0, { ...qcow2, backing: middle })] },
  'drive-hostile-path': { drives: [drive(0, { ...qcow2, path: '/a,file=b "c" \\d/x' })] },
  'drive-if-virtio-three': { drives: three },
  'aio-threads': { aio: 'threads' },
  'no-iothreads': { iothreads: false },
  'no-iothreads-scsi': { iothreads: false, driveInterface: 'scsi' },
  'no-balloon': { balloon: false },
  'no-agent': { agent: false },
  'drive-if-scsi': { driveInterface: 'scsi', drives: three },
  'drive-if-sata': { driveInterface: 'sata', drives: three },
  'drive-if-sata-pc': { driveInterface: 'sata', drives: three, type: 'pc-i440fx-7.2' },
  'drive-if-ide': { driveInterface: 'ide', drives: three },
  'drive-if-ide-pc': { driveInterface: 'ide', drives: three, type: 'pc-i440fx-7.2' },
  'drive-if-nvme': { driveInterface: 'nvme' },
  'drive-if-usb': { driveInterface: 'usb' },
  'drive-if-usb-without-usb': { driveInterface: 'usb', usb: [] },
  'drives-words': { drives: { words: ['-drive', 'if=virtio,format=raw,file=/dev/sdb'] } },
  'drives-blank': { drives: { words: [] } },
  disc: { discs: [iso('a')] },
  'disc-device': { discs: [{ format: 'raw', kind: 'block', path: '/dev/sr0' }] },
  'discs-pc': { type: 'pc-i440fx-7.2', discs: [iso('a'), iso('b')] },
  'discs-beside-sata': { driveInterface: 'sata', drives: three, discs: [iso('a'), iso('b'), iso('c')] },
  'discs-virt': { type: 'virt-7.2', discs: [iso('a'), iso('b')] },
  shares: {
    ram: 'shared',
    shares: [
      { hostPath: '/home/me/src', guestPath: '/src', readOnly: false, tag: 'src', by: 'virtiofs' },
      { hostPath: '/data,old', guestPath: '/data', readOnly: true, tag: 'data', by: '9p' },
    ],
  },
  'display-words': { display: ['-display', 'none'] },
  'display-card': { display: ['-vga', 'cirrus'] },
  'display-blank': { display: [] },
  'usb-words': { usb: ['-usb', '-device', 'usb-mouse'] },
  'usb-blank': { usb: [] },
  'network-words': { nics: { words: ['-nic', 'user'] } },
  'network-blank': { nics: { words: [] } },
  'net-if': { nics: [{ ...nic, model: 'e1000' }] },
  forward: {
    nics: [
      {
        ...nic,
        backend: {
          kind: 'user',
          forwards: [
            { hostPort: 2222, guestPort: 22, protocol: 'tcp' },
            { hostPort: 5353, guestPort: 53, protocol: 'udp' },
            { hostPort: 8080, guestPort: 80, protocol: 'tcp', address: '*' },
            { hostPort: 8081, guestPort: 81, protocol: 'tcp', address: '192.0.2.1' },
          ],
        },
      },
    ],
  },
  'two-nics': { nics: [nic, { ...nic, mac: '52:54:01:02:03:05' }] },
  passt: { nics: [{ ...nic, backend: { kind: 'passt', socket: 'passt.sock', forwards: [] } }] },
  tap: { nics: [{ ...nic, backend: { kind: 'tap', ifname: 'tap-foo' } }] },
  'tap-mtu': { nics: [{ ...nic, backend: { kind: 'tap', ifname: 'tap-foo', bridge: 'br0', mtu: 9000 } }] },
  'run-as': { prefix: ['setpriv', '--reuid', '65534', '--'] },
  handed: handOver(
    { console: '/state/foo/console.fifo', events: '/state/foo/events.fifo' },
    { drives: [drive(0, { ...qcow2, backing: middle })], discs: [iso('a')] },
    { givesDrives: true },
  ),
  'vhost-handed': handVhost({
    nics: [
      { ...nic, backend: { kind: 'tap', ifname: 'tap-foo' } },
      nic,
      { ...nic, backend: { kind: 'tap', ifname: 'tap1-foo' } },
    ],
    handed: [],
  }),
  tpm: { tpm: true },
  'rtc-localtime': { clock: 'localtime' },
  aarch64: { ...arm, tpm: true, firmware: { kind: 'uefi', code, variables, needsSmm: false } },
  'aarch64-kvm-sata': { ...arm, accelerator: 'kvm', cpu: 'host', driveInterface: 'sata', usb: [] },
  riscv64: { program: '/usr/bin/qemu-system-riscv64', arch: 'riscv64', type: 'virt', accelerator: 'tcg', cpu: 'rv64' },
  uefi: { firmware: { kind: 'uefi', code, variables, needsSmm: false } },
  secure: { firmware: { kind: 'secure', code: { ...code, format: 'qcow2' }, variables, needsSmm: true } },
  'secure-handed': handOver(
    { console: '/state/foo/console.fifo', events: '/state/foo/events.fifo' },
    { drives: [drive(0)], discs: [] },
    {
      givesDrives: true,
      layers: '/drives/.layers',
      firmware: { kind: 'secure', code, variables, needsSmm: true },
    },
  ),
  seed: handSeed({ handed: [] }, '/state/foo/seed.iso', { givesDrives: false }),
  'seed-handed': handSeed(
    handOver(
      { console: '/state/foo/console.fifo', events: '/state/foo/events.fifo' },
      { drives: [drive(0)], discs: [] },
      { givesDrives: true },
    ),
    '/state/foo/seed.iso',
    { givesDrives: true },
  ),
  'seed-nvme': { driveInterface: 'nvme', seed: { kind: 'disk', path: '/state/foo/seed.iso' } },
  'seed-usb': { driveInterface: 'usb', seed: { kind: 'disk', path: '/state/foo/seed.iso' } },
  'seed-ignition': { seed: { kind: 'ignition', path: 'ignition.json' } },
  args: { args: ['-cdrom', '/a b.iso', '-boot', 'd'] },
}

for (const [name, differing] of Object.entries(cases)) {
  test(`the QEMU command: ${name}`, () => {
    const machine = { ...plain, ...differing }
    const lines = [...qemuOptions(machine).map((option) => option.join(' ')), ...machine.args]
    golden(name, `${lines.join('\n')}\n`)
    assert.ok(qemuCommand(machine).includes(machine.program))
  })
}

function golden(name: string, text: string): void {
  const file = `${folder}/${name}.txt`
  if (process.env['NBSVM_GOLDEN'] === '1') {
    mkdirSync(folder, { recursive: true })
    writeFileSync(file, text)
  }
  assert.equal(text, readFileSync(file, 'utf8'))
}

test('the command is the options and the arguments of the user, in this order', () => {
  const machine = { ...plain, args: ['-cdrom', 'x.iso'] }
  const command = qemuCommand(machine)
  assert.deepEqual(command.slice(-2), ['-cdrom', 'x.iso'])
  assert.deepEqual(command.slice(1, -2), qemuOptions(machine).flat())
})

test('more discs than there is room for beside the drives are refused', () => {
  const discs = Array.from({ length: 4 }, (_, number) => iso(String(number)))
  assert.throws(() => qemuOptions({ ...plain, driveInterface: 'ide', drives: three, discs }), /room for 3 discs/)
})

test('more drives than the board has places are refused', () => {
  const drives = Array.from({ length: 7 }, (_, number) => drive(number))
  assert.throws(() => qemuOptions({ ...plain, drives, driveInterface: 'ide' }), /room for 6 drives, the VM has 7/)
})

test('a board that has no IDE takes no IDE drives', () => {
  assert.throws(() => qemuOptions({ ...plain, ...arm, driveInterface: 'ide' }), /drive_if=ide: the board virt-7.2 has no IDE/)
})
