// Real helpers in a folder of their own: the log keeper without a QEMU, and small programs that behave badly.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Helper } from '../model/helper.js'
import { lastState, parseJournal } from '../qemu/journal.js'
import { keeper, keeperFiles } from '../qemu/keeper.js'
import { orMissing } from '../sys/file.js'
import { endHelpers, helperStates, startHelpers, type HelperFailure } from './helpers.js'

function drawerOf(context: TestContext): string {
  const drawer = fs.mkdtempSync(path.join(tmpdir(), 'nbsvm-helpers-'))
  context.after(async () => {
    await endHelpers(drawer)
    fs.rmSync(drawer, { recursive: true })
  })
  return drawer
}

interface Kept {
  readonly drawer: string
  say(end: 'console' | 'events', text: string | Buffer): void
  /** What QEMU's end is. */
  close(): void
  read(file: string): string
  sizeOf(...files: string[]): number
  /** Waits until the file holds the text. */
  has(file: string, text: string): Promise<void>
}

/** A log keeper, and the ends that QEMU would have. */
async function startKeeper(
  context: TestContext,
  { logBytes = 1 << 20, shell = 'sh', before = [] as string[] } = {},
): Promise<Kept> {
  const drawer = drawerOf(context)
  const row = keeper({ id: 'foo', logBytes })
  const started = await startHelpers(drawer, [{ ...row, command: [...before, shell, ...row.command.slice(1)] }])
  const ends = {
    console: fs.openSync(`${drawer}/${keeperFiles.consoleFifo}`, 'w'),
    events: fs.openSync(`${drawer}/${keeperFiles.eventsFifo}`, 'w'),
  }
  await started.follow()
  let isClosed = false
  const close = (): void => {
    if (!isClosed) Object.values(ends).forEach((fd) => fs.closeSync(fd))
    isClosed = true
  }
  context.after(close)
  // The keeper may move it away just now.
  const read = (file: string): string => orMissing(() => fs.readFileSync(`${drawer}/${file}`, 'latin1')) ?? ''
  return {
    drawer,
    say: (end, text) => {
      const bytes = Buffer.from(text)
      for (let at = 0; at < bytes.length;) at += fs.writeSync(ends[end], bytes, at)
    },
    close,
    read,
    sizeOf: (...files) => files.reduce((sum, file) => sum + read(file).length, 0),
    has: (file, text) => until(`${file} has ${text}`, () => read(file).includes(text)),
  }
}

