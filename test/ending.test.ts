// How a VM is ended, paused, woken, and how a start is broken off: by the real program and a real QEMU, in every state in which
// it may be met.
import assert from 'node:assert/strict'
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readlinkSync, readFileSync, writeFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { guestKernel, makeHome, program, run, until } from './cli.js'
import { Terminal } from './guest.js'
import { withJobs, type Job } from '../src/qemu/jobs.js'

const home = makeHome()
const { nbsvm } = home
const drawer = (id: string): string => path.join(home.folder, 'state', id)

interface Status {
  state: string
  pid: number | null
  detail: string | null
  ending: { kind: string } | null
}

async function statusOf(id: string): Promise<Status> {
  return JSON.parse((await nbsvm([id, 'status', '--json'])).stdout) as Status
}

/** Runs nbsvm and returns it with its end, and how long that took from `since()` on. */
function begin(args: readonly string[]): { child: ChildProcess; ended: Promise<{ status: number | null; stderr: string }> } {
  const child = spawn(program, args, { env: home.env, stdio: ['ignore', 'ignore', 'pipe'] })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const ended = new Promise<{ status: number | null; stderr: string }>((resolve) => {
    child.on('close', (status) => resolve({ status, stderr }))
  })
  return { child, ended }
}

/** The processes that were started for a VM: QEMU, and what it is run through. */
function processesOf(id: string): number[] {
  const lines = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' }).split('\n')
  const pids = lines.filter((line) => line.includes(` -name guest=${id} `)).map((line) => Number.parseInt(line, 10))
  // The same tests may run in another checkout.
  return pids.filter((pid) => folderOf(pid).startsWith(home.folder))
}

function folderOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return ''
  }
}

const isFree = (id: string): boolean => {
  try {
    execFileSync('flock', ['-n', path.join(drawer(id), 'lock'), 'true'])
    return true
  } catch {
    return false
  }
}

/** QEMU waits for somebody who never comes, before it answers anything. */
const hanging = ['-chardev', 'socket,id=never,path=never.sock,server=on,wait=on', '-device', 'isa-debugcon,chardev=never']

/** As root QEMU's user could not read the script. */
const trusted = process.geteuid?.() === 0 ? ['run_as=root'] : []
const script = path.join(home.folder, 'qemu-in-a-script')
writeFileSync(script, '#!/bin/sh\nqemu-system-x86_64 "$@"\necho ended\n', { mode: 0o755 })

for (const [what, id, setting] of [
  ['QEMU', 'hung', []],
  ['a script that runs QEMU and waits for it', 'wrapped', [`qemu=${script}`, ...trusted]],
] as const) {
  test(`Ctrl-C while ${what} starts ends it at once: nothing runs, and the lock is free`, async () => {
    await nbsvm([id, 'drive_size=1M', 'newimg'])
    const { child, ended } = begin([id, ...setting, 'start', ...hanging])
    await until('QEMU', 20_000, () => existsSync(path.join(drawer(id), 'run/never.sock')))
    const since = performance.now()
    child.kill('SIGINT')
    const { status, stderr } = await ended
    assert.ok(performance.now() - since < 3000, `${performance.now() - since} ms`)
    assert.equal(status, 130, stderr)
    assert.match(stderr, /interrupted/)
    assert.deepEqual(processesOf(id), [])
    assert.ok(isFree(id))
    assert.equal((await nbsvm([id, ...setting, 'start', '-S', '--', 'stop'])).status, 0)
    assert.deepEqual(processesOf(id), [])
  })

  test(`nbsvm killed while ${what} starts: stop ends what it left`, async () => {
    const { child, ended } = begin([id, ...setting, 'start', ...hanging])
    await until('QEMU', 20_000, () => existsSync(path.join(drawer(id), 'run/never.sock')))
    child.kill('SIGKILL')
    await ended
    const { status, stderr } = await nbsvm([id, 'stop'])
    assert.equal(status, 0, stderr)
    assert.match(stderr, /did not answer, so it was killed/)
    assert.deepEqual(processesOf(id), [])
    assert.ok(isFree(id))
  })
}

