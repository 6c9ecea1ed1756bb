import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { journalLine, lastState, parseJournal, whyEnded } from './journal.js'

const boot = 'b0'
const started = journalLine({ nbsvm: 'started', at: 1000, bootId: boot, qemu: '7.2.22', accelerator: 'tcg' })
const stopping = journalLine({ nbsvm: 'stopping', at: 9000, by: 'stop' })

function event(second: number, name: string, data?: object): string {
  const timestamp = { seconds: second, microseconds: 500_000 }
  return `${JSON.stringify({ timestamp, event: name, ...(data === undefined ? {} : { data }) })}\r\n`
}

/** A journal as nbsvm and QEMU write it, from lines in the order in which they were written. */
function journalOf(text: string) {
  const lines = text.split(/(?<=\n)/)
  const isOurs = (line: string): boolean => line.startsWith('{"nbsvm":')
  return parseJournal({
    ours: lines.filter(isOurs).join(''),
    events: lines.filter((line) => !isOurs(line)).join(''),
  })
}

const came = journalLine({
  nbsvm: 'moved',
  at: 10_000,
  from: 'box1',
  ended: { kind: 'guest-shutdown', atMs: 7, words: 'the guest shut down' },
})

const resume = event(2, 'RESUME')
const shutdown = (reason: string, guest = false): string => event(8, 'SHUTDOWN', { guest, reason })

test('why a VM is gone', () => {
  const table: readonly (readonly [text: string, kind: string, atMs: number | null, words: string])[] = [
    ['', 'never-started', null, 'it was never started'],
    ['rubbish\n', 'never-started', null, 'it was never started'],
    [started + resume + shutdown('guest-shutdown', true), 'guest-shutdown', 8500, 'the guest shut down'],
    [started + resume + event(5, 'POWERDOWN') + shutdown('guest-shutdown', true), 'guest-shutdown', 8500, 'the guest shut down'],
    [started + resume + shutdown('guest-reset', true), 'guest-reset', 8500, 'the guest rebooted, which ends this VM'],
    [
      started + resume + event(7, 'GUEST_PANICKED', { action: 'poweroff' }) + shutdown('guest-panic', true),
      'guest-panicked',
      8500,
      'the guest panicked',
    ],
    [started + resume + stopping + shutdown('host-qmp-quit'), 'stopped', 8500, 'ended by stop'],
    // QEMU hung and was killed: nothing is left of it but nbsvm's own line.
    [started + resume + stopping, 'stopped', 9000, 'ended by stop'],
    // The guest was faster than the stop.
    [started + resume + stopping + shutdown('guest-shutdown', true), 'guest-shutdown', 8500, 'the guest shut down'],
    [started + resume + shutdown('host-qmp-quit'), 'quit', 8500, 'it was ended over its monitor'],
    [started + resume + shutdown('host-signal'), 'signalled', 8500, 'QEMU was ended by a signal'],
    [started + resume + shutdown('host-ui'), 'window-closed', 8500, 'its window was closed'],
    [started + resume + shutdown('host-error'), 'failed', 8500, 'QEMU gave up after an error of the host'],
    [started + resume + shutdown('host-qmp-system-reset'), 'reset', 8500, 'it was reset, which ends this VM'],
    [started + resume + shutdown('subsystem-reset'), 'reset', 8500, 'a part of it was reset, which ends this VM'],
    [started + resume + shutdown('a-new-one'), 'quit', 8500, 'QEMU ended: a-new-one'],
    [started + resume, 'killed', null, 'QEMU was killed, or crashed'],
    [started, 'killed', null, 'QEMU was killed, or crashed'],
    [started.replace(boot, 'b1') + resume, 'host-rebooted', null, 'the host went down while it ran'],
    [started.replace(boot, 'b1') + resume + shutdown('guest-shutdown', true), 'guest-shutdown', 8500, 'the guest shut down'],
    [started + journalLine({ nbsvm: 'refused', at: 1100, words: "no 'x'" }), 'refused', 1100, "QEMU refused to start it: no 'x'"],
    // With -no-shutdown a guest goes on after its end.
    [started + resume + shutdown('guest-shutdown', true) + event(9, 'RESUME'), 'killed', null, 'QEMU was killed, or crashed'],
    [
      started + resume + shutdown('guest-shutdown', true) + event(9, 'RESUME') + event(10, 'SHUTDOWN', { reason: 'host-ui' }),
      'window-closed',
      10_500,
      'its window was closed',
    ],
    // Only the last start counts; QEMU's part begins again with each.
    [started.replace(boot, 'b1') + stopping + started + resume, 'killed', null, 'QEMU was killed, or crashed'],
    // A tail without the start, as a bounded read gives it.
    [resume + shutdown('guest-shutdown', true), 'guest-shutdown', 8500, 'the guest shut down'],
    [resume, 'killed', null, 'QEMU was killed, or crashed'],
    // It came as one that is off, and tells what it was there, until it is started here.
    [came, 'guest-shutdown', 7, 'the guest shut down'],
    [started.replace(boot, 'b1') + came, 'guest-shutdown', 7, 'the guest shut down'],
    [came + started + resume, 'killed', null, 'QEMU was killed, or crashed'],
    [started + resume + journalLine({ nbsvm: 'moved', at: 5, from: 'box1' }) + stopping, 'stopped', 9000, 'ended by stop'],
    // Torn lines: at the end, and before another.
    [started + resume + shutdown('guest-shutdown', true).slice(0, 70), 'killed', null, 'QEMU was killed, or crashed'],
    [started + event(4, 'RESET').slice(0, 30) + shutdown('host-ui'), 'window-closed', 8500, 'its window was closed'],
    [`${started}qemu: half a word${shutdown('host-ui')}`, 'window-closed', 8500, 'its window was closed'],
    [
      `${started}not json\n{"nbsvm":"dreaming","at":3}\n{"nbsvm":"stopping"}\n[1]\n\n${resume}`,
      'killed',
      null,
      'QEMU was killed, or crashed',
    ],
  ]
  for (const [text, kind, atMs, words] of table) {
    assert.deepEqual(whyEnded(journalOf(text), { bootId: boot }), { kind, atMs, words }, text)
  }
})

