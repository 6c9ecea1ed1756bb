// A VM's life, by the real program and a real QEMU.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import type { Explanation } from '../src/index.js'
import { guestDisk, guestKernel, makeHome, until } from './cli.js'

const home = makeHome()
const { nbsvm } = home

interface Listed {
  id: string
  state: string
  pid: number | null
  drives: string[]
}

async function stateOf(id: string): Promise<string | undefined> {
  const { stdout } = await nbsvm(['ls', '--json'])
  return (JSON.parse(stdout) as Listed[]).find((vm) => vm.id === id)?.state
}

interface Status {
  state: string
  pid: number | null
  detail: string | null
  ending: { kind: string; words: string } | null
  accelerator: string | null
  drives: { name: string; virtualBytes: number }[]
  forwards: unknown[]
}

async function statusOf(id: string): Promise<Status> {
  return JSON.parse((await nbsvm([id, 'status', '--json'])).stdout) as Status
}

test('an empty home: a list that says how to begin, and an empty array', async () => {
  assert.match((await nbsvm([])).stdout, /no VMs yet/)
  assert.deepEqual(await nbsvm(['ls', '--json']), { status: 0, stdout: '[]\n', stderr: '' })
})

test('newimg makes drive 0, then 1, and prints their paths alone on stdout', async () => {
  const first = await nbsvm(['two', 'drive_size=1G', 'newimg'])
  const second = await nbsvm(['two', 'drive_size=2G', 'newimg'])
  assert.equal(first.stdout, `${home.folder}/drives/nbsvm-two-0.qcow2\n`)
  assert.equal(second.stdout, `${home.folder}/drives/nbsvm-two-1.qcow2\n`)
  const { state, drives, ending } = await statusOf('two')
  assert.equal(state, 'stopped')
  assert.equal(ending?.kind, 'never-started')
  assert.deepEqual(
    drives.map(({ name, virtualBytes }) => [name, virtualBytes / 1024 ** 3]),
    [
      ['nbsvm-two-0', 1],
      ['nbsvm-two-1', 2],
    ],
  )
})

test('a VM of a class is listed as one before it was ever started', async () => {
  await nbsvm(['foo', 'class=win', 'drive_size=1M', 'newimg'])
  await nbsvm(['bar', 'class=win', 'gold=foo', 'snapshot'])
  const listed = JSON.parse((await nbsvm(['ls', '--json'])).stdout) as { id: string; class: string | null; name: string }[]
  const ofClass = listed.filter((vm) => vm.class === 'win').map(({ id, name }) => [id, name])
  assert.deepEqual(ofClass, [
    ['win-bar', 'bar'],
    ['win-foo', 'foo'],
  ])
  await nbsvm(['foo,bar', 'class=win', 'rm', '--yes'])
})

test('start, pause, resume, stop: what ls and status say, and their exit status', async () => {
  assert.equal((await nbsvm(['two', 'start'])).status, 0)
  const running = await statusOf('two')
  assert.equal(running.state, 'running')
  assert.equal(running.accelerator, 'tcg')
  assert.equal((await nbsvm(['two'])).status, 0)
  assert.equal((await nbsvm(['two', 'pause'])).status, 0)
  assert.equal(await stateOf('two'), 'paused')
  assert.equal((await statusOf('two')).detail, 'paused')
  assert.equal((await nbsvm(['two', 'resume'])).status, 0)
  assert.equal(await stateOf('two'), 'running')
  assert.equal((await nbsvm(['two', 'reset'])).status, 0)
  assert.equal((await nbsvm(['two', 'stop'])).status, 0)
  assert.equal((await nbsvm(['two'])).status, 3)
  assert.equal((await statusOf('two')).ending?.kind, 'stopped')
})

test('the drawer is for its owner alone, and so is all that QEMU makes in it', async () => {
  await nbsvm(['two', 'start'])
  const drawer = path.join(home.folder, 'state/two')
  assert.equal(statSync(drawer).mode & 0o777, 0o700)
  for (const name of readdirSync(drawer)) assert.equal(statSync(path.join(drawer, name)).mode & 0o077, 0, name)
  await nbsvm(['two', 'stop'])
})