test('nbsvm killed as soon as QEMU is run: the VM runs, and every command knows it', async () => {
  const killing = path.join(home.folder, 'killing-qemu')
  const kills = 'case " $* " in *" -name guest=early "*) kill -9 $PPID ;; esac'
  writeFileSync(killing, `#!/bin/sh\n${kills}\nexec qemu-system-x86_64 "$@"\n`, { mode: 0o755 })
  await nbsvm(['early', 'drive_size=1M', 'newimg'])
  assert.equal((await begin(['early', `qemu=${killing}`, ...trusted, 'start', '-S']).ended).status, null)
  const [pid] = processesOf('early')
  await until('QEMU answers', 20_000, () => existsSync(path.join(drawer('early'), 'run/qmp.sock')))
  const status = await statusOf('early')
  assert.deepEqual([status.state, status.pid], ['paused', pid])
  const listed = JSON.parse((await nbsvm(['ls', '--json'])).stdout) as { id: string; state: string }[]
  assert.equal(listed.find(({ id }) => id === 'early')?.state, 'paused')
  assert.equal((await nbsvm(['early', 'stop'])).status, 0)
  assert.deepEqual(processesOf('early'), [])
})

test('Ctrl-C while a QEMU is asked what it can do ends that too', async () => {
  const mute = path.join(home.folder, 'mute-qemu')
  writeFileSync(mute, '#!/bin/sh\nexec sleep 60\n', { mode: 0o755 })
  const { child, ended } = begin(['hung', `qemu=${mute}`, ...trusted, 'start'])
  await new Promise((resolve) => setTimeout(resolve, 1000))
  const since = performance.now()
  child.kill('SIGINT')
  assert.equal((await ended).status, 130)
  assert.ok(performance.now() - since < 2000)
  assert.ok(isFree('hung'))
})

test('stop of a VM that is starting: the start says that it was ended by another', async () => {
  // An earlier test has left it.
  rmSync(path.join(drawer('hung'), 'run/never.sock'), { force: true })
  const { ended } = begin(['hung', 'start', ...hanging])
  await until('QEMU', 20_000, () => existsSync(path.join(drawer('hung'), 'run/never.sock')))
  assert.equal((await nbsvm(['hung', 'stop'])).status, 0)
  const { status, stderr } = await ended
  assert.equal(status, 1)
  assert.match(stderr, /^nbsvm: cannot start hung: it was ended meanwhile by another nbsvm \(stop\)$/m)
  assert.equal((await statusOf('hung')).ending?.kind, 'stopped')
})

test('a stop that comes while QEMU is busy with its start is no kill', async () => {
  // QEMU stands still in the midst of its start for a while, as on a machine under heavy load.
  const { child, ended } = begin(['hung', 'start', '-S'])
  await until('QEMU', 20_000, () => processesOf('hung').length > 0)
  const [pid = 0] = processesOf('hung')
  process.kill(pid, 'SIGSTOP')
  const stopping = nbsvm(['hung', 'stop'])
  setTimeout(() => process.kill(pid, 'SIGCONT'), 3000)
  const { status, stderr } = await stopping
  child.kill()
  await ended
  assert.equal(status, 0)
  assert.match(stderr, /^stopped hung$/m)
})

