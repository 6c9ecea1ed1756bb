// Programs in a real guest, by its real agent.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chownSync, renameSync, statSync } from 'node:fs'
import path from 'node:path'
import { before, test, type TestContext } from 'node:test'
import { findPlace } from '../src/host/place.js'
import type { Status } from '../src/index.js'
import { agentAnswers } from '../src/vm/life/agent.js'
import { openVm } from '../src/vm/record/vm.js'
import { agentKernel, guestKernel, makeHome, program, until } from './cli.js'
import { guestPrompt, Serial } from './guest.js'
import { say, serveAgent, type Answer } from './support/agent.js'

const home = makeHome()
const { nbsvm } = home

interface Ran {
  readonly status: number
  readonly stdout: Buffer
  readonly stderr: string
}

/** Runs nbsvm with bytes in and out. */
function nbsvmBytes(
  args: readonly string[],
  input: Buffer | 'ignore' = 'ignore',
  onStart = (_pid: number): void => {},
): Promise<Ran> {
  const child = spawn(program, args, { env: home.env, stdio: [input === 'ignore' ? 'ignore' : 'pipe', 'pipe', 'pipe'] })
  const [out, err]: [Buffer[], Buffer[]] = [[], []]
  child.stdout?.on('data', (piece: Buffer) => out.push(piece))
  child.stderr?.on('data', (piece: Buffer) => err.push(piece))
  child.stdin?.on('error', () => {}).end(input)
  onStart(child.pid ?? 0)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status, signal) => {
      resolve({
        status: status ?? (signal === null ? -1 : -2),
        stdout: Buffer.concat(out),
        stderr: Buffer.concat(err).toString(),
      })
    })
  })
}

const exec = (...words: string[]): Promise<Ran> => nbsvmBytes(['a', 'exec', ...words])

/** What the shell in the guest prints. */
async function sh(script: string): Promise<string> {
  const { status, stdout, stderr } = await exec('sh', '-c', script)
  assert.equal(status, 0, stderr)
  return stdout.toString()
}

const serialOf = (id: string): Promise<Serial> => Serial.open(path.join(home.folder, 'state', id, 'run/console.sock'))

before(async () => {
  assert.equal((await nbsvm(['a', 'start', ...agentKernel])).status, 0)
  assert.equal((await nbsvm(['a', 'timeout=90', 'wait', 'agent'])).status, 0)
})

test('whether the agent answers is known at once', async () => {
  const place = findPlace({ NBSVM_HOME: home.folder }, false, home.folder)
  const outside = { place, environment: {}, line: {}, vmClass: undefined }
  assert.equal(await agentAnswers(await openVm('a', outside)), true)
  assert.equal(await agentAnswers(await openVm('none', outside)), false)
})

test('arguments arrive as they are', async () => {
  const words = [' a  b ', '', `q'"\\$x\``, 'two\nlines\n', '\t', 'zwölf Boxkämpfer 🥊', '*', '-n', '\u0001\u007F']
  const { stdout } = await exec('sh', '-c', 'for word; do printf "<%s>" "$word"; done', 'sh', ...words)
  assert.equal(stdout.toString(), words.map((word) => `<${word}>`).join(''))
})

test('its exit status is that of the line; a signal, a program that is not there, and one that cannot be run, as a shell says it', async () => {
  const statuses: [string[], number, RegExp][] = [
    [['sh', '-c', 'echo out; echo err >&2; exit 7'], 7, /^err\n$/],
    [['sh', '-c', 'kill -9 $$'], 137, /^$/],
    [['no such'], 127, /^cannot run no such in the guest: No such file or directory\n$/],
    [['/tmp'], 126, /Permission denied/],
  ]
  for (const [words, status, stderr] of statuses) {
    const ran = await exec(...words)
    assert.equal(ran.status, status, words.join(' '))
    assert.match(ran.stderr, stderr)
  }
})

test('a login of root: PATH, HOME and USER; the folder is /', async () => {
  assert.equal(await sh('echo $HOME $USER $PWD'), '/root root /\n')
})

test('10 MB in and out, byte for byte', async () => {
  const bytes = randomBytes(10 * 1024 ** 2)
  const { status, stdout, stderr } = await nbsvmBytes(['a', 'exec', 'sh', '-c', 'cat; echo done >&2'], bytes)
  assert.deepEqual([status, stderr], [0, 'done\n'])
  assert.ok(stdout.equals(bytes))
})

