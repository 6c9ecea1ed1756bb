// Golden files hold what each system is given; test/export.test.ts shows them to the real readers. `npm run golden` rewrites them.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import type { FileImage } from '../../model/drive.js'
import type { Machine } from '../../model/machine.js'
import { handOver, handSeed, takeBack } from '../handover.js'
import { parseCpu } from './cpu.js'
import { dnsLabel, filesOf, type Exported, type Subject } from './exported.js'
import { kubevirtManifest } from './kubevirt.js'
import { libvirtDomain } from './libvirt.js'
import { proxmoxScript } from './proxmox.js'
import { systemOf } from './system.js'

const golden = 'test/golden/export'
const folder = mkdtempSync(path.join(tmpdir(), 'nbsvm-export-'))
after(() => rmSync(folder, { recursive: true }))

const file = (name: string, format: FileImage['format'] = 'qcow2'): FileImage => ({ kind: 'file', format, path: name })

const plain: Machine = {
  id: 'web',
  program: '/usr/bin/qemu-system-x86_64',
  arch: 'x86_64',
  type: 'pc-q35-7.2',
  accelerator: 'kvm',
  cpu: 'host',
  cpus: 2,
  memBytes: 1024 ** 3,
  ram: 'private',
  clock: 'utc',
  tpm: false,
  uuid: '00000000-0000-8000-8000-000000000000',
  generation: '00000000-0000-4000-8000-000000000001',
  drives: [{ name: 'nbsvm-web-0', number: 0, image: file('/drives/nbsvm-web-0.qcow2') }],
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
  logs: { console: 'console.fifo', events: 'events.fifo' },
}

/** Everything that a machine can have, as a class for Windows has it and more. */
const full: Partial<Machine> = {
  cpu: 'max,+vmx,-pdpe1gb,hv_relaxed,hv_vapic,hv_spinlocks=0x1fff,hv_synic,hv_time,hv_stimer,hv_passthrough,kvm=off',
  clock: 'localtime',
  tpm: true,
  generation: 'auto',
  driveInterface: 'scsi',
  aio: 'threads',
  balloon: false,
  drives: [
    { name: 'nbsvm-web-0', number: 0, image: { ...file('/drives/nbsvm-web-0.qcow2'), backing: file('/drives/.base-1', 'raw') } },
    { name: 'nbsvm-web-2', number: 2, image: { kind: 'block', format: 'raw', path: '/dev/vg0/nbsvm-web-2' } },
  ],
  discs: [file('/isos/debian.iso', 'raw')],
  seed: { kind: 'disk', path: '/state/web/seed.iso' },
  firmware: {
    kind: 'secure',
    code: file('/usr/share/OVMF/OVMF_CODE_4M.ms.fd', 'raw'),
    variables: file('/vms/web/nvram.qcow2'),
    needsSmm: true,
  },
  shares: [
    { hostPath: '/home/me/src', guestPath: '/src', readOnly: false, tag: 'src', by: 'virtiofs' },
    { hostPath: '/data', guestPath: '/data', readOnly: true, tag: 'data', by: 'virtiofs' },
    { hostPath: '/old', guestPath: '/old', readOnly: true, tag: 'old', by: '9p' },
  ],
  nics: [
    { model: 'virtio-net-pci', mac: '52:54:01:02:03:04', backend: { kind: 'tap', ifname: 'tap-web', bridge: 'br0', mtu: 9000 } },
    {
      model: 'e1000e',
      mac: '52:54:01:02:03:05',
      backend: {
        kind: 'passt',
        socket: 'passt.sock',
        forwards: [
          { hostPort: 8080, guestPort: 80, protocol: 'tcp' },
          { hostPort: 53, guestPort: 53, protocol: 'udp', address: '*' },
        ],
      },
    },
    { model: 'rtl8139', mac: '52:54:01:02:03:06', backend: { kind: 'tap', ifname: 'tap2-web' } },
  ],
  args: ['-device', 'edu', '-fw_cfg', "name=opt/x,string=it's"],
}

/** Names and paths that mean something to XML, to YAML, to a shell, and to a comment of each. */
const odd = `/tmp/it's "a" <b> & --> $(id) \`id\` # ; \\ é`
const hostile: Partial<Machine> = {
  id: 'A_b--c.-d--',
  drives: [{ name: 'nbsvm-A_b--c.-d---0', number: 0, image: { ...file(`${odd}/0.qcow2`), backing: file(`${odd}/--`, 'raw') } }],
  discs: [file(`${odd}.iso`, 'raw')],
  firmware: { kind: 'uefi', code: file(`${odd}/code.fd`, 'raw'), variables: file(`${odd}/vars`), needsSmm: false },
  seed: { kind: 'disk', path: `${odd}/seed` },
  shares: [{ hostPath: odd, guestPath: '/x', readOnly: false, tag: 'x', by: '9p' }],
  args: ['-x', odd],
}

