// The user network by passt, where it is installed: as an ordinary user, for whom it is made.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { test } from 'node:test'
import type { Status } from '../src/vm/life/status.js'
import { guestDisk, makeHome, program, run, until, type Result } from './cli.js'

const home = makeHome()
const isRoot = process.geteuid?.() === 0
const nobody = 65_534
if (isRoot) {
  chmodSync(home.folder, 0o755)
  chownSync(home.folder, nobody, nobody)
}

/** The command that runs `words` as a user without any rights, whoever runs the tests. */
function userCommand(...words: readonly string[]): [string, string[]] {
  if (!isRoot) return [words[0] ?? '', words.slice(1)]
  return ['setpriv', ['--reuid', String(nobody), '--regid', String(nobody), '--clear-groups', ...words]]
}

function asUser(args: readonly string[], input = '', env: NodeJS.ProcessEnv = {}): Promise<Result> {
  return run(...userCommand(program, ...args), { ...home.env, ...env }, input)
}

/** The passt processes that work in this home. */
function passts(): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.filter((pid) => {
    const command = readProc(pid, 'cmdline').replaceAll('\0', ' ')
    return command.startsWith('passt ') && command.includes('/28080:80')
  })
}

function readProc(pid: string, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch {
    return '' // it has ended
  }
}

/** How long a process has computed, in hundredths of a second: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
function computed(pid: string): number {
  const [user = Number.NaN, system = Number.NaN] = readProc(pid, 'stat')
    .replace(/.*\) /s, '')
    .split(' ')
    .slice(11, 13)
    .map(Number)
  return user + system
}

function request(port: number): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.0\r\n\r\n'))
    socket.setTimeout(2000, () => socket.destroy())
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
    socket.on('error', () => {})
    socket.on('close', () => resolve(text))
  })
}

/** passt locks itself into a user namespace, which the kernel does not allow inside a chroot. */
const { status } = spawnSync('unshare', ['--user', 'true'])
const skip = status === 0 ? false : 'no user namespaces here (a chroot?), which passt needs'

test('a forwarded port leads into the guest, and passt ends when the VM does', { skip }, async () => {
  const started = await asUser(['net', `source=${guestDisk}`, 'forward=28080:80 28022:22', 'clone', 'start'])
  assert.equal(started.status, 0, started.stderr)
  assert.equal(passts().length, 1)
  await until('the prompt', 90_000, async () => (await asUser(['net', 'log'])).stdout.includes('guest# '))
  const setUp =
    'ip link set eth0 up; udhcpc -i eth0 -q -n >/dev/null 2>&1; mkdir -p /tmp/w; echo by-passt >/tmp/w/i; httpd -p 80 -h /tmp/w; echo up\n'
  await asUser(['net', 'console'], setUp)
  await until('an answer from the guest', 30_000, async () => (await request(28_080)).startsWith('HTTP/1'))
  assert.match((await asUser(['net', 'status', '--json'])).stdout, /"hostPort": 28080[^}]*"alive": true/)

  // Of a guest that is silent, passt would ask without a pause for what nobody waits for any more.
  await asUser(['net', 'console'], 'ip link set eth0 down\n')
  const [passt = ''] = passts()
  const before = computed(passt)
  const asking = run(...userCommand('timeout', '5', program, 'net', 'ssh', 'true'), home.env, '')
  await new Promise((resolve) => setTimeout(resolve, 4500))
  const ticks = computed(passt) - before
  assert.ok(ticks < 50, `passt has computed for ${ticks * 10} ms of 4500`)
  await asking
  await asUser(['net', 'stop'])
  await until('the end of passt', 5000, () => passts().length === 0)
})

test('no passt stays behind when QEMU refuses', async () => {
  const { status } = await asUser(['net', 'forward=28080:80', 'start', '-device', 'nonsense'])
  assert.equal(status, 1)
  await until('the end of passt', 5000, () => passts().length === 0)
})

