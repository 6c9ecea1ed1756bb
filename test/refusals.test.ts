// What nbsvm refuses, and what it withstands: wrong words, hostile files, disks that are full, hands that let go. Each time it
// must say what was wrong, and leave behind what was there before.
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { guestKernel, makeHome, program, run, until, type Home, type Result } from './cli.js'
import { smallDisk } from './support/smalldisk.js'

const home = makeHome()
const { nbsvm } = home
const drives = path.join(home.folder, 'drives')
const config = path.join(home.folder, 'config')
fs.mkdirSync(config)
const isRoot = process.getuid?.() === 0

/** All below a folder, as text: kinds, rights, sizes, times and targets. What a VM's lock says of who has it comes and goes. */
function listing(folder: string): string {
  const names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()
  const lines = names.map((name) => {
    const file = path.join(folder, name)
    if (/^state\/[^/]+\/lock$/.test(name)) return name
    const { mode, size, mtimeMs } = fs.lstatSync(file)
    const target = fs.lstatSync(file).isSymbolicLink() ? ` -> ${fs.readlinkSync(file)}` : ''
    return `${name} ${mode.toString(8)} ${size} ${mtimeMs}${target}`
  })
  return lines.join('\n')
}

/** Runs a line that must be refused, and sees that nothing below the home has changed. */
async function refused(words: readonly string[], status: number, message: RegExp, env: NodeJS.ProcessEnv = {}): Promise<Result> {
  const before = listing(home.folder)
  const result = await nbsvm(words, { env })
  const line = words.join(' ')
  assert.match(result.stderr, message, line)
  assert.equal(result.status, status, `${line}: ${result.stderr}`)
  assert.equal(result.stdout, '', line)
  assert.equal(listing(home.folder), before, line)
  return result
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}

/** A process of ours that does nothing, and is ended with the tests. */
function innocent(...command: readonly string[]): ChildProcess {
  const [name = 'sleep', ...args] = command.length > 0 ? command : ['sleep', '600']
  const child = spawn(name, args, { stdio: 'ignore', detached: true })
  after(() => {
    try {
      process.kill(-(child.pid ?? 0), 'SIGKILL')
    } catch {
      // It is gone already.
    }
  })
  return child
}

const isAlive = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode === null && signalCode === null

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe('names', () => {
  const long = 'x'.repeat(65)
  const wrong: readonly (readonly [name: string, quoted: string])[] = [
    ['../x', '"../x" is not a VM name'],
    ['/etc/passwd', '"/etc/passwd" is not a VM name'],
    ['.', '"." is not a VM name'],
    ['..', '".." is not a VM name'],
    ['.host.json', '".host.json" is not a VM name'],
    ['-rf', 'unknown option "-rf"'],
    ['--', 'unknown option "--"'],
    ['a,,b', 'an empty name in "a,,b"'],
    ['a,', 'an empty name in "a,"'],
    ['a,-rf', '"-rf" is not a VM name'],
    ['a,../x', '"../x" is not a VM name'],
    ['a b', '"a b" is not a VM name: it holds " "'],
    ['a\nb', '"a\\nb" is not a VM name: it holds "\\n"'],
    ['a\u001B]0;b\u0007', '"a\\u001b]0;b\\u0007" is not a VM name'],
    ['$(id)', '"$(id)" is not a VM name'],
    ['`id`', '"`id`" is not a VM name'],
    ['a;id', '"a;id" is not a VM name'],
    ['a%d', '"a%d" is not a VM name'],
    ['ümlaut', '"ümlaut" is not a VM name'],
    [long, `"${long}" is not a VM name: it has 65 characters, 64 at most`],
    ['', '"" is not a VM name: it is empty'],
    ['drives', '"drives" is kept for a folder of nbsvm\'s own'],
    ['vms', '"vms" is kept for a folder'],
    ['a,ls', '"ls" is not a VM name: it is a command'],
    ['nosuch*', 'no VM matches "nosuch*"'],
    ['[z-a]', 'no VM matches "[z-a]"'],
    ['foo[', 'no VM matches "foo["'],
  ]
  for (const [name, quoted] of wrong) {
    test(`${JSON.stringify(name)} is refused, by name`, async () => {
      const message = new RegExp(`^nbsvm: .*${escaped(quoted)}`)
      const lines = [['drive_size=1G', 'newimg', 'start'], ['start', '-S'], ['stop'], ['rm', '--yes']]
      await Promise.all(lines.map((line) => refused([name].concat(line), 2, message)))
    })
  }

  test("a command's name takes a command's words", async () => {
    await refused(['ls', 'start'], 2, /unexpected argument "start" after nbsvm ls/)
    await refused(['version', 'newimg'], 2, /unexpected argument "newimg" after nbsvm version/)
  })

  test('the same for classes, from each place that names one, and for what is copied', async () => {
    for (const name of ['../x', '-rf', 'a b', '$(id)', 'x'.repeat(65)]) {
      const message = new RegExp(`${escaped(JSON.stringify(name))} is not a class name`)
      await refused(['foo', `class=${name}`, 'newimg'], 2, message)
      await refused(['foo', 'newimg'], 2, message, { class: name })
    }
    const link = path.join(os.tmpdir(), `nbsvm ${process.pid} vm`)
    fs.symlinkSync(program, link)
    after(() => fs.rmSync(link))
    const called = await nbsvm(['foo', 'newimg'], { program: link })
    assert.equal(called.status, 2)
    assert.match(called.stderr, /"nbsvm \d+ " is not a class name: it holds " "/)
    await refused(['foo', 'gold=../../etc/passwd', 'clone'], 2, /"..\/..\/etc\/passwd" is not a VM name/)
    await refused(['foo', 'snapshot_lv=../x', 'snapshot'], 2, /"..\/x" is not a name in the store/)
    await refused(['foo', 'source=relative.img', 'snapshot'], 2, /source=relative.img: expected an absolute path/)
  })
})