/** What no QEMU, bridge or processor is called: nobody takes it, and it opens no way out of where it stands. */
const nonsense: Partial<Machine> = {
  cpu: 'a"<&>,+b"c,d\'e',
  type: 'pc-q35-<\'"&>',
  nics: [{ model: 'virtio"<', mac: '52:54:01:02:03:04', backend: { kind: 'tap', ifname: 'x', bridge: 'br"0,a=b <&' } }],
}

const bare: Partial<Machine> = {
  accelerator: 'tcg',
  cpu: 'qemu64',
  type: 'pc-i440fx-7.2',
  drives: { words: ['-drive', 'file=x'] },
  nics: { words: ['-nic', 'user'] },
  display: ['-display', 'none'],
  usb: [],
  discs: [file('/a.iso', 'raw'), file('/b.iso', 'raw')],
  seed: { kind: 'ignition', path: 'ignition.json' },
}

const arm: Partial<Machine> = {
  program: '/usr/bin/qemu-system-aarch64',
  arch: 'aarch64',
  type: 'virt-7.2',
  accelerator: 'tcg',
  cpu: 'max,pauth-impdef=on',
  driveInterface: 'nvme',
  tpm: true,
  firmware: {
    kind: 'uefi',
    code: file('/usr/share/AAVMF/AAVMF_CODE.fd', 'raw'),
    variables: file('/vms/web/nvram.qcow2'),
    needsSmm: false,
  },
}

function subject(differing: Partial<Machine> = {}, more: Partial<Subject> = {}): Subject {
  const machine = { ...plain, ...differing }
  const numbers = 'words' in machine.drives ? [] : machine.drives.map(({ number }) => number)
  const sizes = new Map(numbers.map((number) => [number, 20 * 1024 ** 3]))
  return { machine, call: `nbsvm ${machine.id}`, sizes, hasVariables: true, isRunning: false, version: '0.1.0', ...more }
}

const subjects: Readonly<Record<string, Subject>> = {
  plain: subject(),
  full: subject(full, { isRunning: true }),
  hostile: subject(hostile),
  nonsense: subject(nonsense),
  bare: subject(bare),
  arm: subject(arm, { hasVariables: false }),
}

const writers: readonly (readonly [end: string, write: (subject: Subject) => Exported])[] = [
  ['libvirt', libvirtDomain],
  ['proxmox', proxmoxScript],
  ['kubevirt', kubevirtManifest],
]

for (const [end, write] of writers) {
  for (const [name, one] of Object.entries(subjects)) {
    test(`as ${end}: ${name}`, () => {
      const { text, notes } = write(one)
      const kept = `${golden}/${name}.${end}`
      if (process.env['NBSVM_GOLDEN'] === '1') {
        mkdirSync(golden, { recursive: true })
        writeFileSync(kept, `${text}\n`)
      }
      assert.equal(`${text}\n`, readFileSync(kept, 'utf8'))
      // An empty pair of quotes stands between two dashes there.
      for (const note of notes) assert.ok(text.replaceAll("-''-", '--').includes(note.replaceAll("-''-", '--')), note)
    })
  }
}

/** Runs a text by a shell in which these programs only tell how they are called. */
function calls(script: string, programs: readonly string[], input: readonly string[] = []): string[][] {
  const bin = mkdtempSync(path.join(folder, 'bin-'))
  const told = path.join(bin, 'told')
  for (const program of programs) {
    const answer = program === 'pvesh' ? 'echo 123' : ''
    writeFileSync(path.join(bin, program), `#!/bin/sh\nprintf '%s\\0' "\${0##*/}" "$@" >>${told}\necho >>${told}\n${answer}\n`)
    chmodSync(path.join(bin, program), 0o755)
  }
  const { status, stderr } = spawnSync('sh', ['-c', script, 'sh', ...input], {
    cwd: bin,
    env: { PATH: `${bin}:/usr/bin:/bin` },
    encoding: 'utf8',
  })
  assert.deepEqual([status, stderr], [0, ''])
  return readFileSync(told, 'utf8')
    .split('\0\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\0'))
}

