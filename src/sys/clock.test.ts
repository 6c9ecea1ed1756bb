import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { mock, test } from 'node:test'
import { deadlineIn, monotonicMs, pause } from './clock.js'

test('a deadline is not moved by whoever sets the clock', (context) => {
  const until = deadlineIn(10_000)
  context.mock.method(Date, 'now', () => 0)
  assert.ok(until.leftMs > 9000 && until.leftMs <= 10_000)
  assert.equal(until.isOver, false)
  assert.equal(deadlineIn(0).isOver, true)
  assert.equal(deadlineIn(-5).leftMs, 0)
  mock.restoreAll()
})

test('a pause takes its time', async () => {
  const since = monotonicMs()
  await pause(30)
  const tookMs = monotonicMs() - since
  assert.ok(tookMs >= 29 && tookMs < 5000, `${tookMs}`)
})

test('a pause ends at once with the reason of its signal', async () => {
  const reason = new Error('interrupted')
  await assert.rejects(pause(60_000, AbortSignal.abort(reason)), reason)
  const controller = new AbortController()
  setTimeout(() => controller.abort(reason), 10)
  const since = monotonicMs()
  await assert.rejects(pause(60_000, controller.signal), reason)
  assert.ok(monotonicMs() - since < 5000)
})

test('a signal that lives long keeps no listener of the pauses it was given', async () => {
  const { signal } = new AbortController()
  for (let count = 0; count < 30; count++) await pause(0, signal)
  assert.equal(getEventListeners(signal, 'abort').length, 0)
})