describe('settings files', () => {
  const file = path.join(config, 'foo.vm')
  /** What stands in the file, where the fault is, and what the user is told to write. */
  const wrong: readonly (readonly [text: string, place: string, why: RegExp, instead: RegExp])[] = [
    ['mem=$(touch PWNED)\n', ':1:5', /command substitution.*\$\(touch PWNED\)/, /write the value itself.*mem=VALUE nbsvm/],
    ['\nmem=`touch PWNED`\n', ':2:5', /backticks/, /write the value itself/],
    ['touch PWNED\n', ':1:1', /a command; .* read, never run: touch PWNED/, /write name=value/],
    ['mem=5 touch PWNED\n', ':1:7', /a word after a value/, /write mem='5 touch PWNED'/],
    ['mem=5;touch PWNED\n', ':1:7', /a command/, /write name=value/],
    ['args=(a <(touch PWNED))\n', ':1:9', /<\(/, /./],
    ['if true; then mem=5; fi\n', ':1:1', /only assignments are read/, /name=\$\{name:-word\}/],
    ['# fine\n  meem=5\n', ':2:3', /there is no setting meem/, /did you mean mem\?/],
    ['PATH=/x\n', ':1:1', /there is no setting PATH/, /nbsvm help settings/],
    ['mem=512\nargs=("a b\n', ':2:7', /" is never closed/, /close it with "/],
    ["mem='5\n", ':1:5', /' is never closed/, /close it with '/],
    ['mem=5\0\n', ':1:6', /a NUL byte/, /remove it/],
    ['mem=5\r\n', ':1:6', /CR LF/, /sed -i/],
    ['mem=\u001B[31m5\n', ':1:5', /control character \(U\+001B\)/, /remove it/],
    ['mem = 5\n', ':1:1', /blanks around =/, /write mem=5/],
    ['. /no/such/file\n', ':1:1', /there is no file \/no\/such\/file/, /relative name/],
    ['. foo.vm\n', ':1:1', /include itself forever/, /remove this line/],
    ['class=win\n', ':1:1', /class is given by nbsvm/, /use it: \$class/],
    ['mem=lots\n', ':1', /"lots" is not a size/, /512M, 20G/],
    ['drive_if=virtoi\n', ':1', /expected virtio, scsi, /, /./],
  ]
  for (const [text, place, why, instead] of wrong) {
    test(`${JSON.stringify(text)}: refused with its place, and with what to write`, async () => {
      fs.writeFileSync(file, text)
      const { stderr } = await refused(['foo', 'newimg', 'start'], 2, why)
      assert.match(stderr, new RegExp(`${escaped(file + place)}(:|$| )`, 'm'))
      assert.match(stderr, instead)
      assert.ok(!stderr.includes('\u001B') && !stderr.includes('\0'), 'no control character reaches the terminal')
      assert.equal(fs.existsSync('PWNED'), false)
    })
  }

  test('in a class file too; another VM, outside of the class, is not kept from anything', async () => {
    fs.rmSync(file, { force: true })
    fs.writeFileSync(path.join(config, 'bad.class'), 'mem=$(id)\n')
    await refused(['foo', 'class=bad', 'newimg'], 2, /bad\.class:1:5/)
    assert.equal((await nbsvm(['foo', 'explain'])).status, 0)
    fs.rmSync(path.join(config, 'bad.class'))
  })

  test('what is not a regular file is not read: a pipe, an endless device, a folder, a link to nowhere', async () => {
    execFileSync('mkfifo', [file])
    await refused(['foo', 'newimg'], 2, /cannot read the settings file .*foo\.vm: it is not a regular file/)
    fs.rmSync(file)
    fs.symlinkSync('/dev/zero', file)
    await refused(['foo', 'newimg'], 2, /cannot read the settings file .*foo\.vm: it is not a regular file/)
    fs.rmSync(file)
    fs.mkdirSync(file)
    await refused(['foo', 'newimg'], 2, /cannot read the settings file .*foo\.vm: it is not a regular file/)
    fs.rmdirSync(file)
    fs.writeFileSync(file, `# ${'x'.repeat(2_000_000)}\n`)
    await refused(['foo', 'newimg'], 2, /foo\.vm: it is larger than 1024K/)
    fs.rmSync(file)
  })
})

describe('the line', () => {
  test('is checked whole before its first action: a mistake at its end costs nothing, and finds its word', async () => {
    await refused(['foo', 'newimg', 'strat'], 2, /unknown action "strat"; did you mean start\?/)
    await refused(['foo', 'newimg', 'start', '-S', '--', 'consoel'], 2, /unknown action "consoel"; did you mean console\?/)
    await refused(['foo', 'meem=4', 'newimg'], 2, /unknown setting "meem"; did you mean mem\?/)
    await refused(['foo', 'newimg', 'mem=4'], 2, /settings come before the first action/)
    await refused(['foo', 'newimg', 'status', '--jsn'], 2, /unknown option --jsn of status; did you mean --json\?/)
    await refused(['foo', 'newimg', 'resize'], 2, /resize needs SIZE/)
    await refused(['foo', 'newimg', 'ls'], 2, /ls is a command, without a VM/)
    await refused(['start', 'foo'], 2, /the VM's name comes first, not "start"\n {2}try: nbsvm foo start/)
    await refused(['mem=5', 'foo', 'start'], 2, /the VM's name comes first/)
    await refused(['hepl'], 2, /did you mean help\?/)
    await refused(['foo', 'stop'], 2, /there is no VM foo\n {2}make it: nbsvm foo newimg/)
    // A command is called so too, and is not what was meant.
    await refused(['web', 'status'], 2, /there is no VM web\n {2}make it: nbsvm web newimg/)
    await refused(['foo', 'class=win', 'stop'], 2, /there is no VM win-foo\n {2}make it: nbsvm foo class=win newimg/)
    await refused(['foo,bar', 'newimg', 'console'], 2, /console takes over the terminal, so it is for one VM at a time/)
    for (const [setting, why] of Object.entries({
      'mem=0': '"0" is not a size',
      'smp=-1': 'a whole number',
      'vnc_port=99999': 'a TCP port',
    })) {
      await refused(['foo', setting, 'newimg', 'start'], 2, new RegExp(`${setting}: .*${why}`))
    }
    await refused(['foo', 'newimg'], 2, /mem: .*"x" is not a size.*, from environment/, { mem: 'x' })
  })

  test('a VM that is nearly the one that was meant is named; nothing is removed without a yes', async () => {
    assert.equal((await nbsvm(['web1', 'drive_size=1G', 'newimg', 'newimg'])).status, 0)
    await refused(['web', 'start'], 2, /there is no VM web; did you mean web1\?/)
    assert.equal((await nbsvm(['web1', 'rm'])).status, 2)
    assert.equal((await nbsvm(['web1', 'rm-drive', '0'])).status, 2)
    await refused(['web1', 'rm-drive', '7', '--yes'], 2, /web1 has no drive "7"; it has nbsvm-web1-0, nbsvm-web1-1/)
    await refused(['web1', 'rm-drive', '../../x', '--yes'], 2, /"..\/..\/x" is not the number of a drive/)
    assert.deepEqual(
      fs.readdirSync(drives).filter((name) => name.includes('web1')),
      ['nbsvm-web1-0.qcow2', 'nbsvm-web1-1.qcow2'],
    )
  })

  test('2 means that nothing was done: what is wrong after an action that was done is 1', async () => {
    const { status, stderr } = await nbsvm(['late', 'drive_size=1G', 'newimg', 'resize', '1M'])
    assert.match(stderr, /1M would cut off its end/)
    assert.equal(status, 1)
    assert.equal((await nbsvm(['late', 'resize', '1M'])).status, 2)
    const unread = await nbsvm(['later', 'drive_size=1G', 'newimg', 'resize', '10X'])
    assert.match(unread.stderr, /"10X" is not a size/)
    assert.equal(unread.status, 2)
    assert.equal((await nbsvm(['later'])).status, 2, 'there is no such VM')
  })
})

describe('a drawer that somebody wrote into', () => {
  const drawer = path.join(home.folder, 'state/foo')
  const fresh = (): void => {
    fs.rmSync(drawer, { recursive: true, force: true })
    fs.mkdirSync(drawer, { recursive: true, mode: 0o700 })
  }
  const put = (name: string, text: string): void => fs.writeFileSync(path.join(drawer, name), text)

  test('a pidfile that names an innocent process: it is neither shown, nor signalled', async () => {
    assert.equal((await nbsvm(['foo', 'drive_size=1G', 'newimg'])).status, 0)
    const sleeper = innocent()
    for (const text of [`${sleeper.pid}\n`, `-${sleeper.pid}\n`, '-1\n', '0\n', '1\n', `${process.pid}`]) {
      fresh()
      put('pid', text)
      put('lock', '')
      const { stdout } = await nbsvm(['ls', '--json'])
      assert.deepEqual((JSON.parse(stdout) as { id: string; pid: unknown }[]).find(({ id }) => id === 'foo')?.pid, null)
      assert.equal((await nbsvm(['foo'])).status, 3)
      const { status, stderr } = await nbsvm(['foo', 'stop'])
      assert.equal(status, 0)
      assert.match(stderr, /foo was not running/)
      assert.equal(isAlive(sleeper), true)
    }
    assert.equal((await nbsvm(['foo', 'start', '-S', '--', 'stop'])).status, 0)
    assert.equal(isAlive(sleeper), true)
  })

  test('a pidfile that names an innocent process which even holds the lock: stop says so, and lets it live', async () => {
    fresh()
    put('lock', '')
    const holder = innocent('flock', '-F', path.join(drawer, 'lock'), 'sleep', '600')
    put('pid', `${holder.pid}\n`)
    await until('the lock', 5000, async () => (await nbsvm(['foo', 'start'])).stderr.includes('runs already'))
    const { status, stderr } = await nbsvm(['foo', 'stop'])
    assert.equal(status, 1)
    assert.match(
      stderr,
      /cannot stop foo: its lock is held by pid \d+ \(.*\), which is no QEMU of its own\n {2}see who: fuser -v /,
    )
    assert.equal(isAlive(holder), true)
    // Without the pidfile it is just busy.
    fs.rmSync(path.join(drawer, 'pid'))
    const removing = await nbsvm(['foo', 'rm', '--yes'])
    assert.equal(removing.status, 1)
    assert.match(removing.stderr, /cannot remove foo: foo is busy/)
    assert.match((await nbsvm(['foo', 'start'])).stderr, /cannot start foo: it is starting already, or/)
    holder.kill('SIGKILL')
  })

  test('a lock that nobody holds is no lock, and junk in any file is no more than junk', async () => {
    fresh()
    put('lock', '4711\n')
    for (const name of ['pid', 'events.jsonl', 'class', 'command', 'console.log', 'qemu.log', 'monitor.sock.lock', 'taps']) {
      put(name, '\0\xFF{"event":[\n\u001B[31m../../x\n-1')
    }
    fs.mkdirSync(path.join(drawer, 'run'))
    for (const name of ['qmp.sock', 'monitor.sock', 'console.sock', 'vnc.sock']) put(`run/${name}`, 'no socket')
    assert.equal((await nbsvm(['ls', '--json'])).status, 0)
    assert.equal((await nbsvm(['foo', 'status', '--json'])).status, 3)
    assert.equal((await nbsvm(['foo', 'log'])).status, 0)
    assert.equal((await nbsvm(['foo', 'stop'])).status, 0)
    const started = await nbsvm(['foo', 'start', '-S'])
    assert.equal(started.status, 0, started.stderr)
    assert.match((await nbsvm(['foo', 'monitor'], { input: 'info status\n' })).stdout, /VM status: paused/)
    assert.equal((await nbsvm(['foo', 'stop'])).status, 0)
  })

  test('symbolic links in place of its files lead nowhere: what they point to stays as it is', async () => {
    const victim = path.join(home.folder, 'victim')
    const nothing = path.join(home.folder, 'nothing')
    const files = ['lock', 'pid', 'events.jsonl', 'qemu.log', 'command', 'class', 'console.log', 'taps', 'monitor.sock.lock']
    const sockets = ['run/qmp.sock', 'run/monitor.sock', 'run/console.sock', 'run/vnc.sock']
    const cases = [...files, ...sockets].map((name) => ({ name, target: victim }))
    for (const { name, target } of cases.concat(files.map((name) => ({ name, target: nothing })))) {
      fresh()
      fs.writeFileSync(victim, 'precious\n')
      fs.mkdirSync(path.join(drawer, 'run'))
      fs.symlinkSync(target, path.join(drawer, name))
      const started = await nbsvm(['foo', 'start', '-S'])
      // Refused, with the file's name, or done in its place.
      if (started.status !== 0) assert.match(started.stderr, new RegExp(`foo.*${escaped(name)}`, 's'))
      else if (name === 'monitor.sock.lock') await nbsvm(['foo', 'monitor'], { input: 'info status\n' })
      await nbsvm(['foo', 'stop'])
      assert.equal(fs.readFileSync(victim, 'utf8'), 'precious\n', name)
      assert.equal(fs.existsSync(nothing), false, name)
    }
    fs.rmSync(victim)
  })

  test('folders in place of its files: start says which, and nothing is left running', async () => {
    for (const name of ['lock', 'pid', 'events.jsonl', 'qemu.log', 'command', 'console.log']) {
      fresh()
      fs.mkdirSync(path.join(drawer, name))
      const { status, stderr } = await nbsvm(['foo', 'start', '-S'])
      assert.equal(status, 1, name)
      assert.match(stderr, new RegExp(`^nbsvm: (start of foo failed|cannot start foo): .*${escaped(name)}`), name)
      assert.equal(qemusIn(home.folder), 0, name)
    }
    fresh()
  })
})

/** How many QEMUs have their working directory below a folder. */
function qemusIn(folder: string): number {
  const pids = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.filter((pid) => {
    try {
      return (
        fs.readlinkSync(`/proc/${pid}/cwd`).startsWith(folder) &&
        fs.readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('qemu-system')
      )
    } catch {
      return false
    }
  }).length
}

describe('a drive that another process has open', () => {
  test('it is said which process; nothing is started, copied or changed', async () => {
    assert.equal((await nbsvm(['used', 'drive_size=1G', 'newimg'])).status, 0)
    const file = path.join(drives, 'nbsvm-used-0.qcow2')
    const holder = spawn('qemu-io', ['-f', 'qcow2', file], { stdio: ['pipe', 'pipe', 'inherit'] })
    after(() => holder.kill('SIGKILL'))
    await new Promise((resolve) => holder.stdout.once('data', resolve))
    const started = await nbsvm(['used', 'start', '-S'])
    assert.equal(started.status, 1)
    assert.match(
      started.stderr,
      new RegExp(`^nbsvm: cannot start used: drive nbsvm-used-0 is in use by pid ${holder.pid} \\(qemu-io\\)\n`),
    )
    for (const line of [
      ['copy', 'gold=used', 'clone'],
      ['copy', 'gold=used', 'snapshot'],
      ['used', 'resize', '2G'],
    ]) {
      const { status, stderr } = await nbsvm(line)
      assert.equal(status, 1, line.join(' '))
      assert.match(stderr, /nbsvm-used-0.*lock/s)
    }
    assert.deepEqual(unfinished(drives), [])
    assert.equal(fs.existsSync(path.join(drives, 'nbsvm-copy-0.qcow2')), false)
    holder.stdin.end('quit\n')
    await new Promise((resolve) => holder.once('exit', resolve))
    assert.equal((await nbsvm(['used', 'start', '-S', '--', 'stop'])).status, 0)
  })

  test('by a QEMU that nbsvm did not start, and by a VM of another home', async () => {
    const file = path.join(drives, 'nbsvm-used-0.qcow2')
    const foreign = innocent('qemu-system-x86_64', '-S', '-display', 'none', '-drive', `file=${file},format=qcow2`)
    await until('the lock', 10_000, async () => {
      const { stderr } = await nbsvm(['used', 'start', '-S', '--', 'stop'])
      return stderr.includes(`in use by pid ${foreign.pid} (qemu-system-x86)`)
    })
    foreign.kill('SIGKILL')
  })
})

/** The drives of a folder, without the locks and the folder that are always there. */
function visible(folder: string): string[] {
  return fs.readdirSync(folder).filter((name) => !name.startsWith('.'))
}

/** What should not be there when nobody works. */
function unfinished(folder: string): string[] {
  return fs.existsSync(folder)
    ? fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.tmp/.test(name))
    : []
}

describe('a home that cannot be written', () => {
  // As root everything can be written, so the program is run as nobody, from a copy that everybody can read.
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-refusals-'))
  after(() => fs.rmSync(folder, { recursive: true, force: true }))
  fs.chmodSync(folder, 0o755)
  fs.cpSync(path.dirname(program), path.join(folder, 'dist'), { recursive: true })
  const copy = path.join(folder, 'dist/nbsvm.cjs')
  const locked = path.join(folder, 'locked')
  fs.mkdirSync(locked, { mode: 0o555 })
  const disk = path.join(folder, 'disk.raw')
  fs.writeFileSync(disk, Buffer.alloc(1024 * 1024, 0xff))

  function asUser(words: readonly string[], env: NodeJS.ProcessEnv): Promise<Result> {
    const base = { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8', accel: 'tcg', ...env }
    if (!isRoot) return run(copy, words, base)
    return run('setpriv', ['--reuid', '65534', '--regid', '65534', '--clear-groups', '--', copy, ...words], base)
  }

  test('read-only: what looks works, what writes says where it may not, and who may', async () => {
    const env = { HOME: locked, NBSVM_HOME: locked }
    assert.match((await asUser([], env)).stdout, /no VMs yet/)
    assert.equal((await asUser(['foo', 'explain'], env)).status, 0)
    for (const line of [['newimg'], ['start', '-S'], [`source=${disk}`, 'clone']]) {
      const { status, stderr } = await asUser(['foo', ...line], env)
      assert.equal(status, 1, stderr)
      assert.match(stderr, new RegExp(`^nbsvm: \\w+ of foo failed: EACCES: permission denied, mkdir '${locked}/`, 'm'))
      assert.match(stderr, /\n {2}see who may write there: ls -ld .*NBSVM_HOME=DIR/)
    }
    assert.deepEqual(fs.readdirSync(locked), [])
  })

  test('HOME is missing, unset or relative: the same', async () => {
    for (const env of [{}, { HOME: '' }, { HOME: '/nonexistent' }, { HOME: `${locked}/none` }]) {
      if (!isRoot && env.HOME === undefined) continue // a user's own home would be found, and written
      if (!isRoot && env.HOME === '') continue
      assert.equal((await asUser(['ls'], env)).status, 0)
      const { status, stderr } = await asUser(['foo', 'newimg'], env)
      assert.equal(status, 1)
      assert.match(stderr, /newimg of foo failed: E\w+: .*mkdir '\//)
    }
  })

  test('a home that is not there yet is made, for its owner alone; looking does not make it', async () => {
    const missing = path.join(home.folder, 'deep/down/here')
    const env = { NBSVM_HOME: missing }
    assert.equal((await nbsvm(['ls'], { env })).status, 0)
    assert.equal((await nbsvm(['foo'], { env })).status, 2)
    assert.equal(fs.existsSync(path.join(home.folder, 'deep')), false)
    assert.equal((await nbsvm(['foo', 'drive_size=1G', 'newimg'], { env })).status, 0)
    assert.equal(fs.statSync(path.join(missing, 'drives')).mode & 0o777, 0o700)
  })

  test('a home that is a file', async () => {
    const file = path.join(folder, 'file')
    fs.writeFileSync(file, 'mine\n')
    const { status, stderr } = await nbsvm(['foo', 'newimg'], { env: { NBSVM_HOME: file } })
    assert.equal(status, 1)
    assert.match(stderr, /newimg of foo failed: ENOTDIR: not a directory, mkdir/)
    assert.equal(fs.readFileSync(file, 'utf8'), 'mine\n')
  })

  test('programs that are missing are named', async () => {
    const node = process.execPath
    const env = { NBSVM_HOME: home.folder, HOME: home.folder, PATH: folder }
    const { status, stderr } = await run(node, [program, 'foo', 'newimg'], env)
    assert.equal(status, 1)
    assert.match(stderr, /cannot run \S+: it is not installed/)
  })
})

describe('a disk that is full', () => {
  const { folder: full, skip } = smallDisk()
  const env = { NBSVM_HOME: full }
  const fill = (): void => {
    spawnSync('dd', ['if=/dev/zero', `of=${full}/filler`, 'bs=1k'])
  }

  test('newimg, clone and snapshot say so, and nothing half-made stays', { skip }, async () => {
    assert.equal((await nbsvm(['foo', 'newimg'], { env })).status, 0)
    fill()
    const full1 = await nbsvm(['foo', 'newimg'], { env })
    assert.equal(full1.status, 1)
    assert.match(full1.stderr, /cannot make a drive of foo: .*No space left on device/)
    fs.rmSync(path.join(full, 'filler'))
    const raw = path.join(home.folder, 'random.raw')
    const vdi = path.join(home.folder, 'random.vdi')
    execFileSync('dd', ['if=/dev/urandom', `of=${raw}`, 'bs=1M', 'count=8', 'status=none'])
    execFileSync('qemu-img', ['convert', '-O', 'vdi', raw, vdi])
    const lines = [
      [`source=${raw}`, 'clone'],
      [`source=${raw}`, 'snapshot'],
      ['bs=1M', `source=${raw}`, 'clone'],
      [`source=${vdi}`, 'clone'],
      [`source=${vdi}`, 'snapshot'],
    ]
    for (const line of lines) {
      const { status, stderr, stdout } = await nbsvm(['bar', ...line], { env })
      assert.equal(status, 1, line.join(' '))
      assert.match(stderr, /No space left on device/, line.join(' '))
      assert.equal(stdout, '')
    }
    assert.deepEqual(visible(path.join(full, 'drives')), ['nbsvm-foo-0.qcow2'])
  })

  test('start says so, leaves nothing running, and works when there is room again', { skip }, async () => {
    fill()
    const { status, stderr } = await nbsvm(['foo', 'start', '-S'], { env })
    assert.equal(status, 1)
    assert.match(stderr, /^nbsvm: (start of foo failed|cannot start foo): .*(ENOSPC|No space left)/)
    assert.equal(qemusIn(full), 0)
    assert.deepEqual(unfinished(full), [])
    assert.equal((await nbsvm(['foo'], { env })).status, 3)
    assert.equal((await nbsvm(['foo', 'stop'], { env })).status, 0)
    assert.equal((await nbsvm(['ls'], { env })).status, 0)
    fs.rmSync(path.join(full, 'filler'))
    assert.equal((await nbsvm(['foo', 'start', '-S'], { env })).status, 0)
    // A running VM is reached and stopped also when nothing can be written down about it: not a byte is left in any file.
    const events = path.join(full, 'state/foo/journal.jsonl')
    fs.appendFileSync(events, '\n'.repeat(4096 - (fs.statSync(events).size % 4096)))
    fill()
    assert.throws(() => fs.appendFileSync(events, 'x'), /ENOSPC/)
    assert.match((await nbsvm(['foo', 'monitor'], { env, input: 'info status\n' })).stdout, /VM status: paused/)
    assert.equal((await nbsvm(['foo'], { env })).status, 0)
    const stopped = await nbsvm(['foo', 'stop'], { env })
    assert.equal(stopped.status, 0, stopped.stderr)
    assert.equal(qemusIn(full), 0)
  })
})

test('a home with a long name, blanks, commas, quotes, other letters: all of it works', { timeout: 120_000 }, async () => {
  const folder = path.join(home.folder, `${'far, far '.repeat(12)}"it's" $HOME; ümläut=日本 %d {}[]*`)
  assert.ok(folder.length > 107)
  fs.mkdirSync(folder)
  const odd: Home['nbsvm'] = (args, options = {}) => nbsvm(args, { ...options, env: { NBSVM_HOME: folder } })
  after(() => odd(['foo', 'stop']))
  const done = async (line: readonly string[], input?: string): Promise<Result> => {
    const result = await odd(line, input === undefined ? {} : { input })
    assert.equal(result.status, 0, result.stderr)
    return result
  }
  assert.equal((await done(['foo', 'drive_size=1G', 'newimg'])).stdout, `${folder}/drives/nbsvm-foo-0.qcow2\n`)
  await done(['foo', 'start', ...guestKernel])
  await until('the prompt', 60_000, async () => (await odd(['foo', 'log'])).stdout.includes('guest# '))
  assert.match((await done(['foo', 'console'], 'echo answer-$((6*7)) /dev/vd*\n')).stdout, /answer-42 \/dev\/vda/)
  assert.match((await done(['foo', 'monitor'], 'info status\n')).stdout, /VM status: running/)
  // A snapshot of the running VM, a full copy, a bigger drive: names are never read as anything but names.
  await done(['bar', 'gold=foo', 'snapshot'])
  await done(['baz', 'gold=foo', 'clone'])
  await done(['foo', 'resize', '2G'])
  await done(['bar', `source=${folder}/drives/nbsvm-foo-0.qcow2`, 'snapshot', 'start', '-S', '--', 'stop'])
  assert.match((await done(['foo', 'shutdown'])).stderr, /the guest shut down/)
  // The page of explain, pasted into a shell.
  const paste = spawn('sh', ['-c', (await done(['foo', 'explain', '-S'])).stdout], { env: home.env, stdio: 'ignore' })
  await until('the pasted VM', 10_000, async () => (await odd(['foo'])).status === 0)
  await done(['foo', 'stop'])
  if (isAlive(paste)) await new Promise((resolve) => paste.once('exit', resolve))
  await done(['foo,bar,baz', 'rm', '--yes'])
  assert.deepEqual(visible(path.join(folder, 'drives')), [])
})

test('a mistake in a settings file keeps nobody from ending a VM that runs', async () => {
  const config = path.join(home.folder, 'config')
  fs.mkdirSync(config, { recursive: true })
  assert.equal((await nbsvm(['wrong', 'drive_size=1M', 'newimg', 'start', '-S'])).status, 0)
  const file = path.join(config, 'wrong.vm')
  fs.writeFileSync(file, 'mem=abc\n')
  try {
    for (const [words, status] of [
      [['wrong', 'status', '--json'], 0],
      [['wrong', 'log'], 0],
      [['wrong', 'mem=x', 'stop'], 2],
      [['wrong', 'stop', 'start'], 2],
      [['wrong', 'stop'], 0],
      [['wrong', 'rm', '--yes'], 2],
    ] as const) {
      const result = await nbsvm(words)
      assert.equal(result.status, status, `${words.join(' ')}: ${result.stderr}`)
      assert.match(result.stderr, words[1] === 'mem=x' ? /mem=x: "x" is not a size/ : /mem: "abc" is not a size.*wrong\.vm:1/)
    }
  } finally {
    fs.rmSync(file)
    await nbsvm(['wrong', 'stop', 'rm', '--yes'])
  }
})

test('status of several VMs is JSON too', async () => {
  await nbsvm(['j1,j2', 'drive_size=1M', 'newimg'])
  const { stdout } = await nbsvm(['j1,j2', 'status', '--json'])
  assert.deepEqual(
    (JSON.parse(`[${stdout.replaceAll(/^\}$\s*^\{$/gm, '},{')}]`) as { id: string }[]).map(({ id }) => id).toSorted(),
    ['j1', 'j2'],
  )
  await nbsvm(['j1,j2', 'rm', '--yes'])
})

describe('output that nobody takes', () => {
  const sh = (script: string): Promise<Result> => run('bash', ['-c', script], { ...home.env, N: program })

  test('a reader that leaves early ends it quietly', async () => {
    for (const line of ['help', 'man', 'completion bash', 'ls --json']) {
      const { stdout, stderr } = await sh(`"$N" ${line} | head -n 1; echo \${PIPESTATUS[0]}`)
      assert.match(stdout, /\n(0|141)\n$/, line)
      assert.equal(stderr, '', line)
    }
    const gone = await sh(`"$N" man | true; echo \${PIPESTATUS[0]}`)
    assert.match(gone.stdout, /^(0|141)\n$/)
    assert.equal(gone.stderr, '')
  })

  test('a full device is a failure; a closed one is not; where stderr is full the work goes on', async () => {
    const toFull = await sh('"$N" help >/dev/full')
    assert.equal(toFull.status, 1)
    assert.match(toFull.stderr, /^nbsvm: cannot write to stdout: ENOSPC/)
    assert.equal((await sh('"$N" ls >&-')).status, 0)
    assert.equal((await sh('"$N" foo strat 2>/dev/full')).status, 2)
    assert.equal((await sh('"$N" foo strat 2>&-')).status, 2)
    assert.equal((await sh('"$N" full drive_size=1G newimg start -S 2>/dev/full')).status, 0)
    assert.equal((await nbsvm(['full'])).status, 0)
    assert.equal((await sh('"$N" full stop <&- >&- 2>&-')).status, 0)
    assert.equal((await nbsvm(['full'])).status, 3)
  })
})

describe('Ctrl-C', () => {
  /** Starts nbsvm in a group of its own, which gets the signal as a whole, as from a terminal. */
  function begin(words: readonly string[]) {
    const child = spawn(program, words, { env: home.env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    const ended = new Promise<{ status: number | null; stderr: string }>((resolve) =>
      child.on('close', (status) => resolve({ status, stderr })),
    )
    return { interrupt: (signal: NodeJS.Signals) => process.kill(-(child.pid ?? 0), signal), ended }
  }

  const raw = path.join(home.folder, 'large.raw')
  const vdi = path.join(home.folder, 'large.vdi')

  test('during clone and snapshot: 130, no trace, and the same line works afterwards', async () => {
    // What is all text is no disk.
    execFileSync('sh', ['-c', `{ printf '\\377\\0'; yes 'what a guest wrote'; } | head -c 400M >'${raw}'`])
    execFileSync('qemu-img', ['convert', '-O', 'vdi', raw, vdi])
    const before = fs.readdirSync(drives).toSorted()
    // dd waits for the disk after each block, and a vdi image cannot be copied by reference: both take their time.
    const slow = ['bs=4K', 'ddargs=oflag=dsync', `source=${raw}`, 'clone']
    for (const line of [slow, [`source=${vdi}`, 'clone'], [`source=${vdi}`, 'snapshot']]) {
      for (const [signal, status] of [
        ['SIGINT', 130],
        ['SIGTERM', 143],
      ] as const) {
        const { interrupt, ended } = begin(['broken', ...line])
        await until('the copy to begin', 10_000, () => copied() > 0)
        interrupt(signal)
        const result = await ended
        assert.equal(result.status, status, `${line.join(' ')}: ${result.stderr}`)
        assert.match(result.stderr, /nbsvm: interrupted\n$/)
        assert.deepEqual(fs.readdirSync(drives).toSorted(), before, line.join(' '))
        // One that was in the midst of a write dies when the disk has answered.
        await until('the end of the copy', 5000, () => processesOn(raw, vdi).length === 0)
      }
    }
    assert.equal((await nbsvm(['broken', `source=${vdi}`, 'clone'])).status, 0)
    execFileSync('qemu-img', ['compare', '-f', 'raw', '-F', 'qcow2', raw, path.join(drives, 'nbsvm-broken-0.qcow2')])
  })

  /** Bytes of unfinished copies. */
  function copied(): number {
    const sizes = unfinished(drives)
      .filter((name) => !name.endsWith('.lock'))
      .map((name) => {
        return fs.statSync(path.join(drives, name), { throwIfNoEntry: false })?.size ?? 0
      })
    return sizes.reduce((sum, size) => sum + size, 0)
  }

  function processesOn(...files: readonly string[]): string[] {
    const lines = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).split('\n')
    return lines.filter((line) => files.some((file) => line.includes(file)))
  }

  test("during shutdown's wait: 130, the VM goes on, and what to type is said; the rest of the line is not done", async () => {
    assert.equal((await nbsvm(['full', 'start'])).status, 0)
    const { interrupt, ended } = begin(['full', 'shutdown', 'stop'])
    await pause(1000)
    interrupt('SIGINT')
    const { status, stderr } = await ended
    assert.equal(status, 130)
    assert.match(stderr, /full is still running and you stopped waiting: .*\n {2}end it now: nbsvm full stop/)
    assert.equal((await nbsvm(['full'])).status, 0)
  })

  test('during ls --watch and vnc, which are ended that way', async () => {
    for (const [line, wanted] of [
      [['ls', '--watch'], 0],
      [['full', 'viewer= ', 'vnc'], 130],
    ] as const) {
      const { interrupt, ended } = begin(line)
      await pause(1000)
      interrupt('SIGINT')
      const { status, stderr } = await ended
      assert.ok(status === wanted || status === 0, `${line.join(' ')}: ${status} ${stderr}`)
    }
    assert.equal((await nbsvm(['full', 'stop'])).status, 0)
  })
})
