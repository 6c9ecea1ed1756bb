// A QEMU that was started by hand, adopted as it runs: by the real program, with real QEMUs of which one boots a guest.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { after, test } from 'node:test'
import { agentKernel, makeHome, program, until, type Result } from './cli.js'
import { freePort } from './guest.js'

const home = makeHome()
const { nbsvm } = home
const byHand = new Set<number>()
after(() => byHand.forEach((pid) => isAlive(pid) && process.kill(pid, 'SIGKILL')))

let count = 0

interface Hand {
  readonly folder: string
  readonly pid: number
  readonly at: (name: string) => string
}

/**
 * Starts QEMU as a user would, with names that are of the folder that it is started in; resolves when its socket `q` is there.
 */
async function start(args: readonly string[], awaited = 'q'): Promise<Hand> {
  const folder = path.join(home.folder, `hand${count++}`)
  fs.mkdirSync(folder)
  const bare = ['-nodefaults', '-display', 'none', '-accel', 'tcg', '-m', '64']
  const child = spawn('qemu-system-x86_64', [...bare, ...args], { cwd: folder, stdio: 'ignore' })
  const pid = child.pid ?? 0
  byHand.add(pid)
  child.on('exit', () => byHand.delete(pid))
  const at = (name: string): string => path.join(folder, name)
  await until('QEMU serves', 60_000, () => fs.existsSync(at(awaited)))
  return { folder, pid, at }
}

const serving = (option: string, file: string): string[] => [option, `unix:${file},server=on,wait=off`]
const qmp = serving('-qmp', 'q')

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0) && !/^State:\s*Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

async function works(...args: readonly string[]): Promise<Result> {
  const result = await nbsvm(args)
  assert.equal(result.status, 0, `${args.join(' ')}: ${result.stderr}`)
  return result
}

async function fails(pattern: RegExp, ...args: readonly string[]): Promise<void> {
  const { status, stderr } = await nbsvm(args)
  assert.notEqual(status, 0, args.join(' '))
  assert.match(stderr, pattern, args.join(' '))
}

async function listed(): Promise<Record<string, string>> {
  const found = JSON.parse((await works('ls', '--json')).stdout) as { id: string; state: string }[]
  return Object.fromEntries(found.map(({ id, state }) => [id, state]))
}

/** Asks a QEMU by its own socket, as another client would. */
async function ask(file: string, command: string): Promise<string> {
  const socket = net.connect(file)
  let said = ''
  socket.setEncoding('utf8').on('data', (text: string) => (said += text))
  socket.on('error', () => {})
  for (const execute of ['qmp_capabilities', command]) socket.write(`${JSON.stringify({ execute })}\n`)
  await until('QEMU answers', 20_000, () => (said.match(/"return"/g) ?? []).length >= 2)
  socket.destroy()
  return said
}

const holderOf = (id: string): number =>
  Number(fs.readFileSync(path.join(home.folder, `state/${id}/helpers/holder.lock`), 'utf8'))

test('what is no QEMU, or has nothing to speak to, is refused with what to add, and nothing stays', async () => {
  await fails(/is not the number of a process/, 'foo', 'adopt', 'x')
  await fails(/there is no process 4000000000/, 'foo', 'adopt', '4000000000')
  await fails(new RegExp(`pid ${process.pid} is not QEMU: it runs .*node`), 'foo', 'adopt', String(process.pid))
  const deaf = await start(['-S', '-machine', 'none', ...serving('-monitor', 'm')], 'm')
  await fails(/has no QMP on a unix socket: what it has is the monitor[^]*-qmp unix:/, 'foo', 'adopt', String(deaf.pid))
  process.kill(deaf.pid, 'SIGKILL')
  assert.deepEqual(await listed(), {})
})