test('stop of a VM that does not run is no failure, so that "stop start" restarts in any state', async () => {
  const { status, stderr } = await nbsvm(['two', 'stop'])
  assert.equal(status, 0)
  assert.match(stderr, /two was not running/)
  assert.equal((await nbsvm(['two', 'stop', 'start'])).status, 0)
  const { pid } = await statusOf('two')
  assert.equal((await nbsvm(['two', 'stop', 'start'])).status, 0)
  assert.notEqual((await statusOf('two')).pid, pid)
  await nbsvm(['two', 'stop'])
})

test('the firmware of a VM with nothing to boot says so on its console', async () => {
  assert.equal((await nbsvm(['bare', 'network=-nic none', 'newimg', 'start'])).status, 0)
  const log = async (): Promise<string> => (await nbsvm(['bare', 'log'])).stdout
  await until('the firmware gives up', 30_000, async () => (await log()).includes('No bootable device.'))
  assert.match(await log(), /SeaBIOS[^]*Booting from Hard Disk[^]*not a bootable disk/)
  await nbsvm(['bare', 'stop'])
})

test('what cannot be done to a stopped VM says so and how to start it', async () => {
  for (const action of ['pause', 'resume', 'reset', 'console', 'monitor', 'vnc']) {
    const { status, stderr } = await nbsvm(['two', action])
    assert.equal(status, 1, action)
    assert.match(stderr, /two: it is not running\n {2}start it: nbsvm two start/, action)
  }
})

test('a chain stops at its first failure', async () => {
  const { status, stderr } = await nbsvm(['two', 'start', '-device', 'no-such-device', '--', 'newimg'])
  assert.equal(status, 1)
  assert.match(stderr, /cannot start two: QEMU refused: .*'no-such-device' is not a valid device model name/)
  assert.equal((await statusOf('two')).drives.length, 2)
  assert.equal(await stateOf('two'), 'stopped')
})

test('the guest boots from a snapshot, is talked to over its console, and shuts down when the button is pressed', async () => {
  assert.equal((await nbsvm(['gold', `source=${guestDisk}`, 'clone'])).status, 0)
  assert.equal((await nbsvm(['guest', 'gold=gold', 'snapshot', 'start'])).status, 0)
  assert.equal((await nbsvm(['guest', 'timeout=60', 'wait', 'guest# '])).status, 0)
  const { stdout } = await nbsvm(['guest', 'console'], { input: 'echo answer-$((6*7))\n' })
  assert.match(stdout, /answer-42/)
  const { status, stderr } = await nbsvm(['guest', 'shutdown'])
  assert.equal(status, 0, stderr)
  assert.match(stderr, /guest: the guest shut down/)
  assert.equal((await statusOf('guest')).ending?.kind, 'guest-shutdown')
})

test('a snapshot of a running VM has what it had written, and nothing that it writes later', async () => {
  await nbsvm(['guest', 'start'])
  assert.equal((await nbsvm(['guest', 'timeout=60', 'wait', 'guest# '])).status, 0)
  const type = (line: string) => nbsvm(['guest', 'console'], { input: `${line}\n` })
  await type(
    'dd if=/dev/vda of=/tmp/first bs=512 count=1 2>/dev/null; echo BEFORE | dd of=/dev/vda seek=20000 bs=512 conv=fsync; echo done-1',
  )
  assert.equal((await nbsvm(['copy', 'gold=guest', 'snapshot'])).status, 0)
  await type('echo AFTERW | dd of=/dev/vda seek=20000 bs=512 conv=fsync; echo done-2')
  await nbsvm(['guest', 'stop'])
  const sector = (id: string): string => {
    const file = `${home.folder}/drives/nbsvm-${id}-0.qcow2`
    const words = ['-f', 'qcow2', '-c', 'read -v 10240000 512', file]
    return execFileSync('qemu-io', words, { encoding: 'utf8' })
  }
  assert.match(sector('copy'), /BEFORE/)
  assert.match(sector('guest'), /AFTERW/)
  execFileSync('qemu-img', ['check', '-f', 'qcow2', `${home.folder}/drives/nbsvm-guest-0.qcow2`])
})

test('a guest that does not listen to the button: shutdown gives up after timeout and says what to type', async () => {
  await nbsvm(['two', 'start'])
  const { status, stderr } = await nbsvm(['two', 'timeout=1', 'shutdown'])
  assert.equal(status, 1)
  assert.match(stderr, /two is still running after 1 seconds/)
  assert.match(stderr, /end it now: nbsvm two stop/)
  await nbsvm(['two', 'stop'])
})