for (const [end, write] of writers) {
  test(`the lines that bring drives are read by a shell as they were meant: ${end}`, () => {
    const one = subjects['hostile'] ?? subject()
    const lines = write(one)
      .text.split('\n')
      .filter((line) => /^[# ]*(?:qemu-img|cp) .*\//.test(line))
    const { drives, seed, variables, discs } = filesOf(one)
    const targets = [...drives, seed, ...(end === 'kubevirt' ? [] : [variables]), ...discs].map((brought) => brought?.file)
    const made = calls(
      lines
        .filter((line) => /^[# ]+/.test(line))
        .map((line) => line.replace(/^#? +/, ''))
        .join('\n'),
      ['qemu-img', 'cp'],
    )
    assert.deepEqual(
      made.map((words) => path.basename(words.at(-1) ?? '')),
      targets,
    )
    const [disk] = made
    const source = JSON.parse((disk?.at(-2) ?? '').replace(/^json:/, '')) as {
      file: { filename: string }
      backing: { file: { filename: string } }
    }
    assert.deepEqual([source.file.filename, source.backing.file.filename], [`${odd}/0.qcow2`, `${odd}/--`])
    assert.deepEqual(
      made.filter(([program]) => program === 'cp').map((words) => words[1]),
      [`${odd}/seed`, `${odd}.iso`],
    )
  })
}

test('the script of Proxmox VE says what it means, whatever is in names', () => {
  const { text } = proxmoxScript(subject({ ...hostile, ...nonsense }))
  const made = calls(text, ['qm', 'pvesh', 'cp'], ['', 'fast'])
  assert.deepEqual(made[0]?.slice(0, 2), ['pvesh', 'get'])
  const [, , create, ...sets] = made
  assert.deepEqual(create?.slice(0, 5), ['qm', 'create', '123', '--name', 'A-b-c-d'])
  assert.ok(create?.includes('a"<&>'))
  assert.match(
    sets.map((words) => words.join(' ')).join('\n'),
    /^qm set 123 --virtio0 fast:0,import-from=\/\S+\/nbsvm-A_b--c\.-d---0\.qcow2,discard=on/m,
  )
})

test('a machine by the paths of its files, whatever was handed over', () => {
  const firmware = full.firmware
  const opened = { drives: 'words' in plain.drives ? [] : plain.drives, discs: [file('/a.iso', 'raw')] }
  const own = { ...plain, ...opened, ...(firmware === undefined ? {} : { firmware }) }
  const handed = { ...own, ...handOver(plain.logs, opened, { givesDrives: true, firmware }) }
  const seeded = { ...handed, ...handSeed(handed, '/state/seed.iso', { givesDrives: true }) }
  assert.match(JSON.stringify(seeded.drives), /fdset/)
  const { drives, discs, firmware: back, seed } = takeBack(seeded)
  assert.deepEqual(
    { drives, discs, firmware: back, seed },
    { ...opened, firmware, seed: { kind: 'disk', path: '/state/seed.iso' } },
  )
})

test("QEMU's word for a processor", () => {
  const { model, hyperv, features, others } = parseCpu(
    'EPYC-Rome,+x2apic,-svm,avx=off,sse=on,hv-vendor-id=abc,hv_relaxed,hv_ipi=off,phys-bits=40,pmu=on',
  )
  assert.deepEqual(
    [model, [...hyperv], others],
    [
      'EPYC-Rome',
      [
        ['vendor-id', 'abc'],
        ['relaxed', undefined],
      ],
      ['phys-bits=40', 'pmu=on'],
    ],
  )
  assert.deepEqual(Object.fromEntries(features), { x2apic: true, svm: false, avx: false, sse: true, 'hv-ipi': false })
})

test('a name for DNS', () => {
  assert.deepEqual(['web', 'A_b--c.-d-', 'x'.repeat(60)].map(dnsLabel), ['web', 'A-b-c-d', 'x'.repeat(50)])
})

test('one system is asked for', () => {
  assert.equal(systemOf({ kubevirt: true }), 'kubevirt')
  for (const flags of [{}, { libvirt: true, proxmox: true }]) assert.throws(() => systemOf(flags), /for which system/)
  assert.throws(() => proxmoxScript(subject({ arch: 'riscv64' })), /runs no guest of riscv64/)
  assert.throws(() => kubevirtManifest(subject({ arch: 'riscv64' })), /runs no guest of riscv64/)
})