test('a machine without a guest: all that its sockets allow, and what is refused of the rest', async () => {
  const disk = path.join(home.folder, 'disk.qcow2')
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', disk, '16M'])
  const machine = ['-machine', 'pc', '-vga', 'std', '-drive', 'file=../disk.qcow2,if=ide', '-S']
  const { pid, at } = await start([...machine, ...qmp, ...serving('-monitor', 'm'), '-vnc', 'unix:v'])
  const { stderr, stdout } = await works('foo', 'adopt', String(pid))
  assert.equal(stdout, '')
  assert.match(stderr, /adopted pid \d+ as foo, which is paused\n {2}reach it: nbsvm foo monitor; nbsvm foo vnc\n/)
  assert.deepEqual(await listed(), { foo: 'paused' })
  await works('foo', 'resume')
  assert.deepEqual(await listed(), { foo: 'running' })
  const status = JSON.parse((await works('foo', 'status', '--json')).stdout) as Record<string, unknown>
  assert.deepEqual([status['state'], status['pid'], status['memBytes'], status['cpus']], ['running', pid, 64 * 1024 ** 2, 1])
  // Whoever pauses it otherwise is seen as well.
  await ask(at('q'), 'stop')
  assert.deepEqual(await listed(), { foo: 'paused' })
  await works('foo', 'wait', 'paused')
  await works('foo', 'resume', 'pause', 'resume', 'reset')
  assert.match((await nbsvm(['foo', 'monitor'], { input: 'info status\n' })).stdout, /running/)
  await works('foo', 'screenshot', path.join(home.folder, 'x.png'))
  await works('foo', 'key', 'ret')

  await fails(/without a unix socket for that[^]*-serial unix:/, 'foo', 'console')
  await fails(/without a unix socket for that/, 'foo', 'exec', 'true')
  fs.mkdirSync(path.join(home.folder, 'backups'))
  const byHandOnly = /was started by hand, so its drives and devices are not nbsvm's[^]*nbsvm help adopt/
  for (const words of [
    ['freeze'],
    ['checkpoint', 'x'],
    ['save'],
    ['attach', disk],
    ['eject'],
    ['move', 'nosuch.invalid'],
    ['forward', '2222:22'],
    ['backup', path.join(home.folder, 'backups')],
    ['export', path.join(home.folder, 'x.vm')],
  ])
    await fails(byHandOnly, 'foo', ...words)
  await fails(/it runs already as pid/, 'foo', 'start')
  await fails(/is the VM .*foo.* of nbsvm already/, 'bar', 'adopt', String(pid))
  await fails(/is the VM .*foo.* of nbsvm already/, 'foo', 'adopt', String(pid))

  // Who holds its lock is killed: nothing is lost.
  const holder = holderOf('foo')
  process.kill(holder, 'SIGKILL')
  await until('it is gone', 10_000, () => !isAlive(holder))
  assert.deepEqual(await listed(), { foo: 'running' })
  assert.ok((await works('foo', 'status')).stdout.includes(`holder  dead; it comes back with: adopt ${pid}`))
  await fails(/it runs already as pid/, 'foo', 'start')
  await fails(/foo is running|it runs/, 'foo', 'rm', '--yes')
  await fails(/is the VM .*foo.* of nbsvm already/, 'bar', 'adopt', String(pid))
  assert.match((await works('foo', 'adopt', String(pid))).stderr, /adopted pid \d+ as foo, which is running/)
  assert.notEqual(holderOf('foo'), holder)

  await works('foo', 'stop')
  assert.ok(!isAlive(pid))
  assert.match((await nbsvm(['foo'])).stdout, /stopped.*ended by stop/)
  // It is that machine again, from the same file, which stays when the VM goes.
  await works('foo', 'start')
  assert.match(execFileSync('ls', ['-l', `/proc/${await pidOf('foo')}/fd`]).toString(), /disk\.qcow2/)
  await works('foo', 'stop', 'rm', '--yes')
  assert.ok(fs.existsSync(disk))
  assert.deepEqual(await listed(), {})
})

async function pidOf(id: string): Promise<number> {
  return (JSON.parse((await works(id, 'status', '--json')).stdout) as { pid: number }).pid
}