test('a port that is taken is told, and nothing is left', { skip }, async () => {
  assert.equal((await asUser(['one', 'forward=28080:80', 'start', '-S'])).status, 0)
  const second = await asUser(['two', 'forward=28080:80', 'start', '-S'])
  assert.equal(second.status, 1)
  assert.match(second.stderr, /cannot start two: a port of this machine that forward names is taken.*28080/)
  assert.match(second.stderr, /see who has it: ss -ltnup \| grep -E ':\(28080\) '/)
  const late = await asUser(['one', 'forward', '28081:80'])
  assert.match(
    late.stderr,
    /passt serves the network of one, and opens ports only when it starts; ssh, which can help out, does not get in/,
  )
  assert.match(late.stderr, /with the next start: nbsvm one forward=HOST:GUEST stop start/)
  const other = createServer().listen(28_082, '127.0.0.1')
  await once(other, 'listening')
  const taken = await asUser(['one', 'forward', '28082:80'])
  assert.match(
    taken.stderr,
    /^nbsvm: cannot listen on 127\.0\.0\.1:28082\/tcp: it is taken, or closed to you\n {2}see who has it/,
  )
  other.close()
  assert.match((await asUser(['one', 'forward', '28081:80/udp'])).stderr, /ssh, which can help out, carries no udp/)
  assert.match((await asUser(['one', 'forward', '--remove', '28080'])).stderr, /keeps 127\.0\.0\.1:28080 open until the VM ends/)
  await asUser(['one', 'stop'])
  await until('the end of passt', 5000, () => passts().length === 0)
})

test('a forward whose passt is dead is shown as dead, and the VM goes on', { skip }, async () => {
  assert.equal((await asUser(['dead', 'forward=28080:80', 'start', '-S'])).status, 0)
  const seen = async () => JSON.parse((await asUser(['dead', 'status', '--json'])).stdout) as Status
  const passt = (await seen()).helpers.find(({ name }) => name === 'passt')
  assert.equal(passt?.alive, true)
  process.kill(-(passt?.pid ?? Number.NaN), 'SIGKILL')
  await until('the end of passt', 5000, () => passts().length === 0)
  const { state, forwards } = await seen()
  assert.deepEqual(
    [state, forwards],
    ['paused', [{ hostPort: 28080, guestPort: 80, protocol: 'tcp', address: '127.0.0.1', alive: false }]],
  )
  assert.match((await asUser(['dead'])).stdout, /port +127\.0\.0\.1:28080 -> 80\/tcp +dead: passt has ended/)
  await asUser(['dead', 'stop'])
})

test('a start that is killed leaves no passt that a stop does not end', { skip }, async () => {
  assert.equal((await asUser(['cut', 'newimg'])).status, 0)
  for (const afterMs of [60, 90, 120, 150, 180]) {
    const cut = ['timeout', '-s', 'KILL', String(afterMs / 1000), program, 'cut', 'forward=28080:80', 'start', '-S']
    spawnSync(...userCommand(...cut), { env: home.env })
    assert.equal((await asUser(['cut', 'stop'])).status, 0)
    await until(`the end of passt, killed after ${afterMs} ms`, 2000, () => passts().length === 0)
  }
})

test('a passt that cannot run is told, and QEMU serves the network itself', async () => {
  const bin = `${home.folder}/bin`
  mkdirSync(bin)
  writeFileSync(`${bin}/passt`, '#!/bin/sh\necho "not in this container" >&2\nexit 1\n', { mode: 0o755 })
  const env = { PATH: `${bin}:${process.env['PATH']}` }
  const started = await asUser(['three', 'forward=28080:80', 'start', '-S'], '', env)
  assert.equal(started.status, 0, started.stderr)
  assert.match(started.stderr, /passt cannot run, so QEMU serves the network: not in this container/)
  await asUser(['three', 'stop'])
})