async function until(what: string, is: () => boolean): Promise<void> {
  for (const end = Date.now() + 10_000; !is();) {
    assert.ok(Date.now() < end, `waited for: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const event = (name: string, data: object = {}): string =>
  `${JSON.stringify({ timestamp: { seconds: 5, microseconds: 0 }, event: name, data }).replaceAll(/[:,](?=["{])/g, '$& ')}\r\n`

for (const shell of ['sh', 'bash']) {
  test(`${shell} keeps what comes at once, and ends when QEMU does`, async (context) => {
    const kept = await startKeeper(context, { shell })
    kept.say('console', 'login: ')
    await kept.has('console.log', 'login: ')
    kept.say('events', `${event('RESUME')}qemu-system-x86_64: a warning\n${event('RTC_CHANGE')}${event('STOP')}`)
    await kept.has('events.jsonl', 'STOP')
    assert.deepEqual(
      [kept.read('events.jsonl'), kept.read('qemu.log')],
      [event('RESUME') + event('STOP'), 'qemu-system-x86_64: a warning\n'],
    )
    assert.deepEqual(
      helperStates(kept.drawer).map(({ name, alive }) => [name, alive]),
      [['keeper', true]],
    )
    kept.say('console', Buffer.from([0, 255, 10]))
    kept.say('events', event('SHUTDOWN', { reason: 'host-signal' }))
    kept.close()
    await endHelpers(kept.drawer)
    assert.equal(kept.read('console.log'), 'login: \0\xff\n')
    assert.match(kept.read('events.jsonl'), /SHUTDOWN/)
    assert.ok(!fs.existsSync(`${kept.drawer}/helpers`))
  })
}

test('a flood on the console stays below the limit, and what is kept is the end of it without a gap', async (context) => {
  const logBytes = 128 * 1024
  const kept = await startKeeper(context, { logBytes })
  const all = Array.from({ length: 200_000 }, (_, index) => `line ${index}\r\n`).join('')
  let most = 0
  for (let at = 0; at < all.length; at += 100_000) {
    kept.say('console', all.slice(at, at + 100_000))
    most = Math.max(most, kept.sizeOf('console.log', 'console.log.1'))
  }
  kept.close()
  await endHelpers(kept.drawer)
  const text = kept.read('console.log.1') + kept.read('console.log')
  assert.ok(most <= 2 * logBytes && text.length <= 2 * logBytes, `${most}, ${text.length}`)
  assert.ok(text.length >= (7 / 8) * logBytes && all.endsWith(text))
})

test('whatever a guest makes QEMU report, the last events that tell its state are kept, and little else', async (context) => {
  const kept = await startKeeper(context)
  kept.say('events', event('RESUME'))
  // A week in which the guest sets its clock every 11 minutes, and crashes of a second kernel.
  // Not as many as would leave a full file, and a new one of the right length, if they were kept.
  for (let at = 0; at < 1007; at++)
    kept.say('events', event('RTC_CHANGE', { offset: at }) + event('GUEST_CRASHLOADED', { action: 'run' }))
  for (let at = 0; at < 1000; at++)
    kept.say('events', event('GUEST_PANICKED', { action: 'run' }) + event('BLOCK_IO_ERROR', { action: 'report' }))
  for (let at = 0; at < 600; at++) kept.say('events', event('BLOCK_IO_ERROR', { reason: 'No space', action: 'stop' }))
  kept.say('events', event('STOP'))
  for (let at = 0; at < 600; at++) kept.say('events', event('BLOCK_IO_ERROR', { reason: 'No space', action: 'stop' }))
  kept.close()
  await endHelpers(kept.drawer)
  const { state, detail, reason } = lastState(parseJournal({ ours: '', events: kept.read('events.jsonl') }))
  assert.deepEqual([state, detail, reason], ['paused', 'io-error', 'No space'])
  assert.equal(kept.read('events.jsonl').split('\n').length - 1, 4)
})

test('a guest that suspends without end, and a QEMU that warns without end, stay below the limit', async (context) => {
  const kept = await startKeeper(context)
  for (let at = 0; at < 600; at++) kept.say('events', event('SUSPEND') + event('WAKEUP') + `warning ${at} ${'x'.repeat(1200)}\n`)
  kept.close()
  await endHelpers(kept.drawer)
  const { writes } = keeper({ id: 'foo', logBytes: 1 })
  for (const file of ['events.jsonl', 'qemu.log']) {
    const limit = writes.find((one) => one.file === file)?.maxBytes ?? 0
    const size = kept.sizeOf(file, `${file}.1`)
    assert.ok(size > 10_000 && size <= limit, `${file}: ${size} of ${limit}`)
  }
  const events = (kept.read('events.jsonl.1') + kept.read('events.jsonl')).trim().split('\n')
  assert.ok(events.length <= 1000, `${events.length} of 1200 events`)
  assert.match(kept.read('qemu.log.1') + kept.read('qemu.log'), /warning 599 x{900}/)
})

test('QEMU never waits for a disk that is full, and the log goes on when there is room', async (context) => {
  // No file gets larger than 8 blocks of 512 bytes, as POSIX has it.
  const full = 4096
  const kept = await startKeeper(context, { before: ['sh', '-c', 'trap "" XFSZ; ulimit -f 8; exec "$@"', 'sh'] })
  for (let at = 0; at < 8; at++) {
    kept.say('console', 'x'.repeat(30_000))
    kept.say('events', `${event('STOP')}${'x'.repeat(20_000)}\n`)
  }
  await until('the disk is full', () => kept.sizeOf('console.log') === full)
  for (const file of ['events.jsonl', 'qemu.log']) fs.rmSync(`${kept.drawer}/${file}`, { force: true })
  // What waits to be written still has the old file open; and what the FIFO holds fills a new one.
  await until('the log goes on', () => {
    if (kept.sizeOf('console.log') === full) fs.rmSync(`${kept.drawer}/console.log`)
    kept.say('console', 'after')
    return kept.read('console.log').includes('after')
  })
  kept.say('events', event('RESUME'))
  await kept.has('events.jsonl', 'RESUME')
})

test('a keeper that was killed is seen to be dead, what QEMU writes then goes nowhere, and the next one starts', async (context) => {
  const kept = await startKeeper(context)
  await until('its number', () => (helperStates(kept.drawer)[0]?.pid ?? 0) > 0)
  process.kill(-Number(helperStates(kept.drawer)[0]?.pid), 'SIGKILL')
  await until('its end', () => helperStates(kept.drawer)[0]?.alive === false)
  // QEMU ignores SIGPIPE, as Node does.
  assert.throws(() => kept.say('console', 'x'), /EPIPE/)
  await endHelpers(kept.drawer)
  assert.deepEqual(helperStates(kept.drawer), [])
})

const deaf: Helper = {
  name: 'deaf',
  // Like passt: it closes what it inherits; and, unlike it, does not listen.
  command: ['bash', '-c', 'exec 3>&- 4>&- 5>&-; trap "" TERM; echo $$ >deaf.pid; while :; do sleep 0.1; done'],
  keepsDescriptors: false,
  reads: [],
  ready: 'deaf.pid',
  log: 'deaf.log',
  writes: [],
}

test('a helper serves when the start returns, and all of it is gone when it was ended, whether it listens or not', async (context) => {
  const drawer = drawerOf(context)
  await startHelpers(drawer, [deaf])
  const pid = Number(fs.readFileSync(`${drawer}/deaf.pid`, 'utf8'))
  assert.equal(helperStates(drawer)[0]?.alive, true)
  await endHelpers(drawer)
  await until('the end of what it started', () => spawnSync('kill', ['-0', String(pid)]).status !== 0 || isZombie(pid))
})

test('a helper that cannot run is told with its own words, and leaves nothing', async (context) => {
  const drawer = drawerOf(context)
  const broken: Helper = {
    ...deaf,
    name: 'broken',
    command: ['sh', '-c', 'echo hello; echo "no room" >&2; exit 1'],
    log: 'broken.log',
  }
  await assert.rejects(
    startHelpers(drawer, [broken]),
    (error: HelperFailure) => error.helper === 'broken' && error.why === 'no room',
  )
  assert.deepEqual(helperStates(drawer), [])
})

test('one that does not serve in time is told from one that has ended, and ended', async (context) => {
  const drawer = drawerOf(context)
  const late = { ...deaf, command: ['sleep', '60'], ready: 'never', readyWithinMs: 300 }
  await assert.rejects(startHelpers(drawer, [late]), /deaf cannot run: it did not serve within 0.3 s, and said nothing/)
  assert.deepEqual(helperStates(drawer), [])
  const ended = { ...deaf, command: ['true'] }
  await assert.rejects(startHelpers(drawer, [ended]), /deaf cannot run: it ended before it served, and said nothing/)
})

test('nobody is signalled who does not hold the lock', async (context) => {
  const drawer = drawerOf(context)
  const sleeper = spawn('sleep', ['60'], { detached: true })
  context.after(() => sleeper.kill())
  fs.mkdirSync(`${drawer}/helpers`)
  fs.writeFileSync(`${drawer}/helpers/other.lock`, `${sleeper.pid}\n`)
  assert.deepEqual(helperStates(drawer), [{ name: 'other', alive: false, pid: null }])
  await endHelpers(drawer)
  assert.equal(sleeper.exitCode ?? sleeper.signalCode, null)
})

/** Ended, and nobody has asked how: where process 1 is not an init. */
function isZombie(pid: number): boolean {
  return fs.readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
}
