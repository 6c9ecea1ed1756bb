// `nbsvm doctor`, by the real program on this machine, with programs in PATH that are not as they should be.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, beforeEach, describe, test } from 'node:test'
import { findProgram } from '../src/sys/file.js'
import { program, run, type Result } from './cli.js'
import { makeNetwork } from './netns.js'

interface Finding {
  readonly name: string
  readonly ok: boolean | null
  readonly what: string
  readonly hint: string | null
}

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-test-doctor-'))
fs.chmodSync(root, 0o755)
after(() => fs.rmSync(root, { recursive: true }))

let home: string
let bin: string
let count = 0
beforeEach(() => {
  home = path.join(root, String(++count))
  bin = path.join(home, 'bin')
  fs.mkdirSync(bin, { recursive: true })
})

const qemu = findProgram('qemu-system-x86_64') ?? ''
const isRoot = process.geteuid?.() === 0
const drop = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--']

/** Puts a program in front of PATH. */
function put(name: string, script: string): void {
  fs.writeFileSync(path.join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
}

/** Writes a settings file. */
function settings(name: string, text: string): string {
  const file = path.join(home, 'nbsvm', 'config', name)
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, text)
  return file
}

function doctor(words: readonly string[], environment: NodeJS.ProcessEnv, through: readonly string[] = []): Promise<Result> {
  const env = { PATH: `${bin}:${process.env['PATH']}`, HOME: home, NBSVM_HOME: path.join(home, 'nbsvm'), ...environment }
  const [first = '', ...rest] = [...through, process.execPath, program, 'doctor', ...words]
  return run(first, rest, env)
}

async function findings(environment: NodeJS.ProcessEnv = {}, through: readonly string[] = []) {
  const { status, stdout, stderr } = await doctor(['--json'], environment, through)
  const all = JSON.parse(stdout || assert.fail(stderr)) as Finding[]
  const named = (name: string): Finding => all.find((one) => one.name === name) ?? assert.fail(`no ${name} in ${stdout}`)
  return { status, stderr, all, named }
}

/** Everything under the home, with times. */
function tree(): string[] {
  const names = fs.readdirSync(home, { recursive: true }) as string[]
  return names.map((name) => `${name} ${fs.lstatSync(path.join(home, name)).mtimeMs}`).toSorted()
}

describe('on this machine', () => {
  test('nothing that is needed is missing, it ends in time, and nothing is changed', async (t) => {
    fs.mkdirSync(path.join(home, 'nbsvm', 'drives'), { recursive: true })
    const before = tree()
    const startedAt = Date.now()
    const { status, all, stderr } = await findings()
    t.diagnostic(`${Date.now() - startedAt} ms`)
    // A second for KVM, half a second for the others, and a machine that has other things to do.
    assert.ok(Date.now() - startedAt < 9000)
    assert.deepEqual([status, stderr], [0, ''], JSON.stringify(all))
    const isFolder = (line: string): boolean => !line.startsWith('nbsvm/drives ')
    assert.deepEqual(tree().filter(isFolder), before.filter(isFolder))
    assert.deepEqual(fs.readdirSync(path.join(home, 'nbsvm', 'drives')), [])
  })

  test('the names and fields that scripts rely on', async () => {
    const { all } = await findings()
    const names =
      'node,qemu,qemu features,kvm,run_as,qemu-img,uefi,secure boot,tpm,flock,drives,reflinks,lvm,ceph,sudo,taps,bridges,passt,viewer,settings'.split(
        ',',
      )
    assert.deepEqual(
      all.map(({ name }) => name),
      names,
    )
    for (const finding of all) {
      assert.deepEqual(Object.keys(finding), ['name', 'ok', 'what', 'hint'])
      assert.ok(finding.what !== '' && finding.hint !== '')
      assert.ok(finding.ok !== true || finding.hint === null, 'what is there needs no advice')
    }
  })

  test('for people: a line for each thing, in columns, and what to type below it', async () => {
    const { status, stdout, stderr } = await doctor([], { bridge: 'nbsvm-no0' })
    assert.equal(status, 1)
    const lines = stdout.trimEnd().split('\n')
    const column = /^ok {2}node +/.exec(lines[0] ?? '')?.[0].length ?? 0
    for (const line of lines) assert.match(line, new RegExp(`^(?:(?:ok|--|no)  .{${column - 6}}  \\S|  {${column - 1}}> )`))
    const at = lines.findIndex((line) => line.startsWith('no  bridge nbsvm-no0 '))
    assert.match(lines[at] ?? '', /there is none of that name \(bridge=nbsvm-no0 in environment\)$/)
    assert.match(lines[at + 1] ?? '', /> sudo ip link add nbsvm-no0 type bridge && sudo ip link set nbsvm-no0 up$/)
    assert.match(stderr, /^missing: .*bridge nbsvm-no0/)
  })
})

