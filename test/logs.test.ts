// What a guest can make grow on the host, while no nbsvm runs: real VMs that flood. And helpers that nobody ended.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { endHelpers, helperStates, startHelpers } from '../src/helper/helpers.js'
import type { Helper } from '../src/model/helper.js'
import type { Status } from '../src/vm/life/status.js'
import { makeHome, until } from './cli.js'

const home = makeHome()
const { nbsvm } = home
const drawer = (id: string): string => path.join(home.folder, 'state', id)

/** Seconds that a flood lasts; the limits hold for any. */
const floodMs = Number(process.env['NBSVM_FLOOD_SECONDS'] ?? 4) * 1000

async function ok(args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await nbsvm(args)
  assert.equal(status, 0, `${args.join(' ')}: ${stderr}`)
  return stdout
}

async function statusOf(id: string): Promise<Status> {
  return JSON.parse((await nbsvm([id, 'status', '--json'])).stdout) as Status
}

/** Starts a VM that is booted from one sector with this code. */
async function boot(id: string, code: string, settings: readonly string[] = []): Promise<void> {
  const sector = Buffer.alloc(512)
  Buffer.from(code.replaceAll(' ', ''), 'hex').copy(sector)
  sector.writeUInt16LE(0xaa55, 510)
  const image = path.join(home.folder, `${id}.raw`)
  fs.writeFileSync(image, Buffer.concat([sector, Buffer.alloc((1 << 20) - 512)]))
  await ok([id, 'mem=32M', 'network=none', `source=${image}`, ...settings, 'clone', 'start'])
}

/** Bytes of all regular files of a drawer. */
function bytesIn(folder: string): number {
  return fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => fs.lstatSync(path.join(folder, name)))
    .reduce((sum, stats) => sum + (stats.isFile() ? stats.size : 0), 0)
}