test('stop of a VM that another nbsvm works on tells at once who that is, and writes nothing', async () => {
  await nbsvm(['asked', 'drive_size=1M', 'newimg'])
  const terminal = new Terminal(home.env)
  try {
    terminal.type(`${program} asked rm\n`)
    await terminal.waitFor(/remove asked/)
    const since = performance.now()
    const { status, stderr } = await nbsvm(['asked', 'stop'])
    assert.ok(performance.now() - since < 2000)
    assert.equal(status, 0, stderr)
    assert.match(stderr, /^asked is being worked on by pid \d+: remove asked\nasked was not running$/m)
    for (const name of ['journal.jsonl', 'events.jsonl']) assert.ok(!existsSync(path.join(drawer('asked'), name)), name)
    assert.match((await nbsvm(['asked', 'start'])).stderr, /cannot start asked: pid \d+ is at work on it: remove asked/)
    assert.match(
      (await nbsvm(['asked', 'pause'])).stderr,
      /cannot pause asked: it is not running; asked is being worked on by pid/,
    )
    assert.match((await nbsvm(['asked', 'shutdown'])).stderr, /asked was not running/)
    assert.equal((await statusOf('asked')).state, 'busy')
  } finally {
    terminal.close()
  }
})

test('a signal ends the wait for a QEMU that hangs', async () => {
  await nbsvm(['hung', 'start', '-S'])
  const { pid } = await statusOf('hung')
  process.kill(pid ?? 0, 'SIGSTOP')
  for (const action of ['stop', 'pause', 'shutdown']) {
    const { child, ended } = begin(['hung', action])
    await new Promise((resolve) => setTimeout(resolve, 700))
    const since = performance.now()
    child.kill('SIGTERM')
    assert.equal((await ended).status, 143, action)
    assert.ok(performance.now() - since < 1000, action)
  }
  assert.match((await nbsvm(['hung', 'stop'])).stderr, /hung did not answer, so it was killed/)
})

test('from another pid namespace, where its process cannot be seen, a VM runs all the same, and is stopped', async () => {
  await nbsvm(['hung', 'start'])
  const words = [
    '--pid',
    '--fork',
    '--mount-proc',
    ...(process.geteuid?.() === 0 ? [] : ['--user', '--map-current-user']),
    program,
  ]
  const there = (...args: string[]) => run('unshare', [...words, ...args], home.env)
  const listed = JSON.parse((await there('ls', '--json')).stdout) as { id: string; state: string; pid: number | null }[]
  const { state, pid } = listed.find(({ id }) => id === 'hung') ?? {}
  assert.deepEqual([state, pid], ['running', null])
  assert.equal((await there('hung', 'status')).status, 0)
  assert.match((await there('hung', 'start')).stderr, /cannot start hung: .* runs where its process cannot be seen/)
  assert.equal((await there('hung', 'pause')).status, 0)
  assert.equal((await statusOf('hung')).state, 'paused')
  const stopped = await there('hung', 'stop')
  assert.match(stopped.stderr, /^stopped hung$/m)
  assert.equal((await there('hung', 'status')).status, 3)
  assert.equal(
    (JSON.parse((await there('ls', '--json')).stdout) as { id: string; state: string }[]).find(({ id }) => id === 'hung')?.state,
    'stopped',
  )
})

test('shutdown of a guest that is still booting, of one that is paused, and of one that cannot hear any more', async () => {
  assert.equal((await nbsvm(['guest', 'mem=256', 'start', ...guestKernel])).status, 0)
  const booting = await nbsvm(['guest', 'timeout=150', 'shutdown'])
  assert.equal(booting.status, 0, booting.stderr)
  assert.match(booting.stderr, /guest: the guest shut down/)

  await nbsvm(['guest', 'mem=256', 'start', ...guestKernel])
  assert.equal((await nbsvm(['guest', 'timeout=60', 'wait', 'guest# '])).status, 0)
  await nbsvm(['guest', 'pause'])
  const paused = await nbsvm(['guest', 'timeout=150', 'shutdown'])
  assert.equal(paused.status, 0, paused.stderr)
  assert.match(paused.stderr, /guest was not running \(paused\), so it goes on to shut down\nguest: the guest shut down/)

  // mov dx, 0x505; mov al, 1; out dx, al: what the pvpanic driver of Linux does when the kernel panics.
  await makeDisk('boots', [0xba, 0x05, 0x05, 0xb0, 0x01, 0xee])
  await nbsvm(['boots', 'start', '-action', 'panic=pause'])
  await until('the panic', 20_000, async () => (await statusOf('boots')).detail === 'guest-panicked')
  const since = performance.now()
  const dead = await nbsvm(['boots', 'shutdown'])
  assert.equal(dead.status, 1)
  assert.match(
    dead.stderr,
    /cannot shut down boots: its guest does not run any more \(guest-panicked\)\n {2}end it: nbsvm boots stop/,
  )
  assert.ok(performance.now() - since < 3000)
  await nbsvm(['boots', 'stop'])
})

