import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'node:test'
import { sideBySide } from './sidebyside.js'

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