/** The limits that `explain` shows, by file. */
async function limits(id: string, settings: readonly string[] = []): Promise<Map<string, number>> {
  const lines = (await ok([id, ...settings, 'explain'])).matchAll(/^# \S+ keeps (\S+) below (\d+)K$/gm)
  return new Map([...lines].map(([, file = '', size]) => [file, Number(size) * 1024]))
}

// mov dx, 0x505; mov al, 2 (the kernel for crashes was loaded); out dx, al; jmp back
const eventFlood = 'ba0505 b002 ee ebfd'

test('a flood of events leaves a few lines, the right state, and the reason why the VM ended', async () => {
  await boot('events', eventFlood)
  const limit = (await limits('events')).get('events.jsonl') ?? 0
  await sleep(floodMs)
  const size = bytesIn(drawer('events'))
  assert.ok(limit > 0 && size < 64 * 1024 && size < limit, `${size} bytes`)
  assert.equal((await statusOf('events')).state, 'running')
  assert.match(await ok(['ls']), /events +running/)
  await ok(['events', 'pause'])
  await until('what was said before', 5000, async () => /events +paused/.test(await ok(['ls'])))
  await ok(['events', 'resume'])
  const begin = Date.now()
  await ok(['events', 'stop'])
  assert.ok(Date.now() - begin < 5000, `stop took ${Date.now() - begin} ms`)
  assert.deepEqual((await statusOf('events')).ending?.words, 'ended by stop')
  assert.ok(!fs.existsSync(path.join(drawer('events'), 'helpers')))
})

test('a guest that floods and then powers off is known to have shut down', async () => {
  // The same 20,000 times; then SLP_EN with sleep type 0 into PM1a_CNT: off.
  await boot('off', 'ba0505 b002 66b9204e0000 ee 6649 75fb ba0406 b80020 ef f4 ebfd')
  await until('its end', 60_000, async () => (await statusOf('off')).state === 'stopped')
  assert.equal((await statusOf('off')).ending?.kind, 'guest-shutdown')
})

test('a flood on the serial port stays below the limit that explain shows, and log tells the end of it', async () => {
  const settings = ['log_size=256K']
  // mov dx, 0x3f8; then 0..9 and a line feed, over and over: mov al, '0'; out dx, al; inc al; cmp al, ':'; jne; mov al, 10; out dx, al; jmp
  await boot('serial', 'baf803 b030 ee fec0 3c3a 75f9 b00a ee ebf2', settings)
  const limit = (await limits('serial', settings)).get('console.log') ?? 0
  assert.equal(limit, 512 * 1024)
  const sizeOf = (file: string): number => fs.statSync(path.join(drawer('serial'), file), { throwIfNoEntry: false })?.size ?? 0
  let most = 0
  const begin = Date.now()
  // It takes some seconds until the log was full once; then it goes on for the time of a flood.
  await until('a full log', 60_000, () => sizeOf('console.log.1') > 0)
  for (const full = Date.now(); Date.now() < full + floodMs; await sleep(20)) {
    most = Math.max(most, sizeOf('console.log') + sizeOf('console.log.1'))
  }
  assert.ok(most > 256 * 1024 * (7 / 8) && most <= limit, `${most} bytes after ${Date.now() - begin} ms`)
  const log = await ok(['serial', ...settings, 'log'])
  assert.ok(log.length > 200 * 1024 && log.length <= 256 * 1024, `${log.length} bytes`)
  const broken = log
    .split('\n')
    .slice(1, -2)
    .filter((line) => line !== '0123456789')
  assert.deepEqual(broken, [])
  process.kill((await statusOf('serial')).pid ?? 0, 'SIGKILL')
  await until('its end', 5000, async () => (await statusOf('serial')).state === 'stopped')
  assert.equal((await statusOf('serial')).ending?.kind, 'killed')
})

test('a journal of 600 MB and a log of 2 GB from before cost nothing', async () => {
  await ok(['large', 'newimg', 'start', '-S'])
  await ok(['large', 'stop'])
  for (const [file, size] of [
    ['events.jsonl', 600],
    ['console.log', 2048],
  ] as const) {
    fs.truncateSync(path.join(drawer('large'), file), size * 1024 ** 2)
  }
  assert.equal((await statusOf('large')).state, 'stopped')
  assert.ok((await ok(['large', 'log'])).length <= 4 * 1024 ** 2 + 1)
  await ok(['large', 'start', '-S'])
  assert.ok(bytesIn(drawer('large')) < 1024 ** 2)
  await ok(['large', 'stop'])
})

test('QEMU goes on without its log keeper; status shows that it is dead; the next start brings it back', async () => {
  await ok(['alone', 'network=none', 'newimg', 'start'])
  const { helpers } = await statusOf('alone')
  assert.deepEqual(
    helpers.map(({ name, alive }) => [name, alive]),
    [['keeper', true]],
  )
  process.kill(-(helpers[0]?.pid ?? Number.NaN), 'SIGKILL')
  await until('its end', 5000, async () => (await statusOf('alone')).helpers[0]?.alive === false)
  assert.match(await ok(['alone']), /helper +keeper +dead/)
  await ok(['alone', 'reset'])
  assert.equal((await statusOf('alone')).state, 'running')
  await ok(['alone', 'stop'])
  await ok(['alone', 'start'])
  assert.equal((await statusOf('alone')).helpers[0]?.alive, true)
  await ok(['alone', 'stop'])
})

test('a drive whose file is damaged, or a base image that is gone, hides nothing else', async () => {
  await ok(['base', 'newimg'])
  await ok(['hurt', 'gold=base', 'newimg', 'snapshot', 'start', '-S'])
  const drives = path.join(home.folder, 'drives')
  fs.writeFileSync(path.join(drives, 'nbsvm-hurt-0.qcow2'), 'x')
  for (const name of fs.readdirSync(drives).filter((name) => name.startsWith('.base'))) {
    fs.renameSync(path.join(drives, name), path.join(drives, `gone-${name}`))
  }
  const { status, stdout } = await nbsvm(['hurt', 'status', '--json'])
  const seen = JSON.parse(stdout) as Status
  assert.deepEqual([status, seen.state, (seen.pid ?? 0) > 0], [0, 'paused', true])
  assert.ok(seen.faults.length > 0 || seen.drives.every(({ fault }) => fault !== null), stdout)
  assert.match(await ok(['hurt']), /broken: |fault/)
  await ok(['hurt', 'stop'])
})

/** Like passt: it waits for a QEMU. */
const waiting: Helper = {
  name: 'waiting',
  command: ['sh', '-c', 'echo $$ >helpers/waiting.pid; while :; do sleep 0.1; done'],
  keepsDescriptors: false,
  reads: [],
  ready: 'helpers/waiting.pid',
  writes: [],
}

for (const [what, line, exit] of [
  ['stop', ['left', 'stop'], 0],
  ['start', ['left', 'start', '-S'], 0],
  ['status', ['left', 'status'], 3],
  ['ls', ['ls'], 0],
  ['rm', ['left', 'rm', '--yes'], 0],
] as const) {
  test(`what a killed start has left is ended by ${what}`, async () => {
    await ok(['left', 'newimg', 'start', '-S'])
    await ok(['left', 'stop'])
    await startHelpers(drawer('left'), [waiting])
    const pid = fs.readFileSync(path.join(drawer('left'), 'helpers/waiting.pid'), 'utf8').trim()
    after(() => endHelpers(drawer('left')))
    assert.equal(helperStates(drawer('left'))[0]?.alive, true)
    // Who only looks leaves alone what may be a start.
    const longAgo = new Date(Date.now() - 60_000)
    if (what === 'ls' || what === 'status') {
      await nbsvm(line)
      assert.equal(helperStates(drawer('left'))[0]?.alive, true)
      fs.utimesSync(path.join(drawer('left'), 'helpers'), longAgo, longAgo)
    }
    const { status, stderr } = await nbsvm(line)
    assert.equal(status, exit, stderr)
    assert.ok(hasEnded(pid))
    if (what !== 'rm') await ok(['left', 'stop'])
  })
}

test('a start that is killed leaves no helper behind', async () => {
  await ok(['cut', 'newimg'])
  for (const afterMs of [40, 80, 120, 160, 200]) {
    const [node, line] = [process.execPath, [path.resolve('dist/nbsvm.cjs'), 'cut', 'start', '-S']]
    spawnSync(node, line, { env: home.env, timeout: afterMs, killSignal: 'SIGKILL' })
    await ok(['cut', 'stop'])
    assert.ok(!fs.existsSync(path.join(drawer('cut'), 'helpers')), `killed after ${afterMs} ms`)
    assert.deepEqual(shellsIn(drawer('cut')), [], `killed after ${afterMs} ms`)
  }
})

/** The processes of helpers that work in a drawer. */
function shellsIn(folder: string): string[] {
  return fs.readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && fs.readlinkSync(`/proc/${pid}/cwd`) === folder
    } catch {
      return false // it has ended
    }
  })
}

function hasEnded(pid: string): boolean {
  try {
    return fs.readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return true
  }
}