test('a kernel panic is told as one', async () => {
  await nbsvm(['panic', 'mem=256', 'start', ...guestKernel.slice(0, 4), '-append', 'console=ttyS0 quiet no_timer_check panic=-1'])
  assert.equal((await nbsvm(['panic', 'timeout=60', 'wait', 'guest# '])).status, 0)
  await nbsvm(['panic', 'console'], { input: 'echo c > /proc/sysrq-trigger\n' })
  await until('the panic', 20_000, async () => (await stateOf('panic')) !== 'running')
  const { ending, detail } = await statusOf('panic')
  assert.equal(ending?.kind ?? detail, 'guest-panicked')
})

test('QEMU killed: status says so, and the next start works', async () => {
  await nbsvm(['two', 'start'])
  const { pid } = await statusOf('two')
  process.kill(pid ?? 0, 'SIGKILL')
  await until('the end', 5000, async () => (await stateOf('two')) === 'stopped')
  assert.deepEqual((await statusOf('two')).ending, { kind: 'killed', atMs: null, words: 'QEMU was killed, or crashed' })
  assert.equal((await nbsvm(['two', 'start'])).status, 0)
  await nbsvm(['two', 'stop'])
})

test('several VMs side by side, each line with its name; a pattern matches those that exist', async () => {
  await nbsvm(['web1,web2', 'drive_size=1G', 'newimg'])
  const { status, stderr } = await nbsvm(['web*', 'start'])
  assert.equal(status, 0)
  assert.match(stderr, /^web1: started/m)
  assert.match(stderr, /^web2: started/m)
  const stopped = await nbsvm(['web1,web2', 'stop'])
  assert.match(stopped.stderr, /^web2: stopped web2$/m)
  assert.equal((await nbsvm(['nothing*', 'stop'])).status, 2)
  assert.match((await nbsvm(['web1,web2', 'console'])).stderr, /one VM at a time/)
})

test('resize grows a stopped and a running VM, and shrinks only when told to', async () => {
  await nbsvm(['web1', 'resize', '3G'])
  assert.equal((await statusOf('web1')).drives[0]?.virtualBytes, 3 * 1024 ** 3)
  await nbsvm(['web1', 'start'])
  assert.equal((await nbsvm(['web1', 'resize', '+1G'])).status, 0)
  assert.equal((await statusOf('web1')).drives[0]?.virtualBytes, 4 * 1024 ** 3)
  await nbsvm(['web1', 'stop'])
  const refused = await nbsvm(['web1', 'resize', '1G'])
  assert.equal(refused.status, 2)
  assert.match(refused.stderr, /would cut off its end/)
  assert.equal((await nbsvm(['web1', 'resize', '1G', '--shrink'])).status, 0)
  assert.equal((await statusOf('web1')).drives[0]?.virtualBytes, 1024 ** 3)
})

test('rm asks, refuses a running VM, and takes drives and drawer', async () => {
  const unasked = await nbsvm(['web1', 'rm'])
  assert.equal(unasked.status, 2)
  assert.match(unasked.stderr, /--yes/)
  await nbsvm(['web1', 'start'])
  assert.match((await nbsvm(['web1', 'rm', '--yes'])).stderr, /cannot remove web1: web1 is running/)
  await nbsvm(['web1', 'stop'])
  assert.equal((await nbsvm(['web1', 'rm', '--yes'])).status, 0)
  assert.ok(!existsSync(`${home.folder}/state/web1`))
  assert.ok(!readdirSync(`${home.folder}/drives`).some((name) => name.includes('web1')))
  assert.equal((await nbsvm(['two', 'rm-drive', '1', '--yes'])).status, 0)
  assert.equal((await statusOf('two')).drives.length, 1)
  assert.match((await nbsvm(['two', 'rm-drive', '7', '--yes'])).stderr, /two has no drive "7"; it has nbsvm-two-0/)
})

test('what explain prints, pasted into a shell, is the VM', async () => {
  const { stdout } = await nbsvm(['two', 'explain'])
  execFileSync('bash', ['-c', `(${stdout}\n) </dev/null >/dev/null 2>&1 &`], { env: home.env })
  await until('the VM', 10_000, async () => (await stateOf('two')) === 'running')
  assert.equal((await nbsvm(['two', 'start'])).status, 1)
  assert.equal((await nbsvm(['two', 'stop'])).status, 0)
})