describe('what settings ask for', () => {
  const missing: Record<string, [environment: NodeJS.ProcessEnv, name: string, what: RegExp]> = {
    'a QEMU': [{ qemu: 'no-such-qemu' }, 'qemu', /there is no no-such-qemu on this machine \(qemu=no-such-qemu in environment\)/],
    "another processor's": [
      { arch: 'riscv64' },
      'uefi riscv64',
      /(?:no qemu-system-riscv64|no UEFI firmware for riscv64) .*on this machine \(arch=riscv64 in environment\)/,
    ],
    'a viewer': [{ viewer: 'no-such-viewer -x' }, 'viewer no-such-viewer', /no such program \(viewer=no-such-viewer -x in env/],
    'what is an interface and no bridge': [{ bridge: 'lo' }, 'bridge lo', /lo is an interface, and no bridge/],
    'a user': [{ run_as: 'no-such-user' }, 'run_as', /no-such-user/],
    'a volume group without its name': [{ store: 'lvm' }, 'volume group', /none is named \(store=lvm in environment\)/],
  }
  for (const [title, [environment, name, what]] of Object.entries(missing)) {
    test(`${title}, which is not there`, async () => {
      lvmWith([], [])
      const { status, named, stderr } = await findings(environment)
      const found = named(name)
      assert.deepEqual([status, found.ok], [1, false])
      assert.match(found.what, what)
      assert.match(stderr, new RegExp(`^missing: (?:.*, )?${name}(?:, |$)`, 'm'))
    })
  }

  test('in every file, with its line; each once', async () => {
    settings('default.class', 'mem=1G\nbridge=nbsvm-a\n')
    const winFile = settings('win.class', 'bridge=(nbsvm-a nbsvm-b)\n')
    settings('web.vm', 'viewer=no-such-viewer\n')
    const ownFile = settings('win-foo.vm', 'bridge+=(nbsvm-c)\n')
    const { status, all, named } = await findings()
    assert.equal(status, 1)
    assert.equal(all.filter(({ name }) => name.startsWith('bridge ')).length, 3)
    assert.match(named('bridge nbsvm-a').what, /bridge=nbsvm-a in \S+\/default\.class:2/)
    assert.ok(named('bridge nbsvm-b').what.includes(`bridge=nbsvm-a nbsvm-b in ${winFile}:1`))
    assert.ok(named('bridge nbsvm-c').what.includes(`in ${ownFile}:1`), 'the file of foo in class win stands on win.class')
    assert.equal(named('viewer no-such-viewer').ok, false)
    assert.match(named('settings').what, /^4 files in /)
  })

  test('files that cannot be read', async () => {
    const file = settings('win.class', 'mem=$(free)\n')
    settings('foo.vm', 'meem=1\n')
    const { status, all } = await findings()
    assert.equal(status, 1)
    const faults = all.filter(({ name }) => name === 'settings')
    assert.equal(faults.length, 2)
    assert.ok(faults.every(({ ok, hint }) => ok === false && hint !== null))
    assert.ok(faults[0]?.what.startsWith(`${file}:1:5: a command substitution`), faults[0]?.what)
    assert.match(faults[1]?.what ?? '', /foo\.vm:1:1: there is no setting meem/)
  })

  test('KVM, from a QEMU without it', async () => {
    put(
      'qemu-kvmless',
      `case "$*" in *"-accel kvm"*) echo "qemu: invalid accelerator kvm" >&2; exit 1;; *) exec ${qemu} "$@";; esac`,
    )
    const { status, named } = await findings({ qemu: 'qemu-kvmless', run_as: isRoot ? 'root' : '', accel: 'kvm' })
    // Where the device itself is closed or not there, that is said in place of it.
    assert.match(named('kvm').what, /without KVM \(accel=kvm in environment\)|\/dev\/kvm/)
    assert.deepEqual([status, named('kvm').ok], [1, false])
    assert.equal((await findings({ qemu: 'qemu-kvmless' })).named('kvm').ok, null, 'nothing requires it')
  })
})

describe('QEMU', () => {
  test('one that lacks something, and is old', async () => {
    const changes = `-e 's/"minor": [0-9]*, "major": [0-9]*/"minor": 1, "major": 5/' -e 's/"vmgenid"/"x"/' -e 's/"logfile"/"x"/' -e 's/^user$/x/'`
    put('qemu-lean', `${qemu} "$@" | sed ${changes}`)
    const { status, named } = await findings({ qemu: 'qemu-lean' })
    assert.match(named('qemu').what, /^5\.1\.\d+ {2}\S+\/qemu-lean: older than 7\.2/)
    const { ok, what } = named('qemu features')
    assert.equal(ok, null)
    assert.match(what, /^without -chardev logfile \(.*\), -netdev user \(.*\), vmgenid \(.*\)$/)
    assert.equal(status, 0, 'VMs may start all the same')
  })

  test('what is no QEMU is shown with its own words', async () => {
    put('qemu-broken', 'echo "libfoo.so: cannot open" >&2; exit 127')
    const { status, named } = await findings({ qemu: 'qemu-broken' })
    assert.equal(status, 1)
    assert.match(named('qemu').what, /does not answer as QEMU does: libfoo\.so: cannot open \(qemu=qemu-broken/)
  })

  test('programs that hang are not waited for', async () => {
    for (const name of ['qemu-hung', 'sudo', 'vgs', 'lvs', 'qemu-img']) put(name, 'exec sleep 20')
    const startedAt = Date.now()
    const { named } = await findings({ qemu: 'qemu-hung' })
    assert.ok(Date.now() - startedAt < 15_000, `${Date.now() - startedAt} ms`)
    assert.notEqual(named('qemu').ok, true)
    assert.notEqual(named('qemu-img').ok, true)
    assert.notEqual(named('lvm').ok, true)
  })
})

describe('drives', () => {
  test('a folder that cannot be written', { skip: isRoot && cannotDrop() }, async () => {
    const drives = path.join(home, 'nbsvm', 'drives')
    fs.mkdirSync(drives, { recursive: true })
    fs.chmodSync(drives, 0o555)
    const { status, named } = await findings({}, asUser())
    fs.chmodSync(drives, 0o755)
    assert.deepEqual([status, named('drives').ok, named('reflinks').ok], [1, false, null])
    assert.equal(named('drives').what, `${drives} cannot be written: EACCES`)
  })

  const shm = '/dev/shm'
  test('what is free, of the folder that will be', { skip: !fs.existsSync(shm) && `no ${shm}` }, async () => {
    const folder = fs.mkdtempSync(`${shm}/nbsvm-test-doctor-`)
    try {
      const { named } = await findings({ NBSVM_HOME: `${folder}/deeper` })
      assert.match(named('drives').what, new RegExp(`free in ${folder}/deeper/drives \\(not made yet\\)$`))
      assert.equal(named('reflinks').ok, null, 'tmpfs cannot')
      assert.deepEqual(fs.readdirSync(folder), [])
    } finally {
      fs.rmSync(folder, { recursive: true })
    }
  })
})

/** Programs of LVM that answer with these; as a user they are asked through a sudo that lets everything pass. */
function lvmWith(groups: readonly object[], volumes: readonly object[]): void {
  put('vgs', `echo '${JSON.stringify({ report: [{ vg: groups }] })}'`)
  put('lvs', `echo '${JSON.stringify({ report: [{ lv: volumes }] })}'`)
  put('sudo', 'shift 2; exec "$@"')
}

describe('volume groups and pools', () => {
  const hasDeviceMapper = /\bdevice-mapper\b/.test(fs.readFileSync('/proc/misc', 'utf8'))

  test('those that are asked for', async () => {
    lvmWith(
      [{ vg_name: 'vg0', vg_size: '21474836480', vg_free: '1073741824' }],
      [
        { vg_name: 'vg0', lv_name: 'thin', lv_layout: 'thin,pool' },
        { vg_name: 'vg0', lv_name: 'home', lv_layout: 'linear' },
      ],
    )
    settings('a.class', 'vg=vg0 pool=thin\n')
    settings('b.class', 'vg=vg0 pool=home\n')
    settings('c.class', 'vg=vg1\n')
    settings('d.class', 'vg=vg2 store=dir\n')
    const { status, all, named } = await findings()
    assert.equal(status, 1)
    assert.equal(named('lvm').ok, hasDeviceMapper, 'in the kernel it is needed too')
    if (hasDeviceMapper) assert.equal(named('lvm').what, 'vg0 20G (1G free)')
    assert.match(named('volume group vg0').what, /^1G free \(vg=vg0 in \S+\/a\.class:1\)$/)
    assert.deepEqual([named('volume group vg0').ok, named('volume group vg1').ok], [true, false])
    assert.match(named('volume group vg1').hint ?? '', /sudo vgcreate vg1 /)
    assert.deepEqual([named('pool vg0/thin').ok, named('pool vg0/home').ok], [true, false])
    assert.match(named('pool vg0/home').what, /it is not a pool but linear/)
    assert.ok(!all.some(({ name }) => name === 'volume group vg2'), 'store=dir does not ask for it')
  })

  test('for a user whom sudo asks for a password: not known, and said so', { skip: isRoot && cannotDrop() }, async () => {
    put('sudo', 'echo "sudo: a password is required" >&2; exit 1')
    const { named } = await findings({ vg: 'vg0' }, asUser())
    assert.deepEqual([named('lvm').ok, named('volume group vg0').ok, named('sudo').ok], [null, null, null])
    assert.match(named('lvm').what, /only root sees volume groups/)
    assert.match(named('lvm').hint ?? '', /sudo -v/)
  })
})

const network = await makeNetwork()

describe('bridges and taps', { skip: typeof network === 'string' && network }, () => {
  if (typeof network === 'string') return
  after(network.close)

  test('those that there are', async () => {
    network.sh('ip link add br0 type bridge; ip link set br0 mtu 1400')
    const { status, named } = await findings({ bridge: 'br0' }, network.inside)
    assert.equal(status, 0)
    assert.match(named('bridges').what, /^br0 \(down, mtu 1400\)$/)
    assert.deepEqual([named('bridge br0').ok, named('taps').ok], [true, true])
  })

  test('a tun device that is closed to whom QEMU runs as', async () => {
    network.sh('chmod 600 /dev/net/tun')
    const { named } = await findings({ bridge: 'br0' }, network.inside)
    assert.equal((await findings({ run_as: 'root' }, network.inside)).named('taps').ok, true)
    network.sh('chmod 666 /dev/net/tun')
    assert.deepEqual([named('taps').ok, named('taps').hint], [false, 'sudo chmod 666 /dev/net/tun'])
  })
})

/** What runs a command as nobody, where root runs the tests. */
function asUser(): readonly string[] {
  return isRoot ? drop : []
}

function cannotDrop(): string | false {
  const { status } = spawnSync('setpriv', [...drop.slice(1), process.execPath, program, 'version'])
  return status !== 0 && 'root cannot run this as nobody'
}