test('a guest that sleeps (S3) is woken by resume, cannot be paused, and is told as what it is', async () => {
  // mov dx, 0x604; mov ax, 0x2400; out dx, ax: SLP_EN with sleep type 1 in PM1a_CNT, where SeaBIOS puts it, is S3.
  await makeDisk('sleeper', [0xba, 0x04, 0x06, 0xb8, 0x00, 0x24, 0xef])
  await nbsvm(['sleeper', 'start'])
  await until('the sleep', 20_000, async () => (await statusOf('sleeper')).detail === 'suspended')
  const refused = await nbsvm(['sleeper', 'pause'])
  assert.equal(refused.status, 1)
  assert.match(refused.stderr, /cannot pause sleeper: its guest sleeps \(suspended to RAM\)/)
  const { status, stderr } = await nbsvm(['sleeper', 'resume'])
  assert.equal(status, 0, stderr)
  assert.match(stderr, /^woken sleeper$/m)
  // The log keeper writes it a moment later.
  await until('WAKEUP', 10_000, () =>
    readFileSync(path.join(drawer('sleeper'), 'events.jsonl'), 'utf8').includes('"event": "WAKEUP"'),
  )
  await nbsvm(['sleeper', 'stop'])
})

test('long work has a QMP socket of its own, one at a time: the second is told who has it, and short questions go on', async () => {
  await nbsvm(['hung', 'start'])
  const job = (doing: string): Job => ({
    socket: path.join(drawer('hung'), 'run/jobs.sock'),
    lock: path.join(drawer('hung'), 'jobs.sock.lock'),
    doing,
  })
  await withJobs(job('move hung'), { timeoutMs: 5000 }, async (qmp) => {
    const stopped = qmp.waitFor('STOP', { timeoutMs: 10_000 })
    assert.equal((await nbsvm(['hung', 'pause'])).status, 0)
    assert.equal((await stopped).name, 'STOP')
    await assert.rejects(
      withJobs(job('merge hung'), { timeoutMs: 5000 }, async () => {}),
      {
        message: `cannot merge hung: pid ${process.pid} (move hung) is at work on that VM`,
      },
    )
  })
  await withJobs(job('merge hung'), { timeoutMs: 5000 }, (qmp) => qmp.execute('query-status'))
  await nbsvm(['hung', 'stop'])
})

test('resume of a VM that runs says so; reset of a paused one says that it stays paused', async () => {
  await nbsvm(['hung', 'start'])
  assert.match((await nbsvm(['hung', 'resume'])).stderr, /^hung was running$/m)
  await nbsvm(['hung', 'pause'])
  assert.match((await nbsvm(['hung', 'reset'])).stderr, /reset hung, which is still paused; go on: nbsvm hung resume/)
  assert.match((await nbsvm(['hung', 'resume'])).stderr, /^resumed hung$/m)
  await nbsvm(['hung', 'stop'])
})

/** Gives a VM a disk with a boot sector that does what `code` does, then halts. */
async function makeDisk(id: string, code: readonly number[]): Promise<void> {
  const bytes = Buffer.alloc(1024 ** 2)
  bytes.set([...code, 0xf4, 0xeb, 0xfd]) // hlt; jmp to it
  bytes.writeUInt16LE(0xaa55, 510)
  const file = path.join(home.folder, `${id}.img`)
  writeFileSync(file, bytes)
  const { status, stderr } = await nbsvm([id, `source=${file}`, 'clone'])
  assert.equal(status, 0, stderr)
}
