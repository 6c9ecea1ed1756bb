// Every setting of the table, tried against a real QEMU that nbsvm started, and seen in that QEMU: over its monitors, in its
// command line, or in its guest. Volume groups, pools and bridges need a kernel with device-mapper: test/lvm.test.ts.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, connect } from 'node:net'
import path from 'node:path'
import { after, test } from 'node:test'
import { settingNames } from '../src/config/settings.js'
import { withQmp, type Qmp } from '../src/qemu/qmp.js'
import { guestDisk, guestKernel, makeHome, program, until, type Result } from './cli.js'
import { guestPrompt, Serial } from './guest.js'

const home = makeHome()
const { nbsvm } = home
const drives = path.join(home.folder, 'drives')
const config = path.join(home.folder, 'config')
const winvm = path.join(home.folder, 'winvm')
mkdirSync(config)
symlinkSync(program, winvm)

const mib = 1024 ** 2
const isRoot = process.getuid?.() === 0
/** Root's QEMU runs as nobody, who cannot open what these tests keep in their folder; drives are handed to it, other files not. */
const trusted: NodeJS.ProcessEnv = isRoot ? { run_as: 'root' } : {}

/** A VM that runs, and how it is looked at. */
interface Seen {
  readonly id: string
  readonly pid: number
  /** The words that QEMU was started with. */
  readonly argv: readonly string[]
  readonly qmp: Qmp
  /** What QEMU's monitor answers to a line. */
  readonly hmp: (line: string) => Promise<string>
}

interface Given {
  readonly env?: NodeJS.ProcessEnv
  readonly program?: string
  /** The drawer's name, where it is not the VM's. */
  readonly id?: string
}

/** Runs a line that starts a VM, looks at its QEMU, and ends it. */
async function seen<T>(words: readonly string[], look: (vm: Seen) => Promise<T> | T, given: Given = {}): Promise<T> {
  const { id = words[0] ?? '', ...options } = given
  const started = await nbsvm(words, options)
  assert.equal(started.status, 0, started.stderr)
  const drawer = path.join(home.folder, 'state', id)
  const pid = Number(readFileSync(path.join(drawer, 'pid'), 'utf8'))
  const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1)
  try {
    return await withQmp(path.join(drawer, 'run/qmp.sock'), { timeoutMs: 5000 }, async (qmp) => {
      const hmp = async (line: string): Promise<string> => {
        const answer: unknown = await qmp.execute('human-monitor-command', { 'command-line': line })
        return String(answer).replaceAll('\r', '')
      }
      return look({ id, pid, argv, qmp, hmp })
    })
  } finally {
    process.kill(pid, 'SIGKILL')
    await until(`the end of ${id}`, 5000, () => !existsSync(`/proc/${pid}`) || isZombie(pid))
  }
}

async function memoryMib({ hmp }: Seen): Promise<number> {
  // A translated guest may have a little more: src/qemu/ram.ts.
  return Math.floor(Number(/base memory: (\d+)/.exec(await hmp('info memory_size_summary'))?.[1]) / mib)
}

/** The guest's name, as QEMU was told it. */
async function nameOf({ qmp }: Pick<Seen, 'qmp'>): Promise<string> {
  return ((await qmp.execute('query-name')) as { name: string }).name
}

/** The names of the drives that QEMU has open, in order: as root by descriptors that it was given. */
function openDrives({ pid }: Seen): string[] {
  const folder = `/proc/${pid}/fd`
  const files = readdirSync(folder).map((fd) => readlinkSync(path.join(folder, fd)))
  const names = files.filter((file) => file.startsWith(`${drives}/nbsvm-`)).map((file) => path.basename(file, '.qcow2'))
  return [...new Set(names)].toSorted()
}

function isZombie(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return true
  }
}

/** Says whether the words stand in a row in the command line. */
function has(argv: readonly string[], ...words: readonly string[]): boolean {
  return `\0${argv.join('\0')}\0`.includes(`\0${words.join('\0')}\0`)
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  assert.ok(typeof address === 'object' && address !== null)
  return address.port
}

