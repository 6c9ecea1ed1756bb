import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'node:test'
import { gate, sideBySide } from './sidebyside.js'

test('results are in the order of the items, and no more than so many are worked on at once', async () => {
  let [now, most] = [0, 0]
  const results = await sideBySide([5, 1, 4, 1, 3, 2], 3, async (ms) => {
    most = Math.max(most, ++now)
    await sleep(ms)
    now--
    return ms * 10
  })
  assert.deepEqual(results, [50, 10, 40, 10, 30, 20])
  assert.equal(most, 3)
})

test('nothing to do, and one that fails', async () => {
  assert.deepEqual(await sideBySide([], 3, () => Promise.reject(new Error('never'))), [])
  await assert.rejects(
    sideBySide([1, 2], 1, (n) => (n === 2 ? Promise.reject(new Error('two')) : Promise.resolve(n))),
    /two/,
  )
})

test('a gate lets so many in, those who wait in their order, and somebody for each who fails', async () => {
  const enter = gate(2)
  const order: number[] = []
  let [now, most] = [0, 0]
  const work = (n: number) => async (): Promise<void> => {
    order.push(n)
    most = Math.max(most, ++now)
    await sleep(2)
    now--
    if (n === 1) throw new Error('one')
  }
  const ended = await Promise.allSettled([0, 1, 2, 3, 4].map((n) => enter(work(n))))
  assert.deepEqual(
    ended.map(({ status }) => status === 'fulfilled'),
    [true, false, true, true, true],
  )
  assert.deepEqual([order, most], [[0, 1, 2, 3, 4], 2])
})
