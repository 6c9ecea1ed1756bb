// Root's VMs are strangers to each other, and to root's own files: somebody with all rights of one VM's QEMU, in its folder,
// tries to reach the others. What is refused here is what SPECIFICATION.md promises.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { emptyFolder } from '../src/sys/removal.js'
import { makeHome, program, until } from './cli.js'

const intruder = path.resolve('build/js/test/fixture/intruder.js')
const isRoot = process.getuid?.() === 0

describe("root's VMs", { skip: isRoot ? false : 'needs root' }, () => {
  const home = makeHome()
  const { nbsvm } = home
  const state = path.join(home.folder, 'state')
  const secret = path.join(home.folder, 'secret')
  const run = path.join(state, 'foo/run')
  // Node.js and the intruder, where any user may read them: this checkout may be in root's own folder.
  const open = fs.mkdtempSync('/var/tmp/nbsvm-strangers-')
  let uid = 0
  let bar = { pid: 0, drive: '' }

  const ok = async (...words: string[]) => {
    const result = await nbsvm(words)
    assert.equal(result.status, 0, `${words.join(' ')}: ${result.stderr}`)
    return result
  }
  const statusOf = async (id: string) =>
    JSON.parse((await nbsvm([id, 'status', '--json'])).stdout) as { state: string; pid: number; drives: { path: string }[] }
  const pidOf = (id: string): number => Number(fs.readFileSync(path.join(state, id, 'pid'), 'utf8'))
  const asFoo = (words: readonly string[]): [string, string[]] => [
    'setpriv',
    [
      '--reuid',
      String(uid),
      '--regid',
      String(uid),
      '--clear-groups',
      '--inh-caps',
      '-all',
      '--bounding-set',
      '-all',
      '--no-new-privs',
      '--',
      ...words,
    ],
  ]
  /** What came of each attempt: the system's error, or what it got. */
  const attempt = (...attempts: (readonly string[])[]): { attempt: string[]; refused?: string; came?: string }[] => {
    const [command, words] = asFoo([path.join(open, 'node'), path.join(open, 'intruder.mjs'), JSON.stringify(attempts)])
    const { stdout, stderr } = spawnSync(command, words, { cwd: run, encoding: 'utf8' })
    const lines = stdout.trim().split('\n')
    assert.equal(lines.length, attempts.length, stderr)
    return lines.map((line) => JSON.parse(line) as { attempt: string[] })
  }
  const refused = (...attempts: (readonly string[])[]): void => {
    for (const result of attempt(...attempts)) {
      assert.match(result.refused ?? `came: ${result.came}`, /^(EACCES|EPERM|ENOENT)$/, JSON.stringify(result))
    }
  }

  before(async () => {
    // Only the VMs' own folders keep anybody out, nothing above them.
    fs.chmodSync(home.folder, 0o755)
    fs.copyFileSync(process.execPath, path.join(open, 'node'))
    fs.copyFileSync(intruder, path.join(open, 'intruder.mjs'))
    for (const file of ['node', 'intruder.mjs', '.']) fs.chmodSync(path.join(open, file), 0o755)
    fs.writeFileSync(secret, 'TOPSECRET\n', { mode: 0o600 })
    await ok('foo,bar', 'drive_size=64M', 'newimg', 'start', '-S')
    uid = fs.statSync(run).uid
    const { pid, drives } = await statusOf('bar')
    bar = { pid, drive: drives[0]?.path ?? '' }
  })
  after(async () => {
    await nbsvm(['foo,bar', 'stop'])
    fs.rmSync(open, { recursive: true, force: true })
  })

  test('each has a user of its own, noted in its record and the same at the next start; no account has it', async () => {
    const uidOf = (id: string): unknown =>
      JSON.parse(fs.readFileSync(path.join(home.folder, 'vms', id, 'machine.json'), 'utf8')).uid
    assert.equal(uidOf('foo'), uid)
    assert.ok(uid >= 60_000)
    assert.notEqual(uidOf('bar'), uid)
    assert.equal(spawnSync('getent', ['passwd', String(uid)]).status, 2)
    await ok('foo', 'stop', 'start', '-S')
    assert.equal(fs.statSync(run).uid, uid)
    for (const [id, pid] of [
      ['foo', pidOf('foo')],
      ['bar', bar.pid],
    ] as const)
      assert.match(fs.readFileSync(`/proc/${pid}/status`, 'utf8'), new RegExp(`^Uid:(\\t${String(uidOf(id))}){4}$`, 'm'))
  })

  test("another VM's sockets, process, memory, descriptors and drives", () => {
    const inside = `/proc/${bar.pid}`
    refused(
      ['connect', path.join(state, 'bar/run/qmp.sock')],
      ['connect', `${inside}/cwd/qmp.sock`],
      ['list', path.join(state, 'bar')],
      ['list', `${inside}/cwd`],
      ['list', `${inside}/fd`],
      ['read', `${inside}/environ`],
      ['read', `${inside}/mem`],
      ['write', `${inside}/mem`],
      ['signal', String(bar.pid)],
      ['signal', String(bar.pid), 'SIGSTOP'],
      ['read', bar.drive],
      ['write', bar.drive],
    )
    const [traced] = attempt(['trace', String(bar.pid)])
    assert.match(traced?.came ?? '', /Operation not permitted|not permitted/)
  })

  test('the drawer: what nbsvm believes can neither be read, changed, nor replaced', () => {
    const drawer = path.join(state, 'foo')
    const files = ['lock', 'pid', 'command', 'journal.jsonl', 'events.jsonl', 'console.log', 'qemu.log']
    refused(
      ['list', '..'],
      ['list', drawer],
      ['make', path.join(drawer, 'class')],
      ['make', path.join(drawer, 'taps')],
      ['rename', drawer, `${drawer}.old`],
      ['rename', run, `${run}.old`],
      ...files.flatMap((file) => [
        ['read', `../${file}`],
        ['write', path.join(drawer, file)],
        ['remove', path.join(drawer, file)],
        ['symlink', secret, path.join(drawer, file)],
      ]),
      ['read', path.join(home.folder, 'vms/foo/machine.json')],
      ['read', path.join(home.folder, 'vms/bar/machine.json')],
    )
  })

  test("root's files: hard links to them cannot be made, and symbolic links lead nbsvm nowhere", async () => {
    const [linked] = attempt(['link', secret, 'hard'])
    assert.match(linked?.refused ?? `came: ${linked?.came}`, /^(EPERM|EACCES)$/)
    const sockets = ['qmp.sock', 'jobs.sock', 'monitor.sock', 'console.sock', 'vnc.sock']
    for (const target of [secret, '/dev/zero', path.join(state, 'bar/run/qmp.sock')]) {
      for (const name of sockets) attempt(['symlink', target, name])
      for (const words of [['status'], ['log'], ['pause'], ['resume'], ['monitor'], ['console'], ['vnc', 'viewer=none']]) {
        const { stdout, stderr } = await nbsvm(['foo', ...words])
        assert.doesNotMatch(stdout + stderr, /TOPSECRET/, words.join(' '))
      }
      assert.equal((await statusOf('bar')).state, 'paused', 'bar was not touched')
      // It is ended all the same.
      await ok('foo', 'stop')
      assert.equal((await statusOf('bar')).pid, bar.pid)
      await ok('foo', 'start', '-S')
    }
    assert.equal(fs.readFileSync(secret, 'utf8'), 'TOPSECRET\n')
  })

  test("a socket that only root may use is not used for it: vnc and console connect to QEMU's own alone", async () => {
    const rootSocket = path.join(home.folder, 'root.sock')
    let callers = 0
    const { createServer } = await import('node:net')
    const server = createServer((socket) => {
      callers++
      socket.destroy()
    })
    await new Promise<void>((resolve) => server.listen(rootSocket, resolve))
    fs.chmodSync(rootSocket, 0o600)
    for (const name of ['vnc.sock', 'console.sock', 'qmp.sock']) attempt(['symlink', rootSocket, name])
    for (const words of [['status'], ['console'], ['pause']]) await nbsvm(['foo', ...words])
    // By rename a socket of another's could get the name as well, if it could be made.
    assert.equal(callers, 0)
    server.close()
    await ok('foo', 'stop', 'start', '-S')
  })

  test('rm while folders in run/ are exchanged for links: nothing outside goes', async () => {
    await ok('gone', 'drive_size=64M', 'newimg', 'start', '-S')
    const victim = path.join(home.folder, 'victim')
    fs.mkdirSync(victim)
    for (let at = 0; at < 50; at++) fs.writeFileSync(path.join(victim, String(at)), 'precious')
    const folder = path.join(state, 'gone/run')
    const own = fs.statSync(folder).uid
    await ok('gone', 'stop')
    // A folder and a link to another take each other's place, as fast as that goes.
    const exchange = `const fs = require('fs')
fs.mkdirSync('d/e', { recursive: true }); for (let i = 0; i < 3000; i++) fs.writeFileSync('d/e/' + i, '')
fs.symlinkSync('${victim}', 'l'); console.log('ready')
for (;;) try { fs.renameSync('d/e', 'd/x'); fs.renameSync('l', 'd/e'); fs.renameSync('d/e', 'l'); fs.renameSync('d/x', 'd/e') } catch {}`
    const racer = [path.join(open, 'node'), '-e', exchange]
    const racing = spawn('setpriv', ['--reuid', String(own), '--regid', String(own), '--clear-groups', '--', ...racer], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await new Promise((resolve) => racing.stdout.once('data', resolve))
    // Something runs as its user, without the lock: refused until it is ended.
    const removing = await nbsvm(['gone', 'rm', '--yes'])
    assert.match(removing.stderr, /cannot remove gone: something still runs as its user/)
    assert.match(removing.stderr, /end it: nbsvm gone stop/)
    assert.equal(fs.readdirSync(victim).length, 50)
    // What `rm` does then, with the race going on.
    for (let at = 0; at < 20; at++) {
      try {
        emptyFolder(folder)
      } catch {
        // Something was exchanged under it, which it saw.
      }
      assert.equal(fs.readdirSync(victim).length, 50)
    }
    await ok('gone', 'stop')
    await until('the end of it', 5000, () => racing.exitCode !== null || racing.signalCode !== null)
    await ok('gone', 'rm', '--yes')
    assert.equal(fs.readdirSync(victim).length, 50)
    assert.equal(fs.existsSync(folder), false)
  })

  test('a QEMU that has let go of its lock and lives on is found, and no second one is started beside it', async (context) => {
    const [command, words] = asFoo(['sleep', '600'])
    await ok('foo', 'stop')
    const survivor = spawn(command, words, { cwd: run, stdio: 'ignore' })
    context.after(() => survivor.kill('SIGKILL'))
    await until('it', 5000, () => fs.readFileSync(`/proc/${survivor.pid}/status`, 'utf8').includes(`Uid:\t${uid}\t`))
    for (const line of [
      ['start', '-S'],
      ['resize', '+1G'],
      ['rm', '--yes'],
    ]) {
      const { status, stderr } = await nbsvm(['foo', ...line])
      assert.equal(status, 1)
      assert.match(stderr, /something still runs as its user, uid \d+, without the VM's lock/)
    }
    assert.match((await ok('foo', 'stop')).stderr, /killed/)
    await until('its end', 5000, () => survivor.signalCode !== null)
    await ok('foo', 'start', '-S')
  })

  test('a QEMU that keeps the lock and calls itself something else is ended by stop', async (context) => {
    await ok('foo', 'stop')
    const [command, words] = asFoo(['sleep', '600'])
    const lock = path.join(state, 'foo/lock')
    const script = `exec 3<>'${lock}'; flock -x 3; exec "$@"`
    const disguised = spawn('sh', ['-c', script, 'sh', command, ...words], { cwd: run, stdio: 'ignore' })
    context.after(() => disguised.kill('SIGKILL'))
    await until('it', 5000, () => fs.readFileSync(`/proc/${disguised.pid}/status`, 'utf8').includes(`Uid:\t${uid}\t`))
    assert.equal((await nbsvm(['foo', 'start', '-S'])).status, 1)
    assert.match((await ok('foo', 'stop')).stderr, /killed/)
    await until('its end', 5000, () => disguised.signalCode !== null)
    await ok('foo', 'start', '-S')
  })

  test('a VM of another place has another user: what ends all that runs as one ends nothing of the other', async () => {
    const other = makeHome()
    assert.equal((await other.nbsvm(['foo', 'network=none', 'drives=none', 'start', '-S'])).status, 0)
    await ok('foo', 'stop')
    await ok('foo', 'stop')
    assert.equal((await other.nbsvm(['foo', 'status'])).status, 0, 'it runs')
    assert.equal((await other.nbsvm(['foo', 'stop'])).status, 0)
    await ok('foo', 'start', '-S')
  })

  test("what nbsvm runs holds nothing of its caller's: descriptors, environment, session", async () => {
    const lock = path.join(home.folder, 'script.lock')
    const script = `exec 200>${lock}; flock -n 200; exec 63<${secret}; export AWS_SECRET_ACCESS_KEY=x; '${program}' held drive_size=64M newimg start -S`
    assert.equal(spawnSync('bash', ['-c', script], { env: home.env }).status, 0)
    assert.equal(spawnSync('flock', ['-n', lock, 'true']).status, 0, 'the lock of the script is free')
    const pid = pidOf('held')
    assert.doesNotMatch(fs.readFileSync(`/proc/${pid}/environ`, 'latin1'), /AWS|HOME=/)
    for (const fd of fs.readdirSync(`/proc/${pid}/fd`)) assert.notEqual(fs.readlinkSync(`/proc/${pid}/fd/${fd}`), secret)
    await ok('held', 'stop', 'rm', '--yes')
  })

  test("a user's VM is not started by root, who would lock the user out of it", async () => {
    const own = fs.mkdtempSync(path.join(home.folder, 'user-'))
    const user = 65534
    fs.cpSync(path.dirname(program), path.join(own, 'dist'), { recursive: true })
    for (const folder of ['state', 'drives', 'vms', 'config', '.']) {
      fs.mkdirSync(path.join(own, folder), { recursive: true })
      fs.chownSync(path.join(own, folder), user, user)
    }
    const env = { ...home.env, NBSVM_HOME: own, HOME: own }
    const asUser = (...words: string[]) => {
      const drop = ['--reuid', String(user), '--regid', String(user), '--clear-groups', '--', path.join(open, 'node')]
      return spawnSync('setpriv', [...drop, path.join(own, 'dist/nbsvm.cjs'), ...words], { env, encoding: 'utf8', cwd: own })
    }
    const first = asUser('his', 'drive_size=64M', 'newimg', 'start', '-S', '--', 'stop')
    assert.equal(first.status, 0, first.stderr)
    const look = (): string[] =>
      spawnSync('find', [own, '-path', '*/dist', '-prune', '-o', '-printf', '%p %u %m\\n'], { encoding: 'utf8' })
        .stdout.split('\n')
        .toSorted()
    const before = look()
    for (const words of [['start', '-S'], ['newimg'], ['resize', '+1G'], ['rm', '--yes']]) {
      const { status, stderr } = await nbsvm(['his', ...words], { env: { NBSVM_HOME: own } })
      assert.equal(status, 1, words.join(' '))
      assert.match(stderr, /belongs to another user \(uid 65534\)[^]*sudo -u '#65534'/, words.join(' '))
    }
    assert.equal((await nbsvm(['ls'], { env: { NBSVM_HOME: own } })).status, 0)
    assert.deepEqual(look(), before)
    const again = asUser('his', 'start', '-S', '--', 'stop', 'rm', '--yes')
    assert.equal(again.status, 0, again.stderr)
  })
})