async function ok(words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Result> {
  const result = await nbsvm(words, { env })
  assert.equal(result.status, 0, result.stderr)
  return result
}

/** The test of one setting; the last test says which settings have none. */
const tried = new Set<string>()
function setting(names: string, what: string, check: () => Promise<void>, options: { timeout?: number } = {}): void {
  for (const name of names.split(' ')) tried.add(name)
  test(`${names}: ${what}`, options, check)
}

setting('mem', 'MB, or with a unit; 512 MB by default', async () => {
  const memory = (line: string[], env = {}) => seen(['foo', ...line, 'start', '-S'], memoryMib, { env })
  assert.equal(await memory([]), 512)
  assert.equal(await memory(['mem=2048']), 2048)
  assert.equal(await memory([], { mem: '2048' }), 2048)
  assert.equal(await memory(['mem=1.5G']), 1536)
})

setting('smp', 'so many processors; one by default', async () => {
  const count = (...line: string[]) =>
    seen(['foo', ...line, 'start', '-S'], async ({ hmp }) => (await hmp('info cpus')).match(/CPU #/g)?.length)
  assert.equal(await count(), 1)
  assert.equal(await count('smp=3'), 3)
})

setting('cpu movable', 'the processor that the guest sees; under TCG all that QEMU can do, or what any host has', async () => {
  const type = (...line: string[]) =>
    seen(['foo', ...line, 'start', '-S'], async ({ qmp }) => {
      const [cpu] = (await qmp.execute('query-cpus-fast')) as { 'qom-path': string }[]
      return qmp.execute('qom-get', { path: cpu?.['qom-path'] ?? '', property: 'type' })
    })
  assert.equal(await type(), 'max-x86_64-cpu')
  assert.equal(await type('cpu=qemu64'), 'qemu64-x86_64-cpu')
  assert.equal(await type('movable=yes'), 'Westmere-x86_64-cpu')
})

setting('machine', 'the board; by default the newest q35 with its version', async () => {
  const board = (...line: string[]) =>
    seen(['foo', ...line, 'start', '-S'], async ({ qmp, argv }) => {
      const type = await qmp.execute('qom-get', { path: '/machine', property: 'type' })
      return [type, argv[argv.lastIndexOf('-machine') + 1]]
    })
  const [type, word] = await board()
  assert.match(String(word), /^pc-q35-\d+\.\d+$/)
  assert.equal(type, `${String(word)}-machine`)
  assert.equal((await board('machine=pc-i440fx-7.2'))[0], 'pc-i440fx-7.2-machine')
})

setting('accel', 'tcg when told so; kvm works, or QEMU says in its own words why not', async () => {
  const isKvm = (...line: string[]) =>
    seen(['foo', ...line, 'start', '-S'], async ({ qmp }) => ((await qmp.execute('query-kvm')) as { enabled: boolean }).enabled, {
      env: { accel: '' },
    })
  assert.equal(await isKvm('accel=tcg'), false)
  const forced = await nbsvm(['foo', 'accel=kvm', 'start', '-S'])
  if (forced.status === 0) await nbsvm(['foo', 'stop'])
  else assert.match(forced.stderr, /QEMU refused: .*kvm/i)
  // Without it, what `explain` tells is what runs.
  const chosen = (await nbsvm(['foo', 'explain'], { env: { accel: '' } })).stdout
  assert.equal(await isKvm(), / -accel kvm /.test(chosen))
})

setting('ram', 'shared is a memfd that others can map; private by default', async () => {
  const isShared = (...line: string[]) =>
    seen(['foo', ...line, 'start', '-S'], async ({ hmp }) => (await hmp('info memdev')).match(/share: (\w+)/g))
  assert.deepEqual(await isShared(), ['share: false'])
  assert.deepEqual(await isShared('ram=shared'), ['share: true'])
})

setting('qemu', 'another QEMU program', async () => {
  const wrapper = path.join(home.folder, 'my qemu')
  writeFileSync(wrapper, '#!/bin/sh\nexec qemu-system-x86_64 "$@" -name mine\n', { mode: 0o755 })
  assert.equal(await seen(['foo', `qemu=${wrapper}`, 'start', '-S'], nameOf, { env: trusted }), 'mine')
  const missing = await nbsvm(['foo', 'qemu=/no/such/qemu', 'start'])
  assert.equal(missing.status, 1)
  assert.match(missing.stderr, /there is no \/no\/such\/qemu on this machine\n {2}install QEMU: /)
})

setting('firmware', 'a BIOS by default; UEFI in two flash chips, of which only the second can be written', async () => {
  const chips = (name: string, ...line: string[]) =>
    seen([name, ...line, 'start', '-S'], async ({ hmp }) => {
      const nodes = await Promise.all(['firmware', 'nvram'].map((node) => hmp(`info block -n ${node}`)))
      return nodes.map((text) => /^\S+: .*(\((?:raw|qcow2).*\))$/m.exec(text)?.[1])
    })
  assert.deepEqual(await chips('firm'), [undefined, undefined])
  const uefi = await chips('firm', 'firmware=uefi')
  assert.deepEqual(uefi, ['(raw, read-only)', '(qcow2)'])
  // It is kept from then on, and can be said otherwise for once.
  assert.deepEqual(await chips('firm'), uefi)
  assert.deepEqual(await chips('firm', 'firmware=bios'), [undefined, undefined])
  await ok(['firm', 'rm', '--yes'])
})

setting('tpm', 'swtpm beside QEMU; none by default', async () => {
  const model = (...line: string[]) => seen(['tpm', ...line, 'start', '-S'], ({ hmp }) => hmp('info tpm'))
  assert.doesNotMatch(await model(), /tpm0/)
  assert.match(await model('tpm=yes'), /model=tpm-crb/)
  assert.match(await model(), /model=tpm-crb/)
  assert.doesNotMatch(await model('tpm=no'), /tpm0/)
})

setting('arch', "another processor with its own QEMU and board; this machine's by default", async () => {
  const target = (name: string, ...line: string[]) =>
    seen(
      [name, ...line, 'start', '-S'],
      async ({ qmp }) => ((await qmp.execute('query-cpus-fast')) as { target: string }[])[0]?.target,
    )
  assert.equal(await target('foo'), 'x86_64')
  assert.equal(await target('armed', 'arch=aarch64'), 'aarch64')
  assert.equal(await target('armed'), 'aarch64')
})

setting('rtc', 'the clock shows UTC, or the time of the place', async () => {
  const hours = (...line: string[]) =>
    seen(
      ['foo', ...line, 'start', '-S'],
      async ({ qmp }) => {
        const time = (await qmp.execute('qom-get', { path: '/machine', property: 'rtc-time' })) as { tm_hour: number }
        return (24 + time.tm_hour - new Date().getUTCHours()) % 24
      },
      { env: { TZ: 'UTC-5' } },
    )
  assert.ok([0, 23].includes(await hours()))
  assert.ok([5, 4].includes(await hours('rtc=localtime')))
})

setting('drive_size', 'the size that the guest sees; 20G by default', async () => {
  await ok(['sized', 'newimg'])
  await ok(['sized', 'newimg'], { drive_size: '1.5G' })
  await ok(['sized', 'drive_size=3', 'newimg'])
  const sizes = await seen(['sized', 'start', '-S'], async ({ qmp }) =>
    (await qmp.execute('query-block')).flatMap(({ inserted }) => (inserted ? [inserted.image['virtual-size'] / 1024 / mib] : [])),
  )
  assert.deepEqual(sizes, [20, 1.5, 3])
})

setting('drives', 'in place of all drive options, as written; none, or a blank, is no drive', async () => {
  const open = (words: string[], env = {}) => seen(['sized', ...words, 'start', '-S'], openDrives, { env })
  assert.deepEqual(await open([]), ['nbsvm-sized-0', 'nbsvm-sized-1', 'nbsvm-sized-2'])
  // The script's example: `drives=' ' nbsvm foo start`.
  assert.deepEqual(await open([], { drives: ' ' }), [])
  assert.deepEqual(await open(['drives= ']), [])
  assert.deepEqual(await open(['drives=none']), [])
  const own = ['-drive', `if=ide,format=qcow2,file=${drives}/nbsvm-sized-1.qcow2`]
  const look = async (vm: Seen): Promise<void> => {
    assert.ok(has(vm.argv, ...own))
    assert.match(await vm.hmp('info block'), /^ide0-hd0 .*nbsvm-sized-1\.qcow2 \(qcow2\)\n {4}Attached to/)
    assert.deepEqual(openDrives(vm), ['nbsvm-sized-1'])
  }
  await seen(['sized', `drives=${own.join(' ')}`, 'start', '-S'], look, { env: trusted })
})

const kinds: Readonly<Record<string, RegExp>> = {
  virtio: /dev: virtio-blk-pci, id "disk0"/,
  scsi: /dev: virtio-scsi-pci, id "scsi"[^]*dev: scsi-hd, id "disk0"/,
  ide: /dev: ide-hd, id "disk0"/,
  sata: /dev: ich9-ahci[^]*dev: ide-hd, id "disk0"/,
  nvme: /dev: nvme, id "disk0"/,
  usb: /dev: qemu-xhci[^]*dev: usb-storage, id "disk0"/,
}

setting('drive_if', 'each kind of controller has the drives, on both boards, also without USB', async () => {
  for (const [kind, device] of Object.entries(kinds)) {
    const others = { ide: ['machine=pc'], sata: ['machine=pc'], usb: ['usb= ', 'usb=-usb', 'machine=pc'] }[kind] ?? []
    for (const other of ['smp=1', ...others]) {
      await seen(['sized', `drive_if=${kind}`, other, 'start', '-S'], async ({ hmp }) => {
        const what = `${kind} ${other}`
        assert.match(await hmp('info qtree'), device, what)
        const attached = (await hmp('info block')).match(/^drive\d: \S+ \(qcow2\)\n {4}Attached to: +\S*disk\d/gm)
        assert.equal(attached?.length, 3, what)
      })
    }
  }
})

setting('aio iothread balloon', 'on where they work, and off by their settings', async () => {
  const files = (argv: readonly string[]): unknown[] =>
    argv.flatMap((word, at) => (argv[at - 1] === '-blockdev' ? [(JSON.parse(word) as { aio?: string }).aio ?? []] : [])).flat()
  await seen(['sized', 'start', '-S'], async ({ argv, hmp }) => {
    // This kernel, as far as QEMU's user may use it.
    const aio = files(argv)[0]
    assert.ok(aio === 'io_uring' || aio === 'threads')
    assert.deepEqual(files(argv), [aio, aio, aio])
    assert.deepEqual((await hmp('info iothreads')).match(/^io\d/gm)?.toSorted(), ['io0', 'io1', 'io2'])
    assert.match(await hmp('info qtree'), /virtio-balloon-device[^]*free-page-reporting = true/)
  })
  await seen(['sized', 'aio=threads', 'iothread=no', 'balloon=no', 'start', '-S'], async ({ argv, hmp }) => {
    assert.deepEqual(files(argv), ['threads', 'threads', 'threads'])
    assert.doesNotMatch(await hmp('info iothreads'), /^io\d/m)
    assert.doesNotMatch(await hmp('info qtree'), /virtio-balloon/)
  })
  // The user's own balloon is the only one.
  await seen(['sized', 'start', '-device', 'virtio-balloon-pci,id=mine', '-S'], async ({ hmp }) => {
    assert.equal((await hmp('info qtree')).match(/dev: virtio-balloon-pci/g)?.length, 1)
  })
})

setting('display', 'VNC on a socket in the drawer; else as written', async () => {
  await seen(['foo', 'start', '-S'], async ({ hmp, id }) => {
    assert.match(await hmp('info vnc'), /Server: :?vnc\.sock \(unix\)/)
    assert.ok(existsSync(path.join(home.folder, 'state', id, 'run/vnc.sock')))
  })
  for (const display of ['none', ' ', '-vga cirrus']) {
    await seen(['foo', `display=${display}`, 'start', '-S'], async ({ hmp }) => {
      assert.doesNotMatch(await hmp('info vnc'), /Server/)
    })
  }
  await seen(['foo', 'display=-display none', 'start', '-S'], async ({ argv, hmp, id }) => {
    assert.ok(has(argv, '-display', 'none'))
    assert.doesNotMatch(await hmp('info vnc'), /Server/)
    const { status, stderr } = await nbsvm([id, 'vnc'])
    assert.equal(status, 1)
    assert.match(stderr, /foo has no VNC screen: it was started with a display of its own/)
  })
  const port = await freePort()
  await seen(['foo', `display=-vnc 127.0.0.1:${port - 5900} -vga cirrus`, 'start', '-S'], async ({ hmp }) => {
    assert.match(await hmp('info vnc'), new RegExp(`127\\.0\\.0\\.1:${port} `))
    assert.match(await hmp('info qtree'), /dev: cirrus-vga/)
    assert.doesNotMatch(await hmp('info qtree'), /dev: VGA/)
  })
})

/** The first words of an RFB server at a port. */
function rfbGreeting(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('error', reject)
    socket.once('data', (data) => (socket.destroy(), resolve(data.toString())))
  })
}

setting('vnc_port', 'the port that vnc listens on', async () => {
  const port = await freePort()
  await seen(['foo', 'start', '-S'], async () => {
    const child = spawn(program, ['foo', `vnc_port=${port}`, 'viewer= ', 'vnc'], {
      env: home.env,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const ended = new Promise((resolve) => child.once('exit', resolve))
    after(() => child.kill('SIGKILL'))
    const address = await new Promise((resolve) => child.stdout.once('data', (data: Buffer) => resolve(data.toString())))
    assert.equal(address, `127.0.0.1:${port}\n`)
    assert.match(await rfbGreeting(port), /^RFB 003\.008\n/)
    const second = await nbsvm(['foo', `vnc_port=${port}`, 'viewer= ', 'vnc'])
    assert.equal(second.status, 1)
    assert.match(second.stderr, new RegExp(`port ${port} is taken`))
    child.kill('SIGINT')
    await ended
    await assert.rejects(rfbGreeting(port), /ECONNREFUSED/)
  })
})

setting('viewer', 'is run with the address behind it, and vnc ends when it does', async () => {
  const viewer = path.join(home.folder, 'viewer')
  const told = path.join(home.folder, 'told')
  // It speaks to the server, so that vnc sees its viewer come and go.
  const speak = `require("net").connect(process.argv[1].split(":")[1],"127.0.0.1").once("data",function(d){console.log(String(d));this.destroy()})`
  writeFileSync(viewer, `#!/bin/sh\n{ echo "$@"; node -e '${speak}' "$2"; } >'${told}'\n`, { mode: 0o755 })
  const port = await freePort()
  await seen(['foo', 'start', '-S'], async () => {
    await ok(['foo', `vnc_port=${port}`, `viewer=${viewer} --full-screen`, 'vnc'])
  })
  assert.equal(readFileSync(told, 'utf8'), `--full-screen 127.0.0.1:${port}\nRFB 003.008\n\n`)
})

/** Writes a pattern into a drive of a VM at rest. */
function fill(name: string, value: number): void {
  execFileSync('qemu-io', ['-f', 'qcow2', '-c', `write -P ${value} 0 1M`, path.join(drives, `${name}.qcow2`)])
}

// What QEMU's own qemu-io finds goes to QEMU's output, into the drawer; this QEMU writes it there at once.
const loud = path.join(home.folder, 'loud')
writeFileSync(loud, '#!/bin/sh\nexec stdbuf -oL qemu-system-x86_64 "$@"\n', { mode: 0o755 })

/** Says which of the patterns the running VM reads from its drive 0. It was started with `loud`. */
async function patternsIn({ hmp, id }: Seen, values: readonly number[]): Promise<number[]> {
  const log = path.join(home.folder, 'state', id, 'qemu.log')
  const found: number[] = []
  const read = (): string => (existsSync(log) ? readFileSync(log, 'utf8') : '')
  for (const value of values) {
    const before = read().length
    await hmp(`qemu-io drive0 "read -P ${value} 0 1M"`)
    // What it says goes through the log keeper: its last line is that of the time that it took.
    await until('the words of qemu-io', 10_000, () => /ops.*sec/.test(read().slice(before)))
    const words = read().slice(before)
    assert.match(words, /read 1048576\/1048576 bytes at offset 0/)
    if (!words.includes('verification failed')) found.push(value)
  }
  return found
}

setting('gold snapshot_lv source', 'what snapshot and clone copy', async () => {
  await ok(['gold', 'drive_size=1G', 'newimg'])
  await ok(['debian', 'drive_size=1G', 'newimg', 'newimg'])
  fill('nbsvm-gold-0', 1)
  fill('nbsvm-debian-0', 2)
  fill('nbsvm-debian-1', 3)
  const outside = path.join(home.folder, 'out side, é.qcow2')
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', outside, '1G'])
  execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write -P 4 0 1M', outside])
  const env = { ...trusted, qemu: loud }
  const cases: readonly (readonly [expected: number, ...words: string[]])[] = [
    [1],
    [2, 'gold=debian'],
    [3, 'gold=debian-1'],
    [3, 'snapshot_lv=nbsvm-debian-1'],
    [4, `source=${outside}`],
    [4, `source=${outside}`, 'gold=debian', 'snapshot_lv=nbsvm-gold-0'],
  ]
  for (const how of ['snapshot', 'clone']) {
    for (const [expected, ...words] of cases) {
      const found = await seen(['copy', ...words, how, 'start', '-S'], (vm) => patternsIn(vm, [1, 2, 3, 4]), { env })
      assert.deepEqual(found, [expected], `${how} ${words.join(' ')}`)
      await ok(['copy', 'rm', '--yes'])
    }
  }
  // In a class, gold is the class's.
  await ok(['gold', 'class=win', `source=${outside}`, 'clone'])
  const inClass = await seen(['copy', 'class=win', 'snapshot', 'start', '-S'], (vm) => patternsIn(vm, [1, 4]), {
    id: 'win-copy',
    env,
  })
  assert.deepEqual(inClass, [4])
})

setting('trust_source', 'an image that names another file is a source only when the user says so', async () => {
  const [base, overlay] = ['base.raw', 'overlay.qcow2'].map((name) => path.join(home.folder, name))
  assert.ok(base !== undefined && overlay !== undefined)
  writeFileSync(base, Buffer.alloc(mib, 5))
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', base, '-F', 'raw', overlay])
  const refused = await nbsvm(['trusting', `source=${overlay}`, 'clone'])
  assert.equal(refused.status, 1)
  assert.match(refused.stderr, /refers to other files of this host: .*base\.raw\n {2}.*trust_source=yes/)
  assert.equal(existsSync(path.join(drives, 'nbsvm-trusting-0.qcow2')), false)
  const trusting = ['trusting', `source=${overlay}`, 'trust_source=yes', 'clone', 'start', '-S']
  const found = await seen(trusting, (vm) => patternsIn(vm, [4, 5]), { env: { ...trusted, qemu: loud } })
  assert.deepEqual(found, [5])
})

setting('bs ddargs', 'either makes clone use dd, with its words', async () => {
  // The real dd, which writes down what it was called with.
  const bin = path.join(home.folder, 'bin')
  const told = path.join(home.folder, 'dd.told')
  mkdirSync(bin)
  writeFileSync(path.join(bin, 'dd'), `#!/bin/sh\necho "$@" >>'${told}'\nPATH=\${PATH#*:}\nexec dd "$@"\n`, { mode: 0o755 })
  const env = { PATH: `${bin}:${process.env['PATH'] ?? ''}` }
  await ok(['plain', 'drive_size=1G', 'newimg'])
  const source = path.join(drives, 'nbsvm-plain-0.qcow2')
  fill('nbsvm-plain-0', 3)
  const copied = async (words: string[], more: NodeJS.ProcessEnv): Promise<string> => {
    rmSync(told, { force: true })
    const line = ['dd', 'source=/nowhere', `source=${source}`, ...words, 'clone', 'start', '-S']
    assert.deepEqual(await seen(line, (vm) => patternsIn(vm, [2, 3]), { env: { ...env, ...more, ...trusted, qemu: loud } }), [3])
    await ok(['dd', 'rm', '--yes'])
    const calls = existsSync(told) ? readFileSync(told, 'utf8').split(/(?<=\n)/) : []
    // The log keeper works with dd, too.
    const copies = calls.filter((line) => line.includes('of='))
    return copies.join('').replace(/of=\S+/, 'of=NEW')
  }
  assert.equal(await copied([], {}), '')
  // The script's example: `bs=$((1048576*10)) nbsvm foo clone`.
  assert.equal(await copied([], { bs: String(1_048_576 * 10) }), `if=${source} of=NEW bs=10485760\n`)
  assert.equal(await copied(['ddargs=conv=sparse status=none'], {}), `if=${source} of=NEW bs=1M conv=sparse status=none\n`)
  assert.equal(await copied(['bs=64K', 'ddargs=iflag=fullblock'], {}), `if=${source} of=NEW bs=64K iflag=fullblock\n`)
  // What was snapshotted has its data in several files, which dd does not know: bs alone is passed over.
  await ok(['other', 'gold=plain', 'snapshot'])
  assert.equal(await copied([], { bs: '10M' }), '')
  const overlay = await nbsvm(['dd', `source=${source}`, 'ddargs=conv=sparse', 'clone'])
  assert.equal(overlay.status, 2)
  assert.match(overlay.stderr, /dd cannot clone nbsvm-plain-0, which is an overlay: .*\n {2}leave out ddargs/)
  const wrong = await nbsvm(['dd', `source=${source}`, 'ddargs=of=/etc/passwd', 'clone'])
  assert.equal(wrong.status, 2)
  assert.match(wrong.stderr, /ddargs: "of=\/etc\/passwd" is not allowed/)
})

setting('usb', 'a controller with a tablet; none, or a blank, turns it off; else as written', async () => {
  const usb = (words: string[], env = {}) => seen(['foo', ...words, 'start', '-S'], ({ hmp }) => hmp('info usb'), { env })
  assert.match(await usb([]), /Product QEMU USB Tablet/)
  // The script's example: `usb=' ' nbsvm foo start`.
  assert.match(await usb([], { usb: ' ' }), /USB support not enabled/)
  assert.match(await usb(['usb= ']), /USB support not enabled/)
  assert.match(await usb(['usb=none']), /USB support not enabled/)
  await seen(['foo', 'usb=-usb -device usb-kbd', 'start', '-S'], async ({ argv, hmp }) => {
    assert.ok(has(argv, '-usb', '-device', 'usb-kbd'))
    assert.match(await hmp('info usb'), /^ {2}Device \d.*Product QEMU USB Keyboard\n?$/)
  })
})

setting('network', "a user's is QEMU's user network, or passt's; none, or a blank, turns it off; else as written", async () => {
  const network = (words: string[], env = {}) => seen(['foo', ...words, 'start', '-S'], ({ hmp }) => hmp('info network'), { env })
  assert.match(await network([]), /^nic0: .*model=virtio-net-pci.*\n \\ net: index=0,type=/)
  assert.match(await network([]), isRoot ? /type=(user|tap)/ : /type=(user|stream,unix:(?:run\/)?passt\.sock)/)
  assert.equal(await network([], { network: ' ' }), '')
  assert.equal(await network(['network= ']), '')
  assert.equal(await network(['network=none']), '')
  await seen(['foo', 'network=-nic user,model=e1000', 'net_if=rtl8139', 'start', '-S'], async ({ argv, hmp }) => {
    assert.ok(has(argv, '-nic', 'user,model=e1000'))
    assert.match(await hmp('info network'), /model=e1000/)
    assert.doesNotMatch(await hmp('info network'), /rtl8139|virtio/)
  })
})

setting('net_if', 'the model of the card', async () => {
  for (const model of ['virtio-net-pci', 'e1000', 'e1000e', 'rtl8139', 'vmxnet3']) {
    await seen(['foo', `net_if=${model}`, 'start', '-S'], async ({ hmp }) => {
      assert.match(await hmp('info network'), new RegExp(`^nic0: .*model=${model},`))
      assert.match(await hmp('info qtree'), new RegExp(`dev: ${model}, id "nic0"`))
    })
  }
  const wrong = await nbsvm(['foo', 'net_if=e1001', 'start'])
  assert.equal(wrong.status, 1)
  assert.match(wrong.stderr, /QEMU refused: .*'e1001' is not a valid device model name/)
})

setting('mac', "as given, else the VM's own at every start", async () => {
  const mac = (...words: string[]) =>
    seen([...words, 'start', '-S'], async ({ hmp }) => /macaddr=(\S+)/.exec(await hmp('info network'))?.[1])
  assert.equal(await mac('foo', 'mac=52:54:00:AB:cd:ef'), '52:54:00:ab:cd:ef')
  const own = await mac('foo')
  assert.match(own ?? '', /^52:54(:[0-9a-f]{2}){4}$/)
  assert.equal(await mac('foo'), own)
  assert.notEqual(await mac('sized'), own)
})

setting('cdrom', 'a disc in a drive of its own for each; none takes them away', async () => {
  const discs = (...line: string[]) =>
    seen(['foo', ...line, 'start', '-S'], async ({ hmp }) => [
      ...(await hmp('info block')).matchAll(/^disc-(cd\d): (\S+) \(raw, read-only\)/gm),
    ])
  const [one, other] = ['one.iso', 'other.iso'].map((name) => path.join(home.folder, name))
  for (const file of [one, other]) writeFileSync(file ?? '', Buffer.alloc(mib))
  const found = await discs(`cdrom=${one} ${other}`)
  assert.deepEqual(
    found.map(([, drive]) => drive),
    ['cd0', 'cd1'],
  )
  writeFileSync(path.join(config, 'foo.vm'), `cdrom=(${one})\n`)
  assert.equal((await discs()).length, 1)
  assert.equal((await discs('cdrom=none')).length, 0)
  rmSync(path.join(config, 'foo.vm'))
})

setting('forward', "the host's ports lead into the guest, on the loopback address only", async () => {
  const [web, shell, udp] = [await freePort(), await freePort(), await freePort()]
  writeFileSync(path.join(config, 'net.vm'), `forward=(${web}:80 tcp:${shell}:23)\nforward+=("udp:${udp}:5353")\n`)
  await ok(['net', 'start', ...guestKernel])
  const serial = await Serial.open(path.join(home.folder, 'state/net/run/console.sock'))
  await serial.waitFor(guestPrompt)
  await serial.command('until ip addr show eth0 | grep -q "inet "; do sleep 0.2; done')
  assert.equal(await (await fetch(`http://127.0.0.1:${web}/`)).text(), 'nbsvm test guest\n')
  const banner = await new Promise<string>((resolve, reject) => {
    const socket = connect(shell, '127.0.0.1', () => socket.write('echo shell-$((6*7))\n'))
    let text = ''
    socket.on('error', reject).on('data', (data) => {
      text += data.toString('latin1')
      if (text.includes('shell-42')) resolve((socket.destroy(), text))
    })
  })
  assert.match(banner, /shell-42/)
  const listening = execFileSync('ss', ['-Hlntu'], { encoding: 'utf8' })
  for (const port of [web, shell, udp]) {
    assert.match(listening, new RegExp(` 127\\.0\\.0\\.1:${port} `))
    assert.doesNotMatch(listening, new RegExp(` (\\*|0\\.0\\.0\\.0|\\[::\\]):${port} `))
  }
  const { forwards } = JSON.parse((await ok(['net', 'status', '--json'])).stdout) as { forwards: unknown[] }
  assert.deepEqual(forwards, [
    { hostPort: web, guestPort: 80, protocol: 'tcp', address: '127.0.0.1', alive: true },
    { hostPort: shell, guestPort: 23, protocol: 'tcp', address: '127.0.0.1', alive: true },
    { hostPort: udp, guestPort: 5353, protocol: 'udp', address: '127.0.0.1', alive: true },
  ])
  // A port that is taken.
  const taken = await nbsvm(['foo', `forward=${web}:80`, 'start'])
  assert.equal(taken.status, 1)
  assert.match(taken.stderr, new RegExp(`a port of this machine that forward names is taken, .*${web}.*\n.*see who has it: ss`))
  serial.close()
})

setting('run_as', "a user's QEMU runs as the user; root's as nobody, unless root says otherwise", async () => {
  const uid = (words: string[]) =>
    seen(
      ['foo', ...words, 'start', '-S'],
      ({ pid }) => /^Uid:\t(\d+)\t\1\t\1/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1],
    )
  if (isRoot) {
    assert.notEqual(await uid([]), '0')
    assert.equal(await uid(['run_as=root']), '0')
    assert.equal(await uid(['run_as=daemon']), '1')
  } else {
    assert.equal(await uid([]), String(process.getuid?.()))
    const refused = await nbsvm(['foo', 'run_as=root', 'start'])
    assert.match(refused.stderr, /run_as=root: only root can run QEMU as somebody else/)
  }
  const nobody = await nbsvm(['foo', 'run_as=no-such-user', 'start'])
  assert.notEqual(nobody.status, 0)
  assert.match(nobody.stderr, /no-such-user/)
})

setting('log_size', "bounds what is kept of the console's output", async () => {
  // The guest of the last test goes on.
  const serial = await Serial.open(path.join(home.folder, 'state/net/run/console.sock'))
  await serial.command('yes 0123456789012345678901234567890123456789012345678901234567890 | head -c 400000', 60_000)
  serial.close()
  const whole = await ok(['net', 'log'])
  assert.ok(whole.stdout.length > 400_000, `${whole.stdout.length} bytes`)
  const bounded = await ok(['net', 'log_size=64K', 'log'])
  assert.ok(bounded.stdout.length > 60_000 && bounded.stdout.length <= 64 * 1024 + 1, `${bounded.stdout.length} bytes`)
  await ok(['net', 'stop'])
})

setting('timeout', 'how long shutdown waits', async () => {
  await seen(['foo', 'start', '-S'], async () => {})
  await ok(['foo', 'start', '-S'])
  const begin = Date.now()
  const { status, stderr } = await nbsvm(['foo', 'shutdown'], { env: { timeout: '1' } })
  assert.equal(status, 1)
  assert.match(stderr, /still running after 1 seconds/)
  assert.ok(Date.now() - begin >= 1000 && Date.now() - begin < 8000)
  await ok(['foo', 'stop'])
})

setting('args', 'an array in a file, words elsewhere; what stands behind start has the last word', async () => {
  writeFileSync(path.join(config, 'foo.vm'), 'args=(-name "a b" -boot)\nargs+=(menu=on)\n')
  await seen(['foo', 'start', '-S', '-name', 'last'], async ({ argv, qmp }) => {
    assert.ok(has(argv, '-name', 'a b', '-boot', 'menu=on', '-S', '-name', 'last'))
    assert.equal(await nameOf({ qmp }), 'last')
  })
  await seen(['foo', 'start', '-S'], async (vm) => assert.equal(await nameOf(vm), 'a b'))
  const name = (words: string[], env = {}) => seen(['foo', ...words, 'start', '-S'], nameOf, { env })
  assert.equal(await name([], { args: "-name 'from environment'" }), 'from environment')
  assert.equal(await name(['args=-name "the line"'], { args: '-name environment' }), 'the line')
  rmSync(path.join(config, 'foo.vm'))
})

setting('store', 'dir by default, also by name', async () => {
  assert.equal((await ok(['stored', 'store=dir', 'drive_size=1G', 'newimg'])).stdout, `${drives}/nbsvm-stored-0.qcow2\n`)
  const wrong = await nbsvm(['stored', 'store=zfs', 'newimg'])
  assert.equal(wrong.status, 2)
  assert.match(wrong.stderr, /store=zfs: expected dir, lvm, rbd, not "zfs"/)
})

test('class: by the environment, by the line, by the name of the program; its id, file and drives', async () => {
  // The script's own example, whose plain assignments could not be changed at run time: here they can.
  writeFileSync(path.join(config, 'win.class'), 'mem=${mem:-2048}\nnet_if=e1000\ndrive_if=ide\ndrive_size=2G\n')
  const plain = await nbsvm(['pc', 'newimg'], { program: winvm })
  assert.equal(plain.stdout, `${drives}/nbsvm-win-pc-0.qcow2\n`)
  const look = async (vm: Seen) => ({
    mem: await memoryMib(vm),
    net: /model=([^,]+)/.exec(await vm.hmp('info network'))?.[1],
    disk: /dev: (\S+), id "disk0"/.exec(await vm.hmp('info qtree'))?.[1],
  })
  const win = { mem: 2048, net: 'e1000', disk: 'ide-hd' }
  const id = 'win-pc'
  assert.deepEqual(await seen(['pc', 'start', '-S'], look, { program: winvm, id }), win)
  assert.deepEqual(await seen(['pc', 'start', '-S'], look, { env: { class: 'win' }, id }), win)
  assert.deepEqual(await seen(['pc', 'class=win', 'start', '-S'], look, { id }), win)
  const changed = ['pc', 'net_if=rtl8139', 'start', '-S']
  const overridden = await seen(changed, look, { program: winvm, env: { mem: '1024', drive_if: 'scsi' }, id })
  assert.deepEqual(overridden, { mem: 1024, net: 'rtl8139', disk: 'scsi-hd' })
  // The line beats the environment, which beats the program's name; an empty class is none.
  writeFileSync(path.join(config, 'other.class'), 'mem=768\n')
  const memoryOf = async (line: string[], given: Given) => (await seen(line, look, given)).mem
  const mem = (words: string[], given: Given) => memoryOf(['pc', ...words, 'start', '-S'], given)
  assert.equal(await mem([], { program: winvm, env: { class: 'other' }, id: 'other-pc' }), 768)
  assert.equal(await mem(['class=win'], { env: { class: 'other' }, id }), 2048)
  assert.equal(await mem(['class='], { program: winvm, env: { class: 'other' }, id: 'pc' }), 512)
  assert.equal(await mem([], { program: winvm, env: { class: '' }, id }), 2048)
  // As the list calls it, by its id or a pattern, it is the same VM, in its class.
  assert.equal(await memoryOf(['win-pc', 'start', '-S'], { id }), 2048)
  assert.match((await nbsvm(['win-pd', 'start'])).stderr, /there is no VM win-pd; did you mean win-pc\?/)
  assert.match((await ok(['win-p*', 'explain'])).stdout, /^# net_if=e1000 /m)
  const listed = JSON.parse((await ok(['ls', '--json'])).stdout) as Record<string, unknown>[]
  const { pid: _, ...row } = listed.find((one) => one['id'] === id) ?? {}
  assert.deepEqual(row, {
    id,
    class: 'win',
    name: 'pc',
    state: 'stopped',
    forwards: [],
    image: null,
    memBytes: null,
    sinceMs: null,
    savedMs: null,
    drives: ['nbsvm-win-pc-0'],
    template: null,
    forkedFrom: null,
    fault: null,
  })
})

test('the order of the layers: each beats the next, in what explain says and in the QEMU that runs', async () => {
  const layers: { file?: string; words?: string[]; env?: NodeJS.ProcessEnv; mem: number; origin: string }[] = [
    { words: ['mem=600'], mem: 600, origin: 'command line' },
    { env: { mem: '601' }, mem: 601, origin: 'environment' },
    { file: 'deep-vm1.vm', mem: 602, origin: `${config}/deep-vm1.vm:2` },
    { file: 'deep.class', mem: 603, origin: `${config}/deep.class:2` },
    { file: 'default.class', mem: 604, origin: `${config}/default.class:2` },
    { mem: 512, origin: 'default' },
  ]
  for (const { file, mem } of layers) if (file !== undefined) writeFileSync(path.join(config, file), `# by hand\nmem=${mem}\n`)
  // From the top: all layers speak, then one after the other falls silent.
  for (const [at, { mem, origin, file }] of layers.entries()) {
    const speaking = layers.slice(at)
    const words = speaking.flatMap((layer) => layer.words ?? [])
    const env = Object.assign({}, ...speaking.map((layer) => layer.env ?? {})) as NodeJS.ProcessEnv
    const line = ['vm1', 'class=deep', ...words]
    const { stdout } = await nbsvm([...line, 'explain'], { env })
    assert.match(stdout, new RegExp(`^# mem=${mem} +${origin.replaceAll('.', '\\.')}$`, 'm'))
    assert.match(stdout, new RegExp(` -m (?:${mem}M|${mem * 1024 + 8}K) `))
    const running = await seen([...line, 'start', '-S'], memoryMib, { env, id: 'deep-vm1' })
    assert.equal(running, mem, origin)
    if (file !== undefined) rmSync(path.join(config, file))
  }
})

test('what explain prints can be pasted, and is the VM for every other command', async () => {
  const line = ['sized', 'usb=-usb -device usb-kbd', 'explain', '-S', '-name', "it's $HOME"]
  const { stdout } = await ok(line)
  // dash knows no descriptors of two digits.
  const shell = spawn('bash', ['-c', stdout], { env: home.env, stdio: 'ignore' })
  after(() => shell.kill('SIGKILL'))
  // It is there as soon as a process has its lock, and answers a little later.
  await until('the VM', 10_000, async () => !(await nbsvm(['sized', 'status', '--json'])).stdout.includes('"detail": null'))
  const { stdout: pasted } = await nbsvm(['sized', 'monitor'], { input: 'info name\ninfo usb\n' })
  assert.match(pasted, /it's \$HOME/)
  assert.match(pasted, /Product QEMU USB Keyboard/)
  await ok(['sized', 'stop'])
})

test("the script's examples, as its manual has them", async () => {
  // net_if=e1000 drive_if=scsi nbsvm foo start
  await seen(
    ['sized', 'start', '-S'],
    async ({ hmp }) => {
      assert.match(await hmp('info network'), /model=e1000/)
      assert.match(await hmp('info qtree'), /dev: scsi-hd, id "disk0"/)
    },
    { env: { net_if: 'e1000', drive_if: 'scsi' } },
  )
  // nbsvm foo start -cdrom ~/installer.iso -boot d
  const iso = path.join(home.folder, 'installer.iso')
  writeFileSync(iso, Buffer.alloc(mib))
  for (const board of [[], ['machine=pc'], ['drive_if=ide']]) {
    const look = async ({ argv, hmp }: Seen): Promise<void> => {
      assert.ok(has(argv, '-cdrom', iso, '-boot', 'd'))
      assert.match(await hmp('info block'), /installer\.iso \(raw, read-only\)\n {4}Attached to/, board.join(' '))
    }
    await seen(['sized', ...board, 'start', '-S', '-cdrom', iso, '-boot', 'd'], look, { env: trusted })
  }
  // nbsvm foo start -soundhw sb16: an option that QEMU has dropped is refused in QEMU's own words.
  const sound = await nbsvm(['sized', 'start', '-soundhw', 'sb16'])
  assert.equal(sound.status, 1)
  assert.match(sound.stderr, /QEMU refused: .*soundhw/)
  // nbsvm foo newimg start -- monitor
  const chained = await nbsvm(['chained', 'drive_size=1G', 'newimg', 'start', '--', 'monitor'], { input: 'info block\n' })
  assert.equal(chained.status, 0, chained.stderr)
  assert.match(chained.stdout, /drive0: \S+ \(qcow2\)\r?\n {4}Attached to/)
  // nbsvm foo stop start
  const { pid } = JSON.parse((await ok(['chained', 'status', '--json'])).stdout) as { pid: number }
  await ok(['chained', 'stop', 'start', '-S', '--', 'status'])
  assert.notEqual((JSON.parse((await ok(['chained', 'status', '--json'])).stdout) as { pid: number }).pid, pid)
  await ok(['chained', 'stop'])
  // nbsvm foo snapshot, nbsvm foo start: drives of the VM, and never those of foo-1
  await ok(['chained-1', 'drive_size=1G', 'newimg'])
  assert.deepEqual(await seen(['chained', 'gold=sized', 'snapshot', 'start', '-S'], openDrives), [
    'nbsvm-chained-0',
    'nbsvm-chained-1',
  ])
})

test('what QEMU refuses, and what nbsvm does, is told with what came from the environment and what to write instead', async () => {
  const refused = await nbsvm(['foo', 'start'], { env: { machine: 'prod' } })
  assert.equal(refused.status, 1)
  assert.match(
    refused.stderr,
    /QEMU refused: .*unsupported machine type[^]*\n {2}set in the environment: (?:\S+ )*machine=prod\b/,
  )
  const network = await nbsvm(['foo', 'start'], { env: { network: 'prod' } })
  assert.equal(network.status, 2)
  assert.match(network.stderr, /network: .* not "prod", from environment\n[^]*env -u network nbsvm/)
  writeFileSync(path.join(config, 'hands.class'), '\nargs=(-S -daemonize)\n')
  const daemon = await nbsvm(['foo', 'class=hands', 'start'])
  assert.equal(daemon.status, 2)
  assert.match(daemon.stderr, /args: the QEMU option -daemonize cannot be given to a VM, from \S+hands\.class:2\n/)
  for (let at = 0; at < 30; at++) writeFileSync(path.join(drives, `nbsvm-many-${at}.raw`), Buffer.alloc(512))
  const many = await nbsvm(['many', 'start', '-S'])
  assert.match(many.stderr, /no slot\/function available.*\n {2}the board has no room .*: nbsvm many drive_if=scsi start\n/)
  assert.equal(
    (await seen(['many', 'drive_if=scsi', 'start', '-S'], ({ argv }) => argv.filter((word) => word.includes('scsi-hd')))).length,
    30,
  )
  await ok(['many', 'rm', '--yes'])
})

test('the serial port and the monitor cannot be replaced: they are there whatever the settings say', async () => {
  const words = ['drives= ', 'usb= ', 'network= ', 'display=-display none', 'args=-serial null -monitor null']
  await seen(['bare', ...words, 'start', '-S'], async ({ hmp, id }) => {
    const devices = await hmp('info chardev')
    assert.match(devices, /^console: filename=\S*unix:console\.sock/m)
    assert.match((await nbsvm([id, 'monitor'], { input: 'info status\n' })).stdout, /VM status: paused/)
  })
})

test('every setting is tried here, or where the machine for it is', () => {
  // vhost in the golden commands: no device for it was at hand. Images and what a guest is told: test/whole/images-path.test.ts, test/ssh.test.ts; share: test/share.test.ts; identity: test/renew.test.ts. Ceph: test/store-rbd*.test.ts.
  const elsewhere = [
    'image',
    'identity',
    'share',
    'user',
    'ssh_key',
    'password',
    'packages',
    'user_data',
    'vg',
    'pool',
    'ceph_conf',
    'ceph_user',
    'snapshot_size',
    'bridge',
    'vhost',
  ]
  assert.deepEqual(settingNames.filter((name) => !tried.has(name)).toSorted(), elsewhere.toSorted())
  assert.ok(existsSync(guestDisk), 'the guest of scripts/guest')
})
