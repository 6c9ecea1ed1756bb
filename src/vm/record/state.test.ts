import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { journalLine } from '../../qemu/journal.js'
import { bootId } from '../../sys/environment.js'
import { tryLock } from '../../sys/lock.js'
import { drawerOf } from './drawer.js'
import { endingOf, glance, isRunning, journalOf, qemuPid } from './state.js'

const state = fs.mkdtempSync(path.join(tmpdir(), 'nbsvm-state-'))
after(() => fs.rmSync(state, { recursive: true }))
let count = 0

function newDrawer() {
  const drawer = drawerOf(state, `vm${++count}`)
  fs.mkdirSync(drawer.folder)
  return drawer
}

const event = (seconds: number, name: string): string =>
  `${JSON.stringify({ timestamp: { seconds, microseconds: 0 }, event: name })}\n`
const started = (at: number): string => journalLine({ nbsvm: 'started', at, bootId: bootId() })

test('a pid is believed of a process that has the lock open, and of no other', (context) => {
  const drawer = newDrawer()
  const innocent = spawn('sleep', ['60'])
  context.after(() => innocent.kill())
  fs.writeFileSync(drawer.pid, `${process.pid}\n`)
  assert.equal(qemuPid(drawer), undefined, 'there is no lock')
  const lock = tryLock(drawer.lock)
  assert.equal(qemuPid(drawer), process.pid)
  for (const text of [`${innocent.pid}`, '1', '0', '-1', '', 'x', '1e9']) {
    fs.writeFileSync(drawer.pid, text)
    assert.equal(qemuPid(drawer), undefined, text)
  }
  lock?.release()
})

test('a VM whose process cannot be seen runs as long as its lock is held', () => {
  const drawer = newDrawer()
  fs.writeFileSync(drawer.pid, '0')
  fs.writeFileSync(drawer.journal, started(1000))
  fs.writeFileSync(drawer.events, event(2, 'RESUME'))
  assert.equal(glance(drawer).state, 'stopped')
  const lock = tryLock(drawer.lock)
  assert.equal(isRunning(drawer), true)
  assert.deepEqual([glance(drawer).state, glance(drawer).pid], ['running', undefined])
  lock?.release()
  assert.equal(glance(drawer).state, 'stopped')
})

test('the lock of an nbsvm at work is no VM that runs', () => {
  const drawer = newDrawer()
  fs.writeFileSync(drawer.pid, '0')
  fs.writeFileSync(drawer.journal, started(1000))
  const lock = tryLock(drawer.lock, 'remove it')
  assert.equal(glance(drawer).state, 'busy')
  lock?.release()
})

test('events are read from the older file to the newer, and each to its end', () => {
  const drawer = newDrawer()
  fs.writeFileSync(drawer.journal, started(1000))
  fs.writeFileSync(`${drawer.events}.1`, event(2, 'RESUME') + event(3, 'STOP'))
  assert.deepEqual(
    journalOf(drawer).events.map(({ name }) => name),
    ['RESUME', 'STOP'],
  )
  fs.writeFileSync(drawer.events, event(4, 'RESUME'))
  assert.deepEqual(
    journalOf(drawer).events.map(({ name }) => name),
    ['RESUME', 'STOP', 'RESUME'],
  )
  fs.writeFileSync(drawer.events, event(4, 'RESUME').repeat(5000) + event(9, 'STOP'))
  const { events } = journalOf(drawer)
  assert.ok(events.length < 2000, 'the end is enough')
  assert.deepEqual([events.at(-1)?.name, events.at(-1)?.atMs], ['STOP', 9000])
})

test('of a journal that a restart without end has made long, the last start counts', () => {
  const drawer = newDrawer()
  fs.writeFileSync(drawer.journal, started(1).repeat(5000) + started(7) + journalLine({ nbsvm: 'stopping', at: 8, by: 'stop' }))
  assert.equal(journalOf(drawer).started?.at, 7)
  assert.deepEqual(endingOf(drawer), { kind: 'stopped', atMs: 8, words: 'ended by stop' })
})