test('killed in its midst, it leaves no VM, and a QEMU that goes on and can be adopted', async () => {
  const { pid, at } = await start(['-machine', 'none', ...qmp])
  const alive = (): void => assert.ok(isAlive(pid))
  // Another client has the socket: so far it comes, and waits.
  const other = net.connect(at('q'))
  await new Promise((resolve) => other.once('data', resolve))
  const folder = path.join(home.folder, 'state/mid')
  const child = spawn(program, ['mid', 'adopt', String(pid)], { env: home.env, stdio: 'ignore' })
  await until('it waits', 30_000, () => fs.existsSync(`${folder}/run/adopting.sock`))
  const holder = holderOf('mid')
  child.kill('SIGKILL')
  await until('who holds the lock has ended', 10_000, () => !isAlive(holder))
  await works('ls')
  assert.equal((await listed())['mid'], undefined)
  alive()
  // And where it is told nobody, it says so, in a time.
  await fails(/no greeting came: another client holds it/, 'mid', 'adopt', String(pid))
  assert.equal((await listed())['mid'], undefined)
  assert.ok(!fs.existsSync(folder))
  other.destroy()
  for (const afterMs of [300, 600, 900]) {
    const next = spawn(program, ['mid', 'adopt', String(pid)], { env: home.env, stdio: 'ignore' })
    const ended = new Promise((resolve) => next.once('exit', resolve))
    setTimeout(() => next.kill('SIGKILL'), afterMs)
    await ended
    await works('ls')
    alive()
    assert.match(await ask(at('q'), 'query-status'), /"running"/)
  }
  if ((await listed())['mid'] !== 'running') await works('mid', 'adopt', String(pid))
  assert.equal((await listed())['mid'], 'running')
  // It ends by itself.
  process.kill(pid, 'SIGTERM')
  await until('the list says so', 20_000, async () => (await listed())['mid'] === 'stopped')
  assert.match((await nbsvm(['mid'])).stdout, /started by hand, so nobody wrote down why/)
  await works('mid', 'rm', '--yes')
})

test('a guest is talked to by its console and its agent, and shuts down when the button is pressed', async () => {
  const agent = ['-chardev', 'socket,id=ga,path=a,server=on,wait=off', '-device', 'virtio-serial-pci']
  const port = ['-device', 'virtserialport,chardev=ga,name=org.qemu.guest_agent.0']
  const others = ['-device', 'virtio-balloon-pci', '-vga', 'std', '-vnc', 'unix:v']
  const { pid } = await start(
    ['-m', '256', ...qmp, ...serving('-serial', 's'), ...agent, ...port, ...others, ...agentKernel],
    'v',
  )
  const { stderr } = await works('guest', 'adopt', String(pid))
  assert.match(stderr, /nbsvm guest console; nbsvm guest exec[^;]*; nbsvm guest vnc/)
  await works('guest', 'timeout=240', 'wait', 'agent')
  assert.equal((await works('guest', 'exec', 'echo', 'hello')).stdout, 'hello\n')
  assert.match((await nbsvm(['guest', 'console'], { input: 'echo answer-$((6*7))\n' })).stdout, /answer-42/)
  assert.match((await works('guest', 'status')).stdout, /helper\s+holder/)

  const [here, back] = ['sent', 'fetched'].map((name) => path.join(home.folder, name)) as [string, string]
  fs.writeFileSync(here, randomBytes(100_000))
  await works('guest', 'cp', here, ':/tmp/sent')
  await works('guest', 'cp', ':/tmp/sent', back)
  assert.deepEqual(fs.readFileSync(back), fs.readFileSync(here))
  await works('guest', 'type', 'echo typed >/tmp/typed\\n')
  await until(
    'the guest has heard it',
    20_000,
    async () => (await nbsvm(['guest', 'exec', 'cat', '/tmp/typed'])).stdout === 'typed\n',
  )
  assert.match((await works('guest', 'balloon', '200M')).stderr, /200M of 256M RAM/)
  // A viewer that writes down what it is greeted with.
  const [viewer, greeting] = ['viewer', 'greeting'].map((name) => path.join(home.folder, name)) as [string, string]
  const speak = `require('net').connect(process.argv[1].split(':')[1], '127.0.0.1').once('data', function (data) { console.log(String(data)); this.destroy() })`
  fs.writeFileSync(viewer, `#!/bin/sh\nnode -e "${speak}" "$1" >'${greeting}'\n`, { mode: 0o755 })
  await works('guest', `viewer=${viewer}`, `vnc_port=${await freePort()}`, 'vnc')
  assert.match(fs.readFileSync(greeting, 'utf8'), /^RFB 003\.008/)
  await works('guest', 'timeout=120', 'shutdown')
  assert.ok(!isAlive(pid))
  assert.equal((await listed())['guest'], 'stopped')
})