test('what a VM that lives is doing', () => {
  const ioError = event(3, 'BLOCK_IO_ERROR', {
    action: 'stop',
    device: '',
    operation: 'write',
    nospace: true,
    reason: 'No space left',
  })
  const reported = ioError.replace('"stop"', '"report"')
  const table: readonly (readonly [text: string, state: object])[] = [
    ['', { state: 'paused', detail: 'prelaunch', sinceMs: undefined }],
    [started, { state: 'paused', detail: 'prelaunch', sinceMs: 1000 }],
    [started + resume, { state: 'running', detail: 'running', sinceMs: 2500 }],
    [
      started + resume + event(3, 'RESET', { guest: true, reason: 'guest-reset' }),
      { state: 'running', detail: 'running', sinceMs: 2500 },
    ],
    [started + resume + event(4, 'STOP'), { state: 'paused', detail: 'paused', sinceMs: 4500 }],
    [started + resume + event(4, 'STOP') + event(5, 'RESUME'), { state: 'running', detail: 'running', sinceMs: 5500 }],
    [
      started + resume + ioError + event(4, 'STOP'),
      { state: 'paused', detail: 'io-error', reason: 'No space left', sinceMs: 4500 },
    ],
    [started + resume + reported + event(4, 'STOP'), { state: 'paused', detail: 'paused', sinceMs: 4500 }],
    // Room was made and the guest went on: the next pause is an ordinary one.
    [
      started + resume + ioError + event(4, 'STOP') + event(5, 'RESUME') + event(6, 'STOP'),
      { state: 'paused', detail: 'paused', sinceMs: 6500 },
    ],
    [
      started + resume + event(3, 'GUEST_PANICKED', { action: 'pause' }) + event(4, 'STOP'),
      { state: 'paused', detail: 'guest-panicked', sinceMs: 4500 },
    ],
    [
      started + resume + event(3, 'WATCHDOG', { action: 'pause' }) + event(4, 'STOP'),
      { state: 'paused', detail: 'watchdog', sinceMs: 4500 },
    ],
    [started + resume + event(4, 'SUSPEND'), { state: 'paused', detail: 'suspended', sinceMs: 4500 }],
    [started + resume + event(4, 'SUSPEND') + event(5, 'WAKEUP'), { state: 'running', detail: 'running', sinceMs: 5500 }],
    [started + resume + shutdown('guest-shutdown', true), { state: 'paused', detail: 'shutdown', sinceMs: 8500 }],
  ]
  for (const [text, state] of table) assert.deepEqual(lastState(journalOf(text)), state, text)
})

test('what was written down at the start comes back', () => {
  const entry = { nbsvm: 'started', at: 5, bootId: 'x', forwards: [{ hostPort: 2222, guestPort: 22, protocol: 'tcp' }] } as const
  assert.deepEqual(parseJournal({ ours: journalLine(entry), events: '' }).started, entry)
})

test('what QEMU writes is never taken for what nbsvm has written', () => {
  const lie = started + stopping + journalLine({ nbsvm: 'refused', at: 5, words: 'root:x' })
  const journal = parseJournal({ ours: '', events: lie + resume })
  assert.deepEqual(
    { ...journal, events: journal.events.length },
    { started: undefined, stopping: undefined, refused: undefined, came: undefined, events: 1 },
  )
})

test('the words of a QEMU that refused are bounded', () => {
  const line = journalLine({ nbsvm: 'refused', at: 5, words: 'x'.repeat(1e6) })
  assert.ok(line.length < 5000 && parseJournal({ ours: line, events: '' }).refused !== undefined)
})

test('no journal, however damaged, makes it throw', () => {
  const whole = started + resume + stopping + shutdown('host-qmp-quit')
  fc.assert(
    fc.property(fc.nat(whole.length), fc.nat(whole.length), fc.string(), (from, to, rubbish) => {
      const journal = journalOf(whole.slice(0, from) + rubbish + whole.slice(to))
      assert.ok(whyEnded(journal, { bootId: boot }).words.length > 0)
      assert.ok(['running', 'paused'].includes(lastState(journal).state))
    }),
  )
})