test('more than an agent keeps: refused with the option that helps, and whole with it', async (context) => {
  const script = 'echo end; exit 3'
  // A real one takes minutes for 16 MiB where the processor is emulated, so another one answers once, as it would.
  const cut = await withAgentOf(
    context,
    (socket, { execute }) => {
      if (execute !== 'guest-exec-status') return say(socket, { id: 'debian', pid: 1 })
      return say(socket, { exited: true, exitcode: 3, 'out-data': 'b3V0', 'out-truncated': true })
    },
    () => exec('sh', '-c', script),
  )
  assert.deepEqual([cut.status, cut.stdout.toString()], [255, 'out'])
  assert.match(cut.stderr, /ended with 3\n.*nbsvm a exec --spool sh -c 'echo/)
  const whole = await exec('--spool', 'sh', '-c', script)
  assert.deepEqual([whole.status, whole.stdout.toString()], [3, 'end\n'])
  assert.equal(await sh('ls -d /tmp/nbsvm.* | wc -l'), '0\n')
})

/** Lets another agent answer for that of the guest while `work` runs. */
async function withAgentOf<T>(context: TestContext, answer: Answer, work: () => Promise<T>): Promise<T> {
  const socket = path.join(home.folder, 'state/a/run/agent.sock')
  const other = await serveAgent(context, answer)
  const { uid, gid } = statSync(path.dirname(socket))
  renameSync(socket, `${socket}.real`)
  renameSync(other, socket)
  chownSync(socket, uid, gid)
  try {
    return await work()
  } finally {
    renameSync(`${socket}.real`, socket)
  }
}

test('what takes too long is ended in the guest, with all that it has started', async () => {
  const begun = performance.now()
  const { status, stdout, stderr } = await exec('--timeout=1', 'sh', '-c', 'echo begun; sleep 777 & sleep 777')
  assert.deepEqual([status, stdout.toString()], [124, 'begun\n'])
  assert.match(stderr, /sh took longer than 1 s, so it was ended in the guest/)
  assert.ok(performance.now() - begun < 20_000)
  assert.equal(await sh('ps | grep -c "[s]leep 777" || true'), '0\n')
})

test('Ctrl-C ends it in the guest', async () => {
  const ran = await nbsvmBytes(['a', 'exec', 'sleep', '778'], 'ignore', (pid) => {
    void until('the program', 30_000, async () => (await sh('ps | grep -c "[s]leep 778" || true')) === '1\n').then(() =>
      process.kill(pid, 'SIGINT'),
    )
  })
  assert.equal(ran.status, 130)
  assert.equal(await sh('ps | grep -c "[s]leep 778" || true'), '0\n')
})

test('several at once wait for each other only for moments', async () => {
  const begun = performance.now()
  const ran = await Promise.all(Array.from({ length: 5 }, (_, at) => exec('sh', '-c', `sleep 4; exit ${at}`)))
  assert.deepEqual(
    ran.map(({ status }) => status),
    [0, 1, 2, 3, 4],
  )
  assert.ok(performance.now() - begun < 15_000)
})

test('status tells what the guest says of itself', async () => {
  await until('its address', 30_000, async () => (await sh('ip addr show eth0')).includes('inet '))
  // It waits for no agent that takes long.
  const told: { guest: Status['guest'] } = { guest: null }
  await until('the agent', 30_000, async () => {
    told.guest = (JSON.parse((await nbsvm(['a', 'status', '--json'])).stdout) as Status).guest
    return told.guest !== null
  })
  const { guest } = told
  assert.equal(guest?.hostname, 'guest')
  const [first] = guest?.addresses ?? []
  // QEMU's own network has this one; passt gives it this machine's.
  assert.match(`${first?.interface} ${first?.address}`, /^eth0 \d+(?:\.\d+){3}$/)
  const shown = /guest +guest\n +address +[\d.]+ \(eth0\)/
  await until('the guest in status', 30_000, async () => shown.test((await nbsvm(['a'])).stdout))
})

test('words that no guest can be given are refused', async () => {
  const broken = spawn('sh', ['-c', `exec "$0" a exec echo "$(printf 'caf\\351')"`, program], { env: home.env })
  let stderr = ''
  broken.stderr.on('data', (text: Buffer) => (stderr += text.toString()))
  assert.equal(await new Promise((resolve) => broken.on('close', resolve)), 2)
  assert.match(stderr, /is not UTF-8/)
})

test('a paused guest is told as paused', async () => {
  assert.equal((await nbsvm(['a', 'pause'])).status, 0)
  const { status, stderr } = await exec('true')
  assert.equal(status, 255)
  assert.match(stderr, /its guest does not run \(paused\)\n.*nbsvm a resume/)
  assert.equal((await nbsvm(['a', 'resume'])).status, 0)
})

test('a guest that does not listen to its power button is asked through its agent', async () => {
  assert.equal((await nbsvm(['deaf', 'start', ...agentKernel])).status, 0)
  const deafen = 'killall acpid && while pidof acpid; do sleep 0.1; done'
  assert.equal((await nbsvm(['deaf', 'timeout=90', 'wait', 'agent'])).status, 0)
  await until('its daemon', 90_000, async () => (await nbsvm(['deaf', 'exec', 'sh', '-c', deafen])).status === 0)
  const { status, stderr } = await nbsvm(['deaf', 'shutdown'])
  assert.equal(status, 0)
  assert.match(stderr, /does not listen to its power button, so its agent was asked\n.*the guest shut down/)
})

test('an agent that ends in the midst of it, and one that was never there', async () => {
  const running = exec('sleep', '779')
  await until('the program', 30_000, async () => (await sh('ps | grep -c "[s]leep 779" || true')) === '1\n')
  const serial = await serialOf('a')
  serial.send('\n')
  await serial.waitFor(guestPrompt)
  await serial.command('kill -9 $(cat /tmp/qemu-ga.pid)')
  serial.close()
  for (const { status, stderr } of [await running, await exec('true')]) {
    assert.equal(status, 255)
    assert.match(stderr, /no guest agent is running there\n.*nbsvm a wait agent\n.*apt install qemu-guest-agent/)
  }
  assert.equal((await nbsvm(['bare', 'start', ...guestKernel])).status, 0)
  const { status, stderr } = await nbsvm(['bare', 'exec', 'true'])
  assert.equal(status, 255)
  assert.match(stderr, /no guest agent is running there/)
  assert.match((await nbsvm(['none', 'exec', 'true'])).stderr, /there is no VM none/)
})
