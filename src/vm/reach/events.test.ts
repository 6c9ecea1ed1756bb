import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Ending, Journal, JournalEvent } from '../../qemu/journal.js'
import { eventsBetween, lookAfter, type Look } from './events.js'

const ending: Ending = { kind: 'guest-shutdown', atMs: 9, words: 'the guest shut down' }

function look(startedAt: number | undefined, events: readonly JournalEvent[], over?: Ending): Look {
  const started = startedAt === undefined ? undefined : ({ nbsvm: 'started', at: startedAt, bootId: 'b' } as const)
  const journal: Journal = { started, events, stopping: undefined, refused: undefined, came: undefined }
  return { journal, ending: over }
}

function event(name: string, atMs: number, data = {}): JournalEvent {
  return { name, atMs, data }
}

const told = (before: Look | undefined, now: Look): string[] =>
  eventsBetween(before, now).map(({ kind, atMs, why }) => `${kind} ${atMs}${why === null ? '' : ` ${why}`}`)

test('a first look tells all of the run', () => {
  const events = [event('RESUME', 2), event('STOP', 3), event('RESUME', 4), event('SUSPEND', 5), event('WAKEUP', 6)]
  assert.deepEqual(told(undefined, look(1, events)), ['started 1', 'running 2', 'paused 3', 'running 4', 'asleep 5', 'running 6'])
  assert.deepEqual(told(undefined, look(1, events.slice(0, 1), ending)), [
    'started 1',
    'running 2',
    'stopped 9 the guest shut down',
  ])
  assert.deepEqual(told(undefined, look(undefined, [], { kind: 'never-started', atMs: null, words: '' })), [])
})

test('a later one tells what has come since', () => {
  const first = [event('RESUME', 2)]
  const more = [...first, event('BLOCK_IO_ERROR', 3, { action: 'stop', reason: 'No space left on device' }), event('STOP', 3)]
  assert.deepEqual(told(look(1, first), look(1, first)), [])
  assert.deepEqual(told(look(1, first), look(1, more)), ['paused 3 No space left on device'])
  assert.deepEqual(told(look(1, more), look(1, more, ending)), ['stopped 9 the guest shut down'])
  assert.deepEqual(told(look(1, more, ending), look(1, more, ending)), [])
  // What was seen last is not in the journal any more, of which only the end is kept.
  assert.deepEqual(told(look(1, first), look(1, [event('STOP', 7)])), ['paused 7'])
})

test('another start is another run, also where nobody saw the end of the one before', () => {
  assert.deepEqual(told(look(1, [event('RESUME', 2)], ending), look(5, [event('RESUME', 6)])), ['started 5', 'running 6'])
  assert.deepEqual(told(look(1, []), look(5, [])), ['stopped null', 'started 5'])
})

test('a run that is over stays so while the next one is on its way: its lock is held before its journal is another', () => {
  const seen: string[] = []
  let before: Look | undefined
  for (const found of [look(1, []), look(1, [], ending), look(1, []), look(undefined, []), look(5, [])]) {
    const now = lookAfter(before, found)
    seen.push(...told(before, now))
    before = now
  }
  assert.deepEqual(seen, ['started 1', 'stopped 9 the guest shut down', 'started 5'])
})