test('the command as started is kept in the drawer', async () => {
  await nbsvm(['two', 'start', '-name', 'x'])
  assert.match(readFileSync(`${home.folder}/state/two/command`, 'utf8'), /qemu-system-x86_64 [^]*-name x/)
  await nbsvm(['two', 'stop'])
})

test('two clones of one drive at once, side by side, and the source cannot start meanwhile nor be harmed', async () => {
  const { status, stderr } = await nbsvm(['one,other', 'gold=gold', 'clone'])
  assert.equal(status, 0, stderr)
  assert.equal((await statusOf('one')).drives.length, 1)
  assert.equal((await statusOf('other')).drives.length, 1)
})

test('explain --json is what explain prints, as data', async () => {
  await nbsvm(['json', 'drive_size=1G', 'newimg'])
  const line = ['json', 'args=-S', 'mem=1G', 'explain']
  const [text, json] = await Promise.all([nbsvm(line), nbsvm([...line, '--json', '-boot', 'd'])])
  const { id, settings, commands } = JSON.parse(json.stdout) as Explanation
  assert.equal(id, 'json')
  assert.deepEqual(
    settings.filter(({ name }) => ['mem', 'vg'].includes(name)),
    [
      { name: 'mem', value: '1G', origin: 'command line', default: '512, or what its image needs' },
      { name: 'vg', value: null, origin: 'default', default: 'none' },
    ],
  )
  assert.match(text.stdout, /^# mem=1G +command line\n/m)
  assert.match(commands.at(-1) ?? '', /-boot d/)
  for (const command of commands.slice(0, -1)) assert.ok(text.stdout.includes(`${command}\n`), command)
  await nbsvm(['json', 'rm', '--yes'])
})

test('the library does what the program does', async () => {
  const script = `
    import { host, UsageError } from '${process.cwd()}/dist/index.cjs'
    const { vm, list } = host()
    const lib = vm('lib', { drive_size: '1G' })
    await lib.newimg()
    await lib.start({ qemuOptions: ['-S'] })
    const { state, drives } = await lib.status()
    const listed = (await list()).find(({ id }) => id === 'lib')
    const explained = await lib.explain({ qemuOptions: ['-boot', 'd'] })
    const size = explained.settings.find(({ name }) => name === 'drive_size')
    const again = await lib.start({ ifNeeded: true })
    const isSame = again.wasRunning && again.pid === (await lib.status()).pid
    const why = async (work) => { try { return await work() } catch (error) { return error.message } }
    const running = [await why(() => lib.rm()), await why(() => lib.rmDrive(0))]
    const grown = (await lib.resize('+1G')).sizeBytes / 2 ** 30
    const cut = await why(() => lib.resize('1G'))
    await lib.stop()
    let refused = ''
    try { vm('../x') } catch (error) { refused = error instanceof UsageError ? error.message : 'other' }
    console.log(JSON.stringify([state, drives.length, listed.state, (await lib.status()).state, refused]))
    await lib.newimg()
    const one = (await lib.rmDrive(0)).name
    const all = await lib.rm()
    const left = (await list()).some(({ id }) => id === 'lib')
    console.log(JSON.stringify([explained.id, size, / -boot d/.test(explained.commands.at(-1)), isSame, running, grown, cut, one, all, left]))`
  const stdout = execFileSync(process.execPath, ['--input-type=module', '-e', script], { env: home.env, encoding: 'utf8' })
  const refused = '"../x" is not a VM name: it must begin with a letter or a digit'
  const [first = '', second = ''] = stdout.split('\n')
  assert.deepEqual(JSON.parse(first), ['paused', 1, 'paused', 'stopped', refused])
  assert.deepEqual(JSON.parse(second), [
    'lib',
    { name: 'drive_size', value: '1G', origin: 'command line', default: '20G' },
    true,
    true,
    ['cannot remove lib: lib is running', 'cannot remove drive 0: lib is running'],
    2,
    'nbsvm-lib-0 has 2G: 1G would cut off its end',
    'nbsvm-lib-0',
    { drives: ['nbsvm-lib-1'], hasUnit: false },
    false,
  ])
})
