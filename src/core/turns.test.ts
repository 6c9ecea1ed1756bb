import assert from 'node:assert/strict'
import { test } from 'node:test'
import { turns } from './turns.js'

test('at most so many are at it, in order, also where some fail', async () => {
  const inTurn = turns(2)
  const [begun, ended]: [number[], number[]] = [[], []]
  let busy = 0
  let most = 0
  const one = async (n: number): Promise<void> => {
    begun.push(n)
    most = Math.max(most, ++busy)
    await new Promise((resolve) => setTimeout(resolve, n % 2 === 0 ? 1 : 5))
    busy--
    ended.push(n)
    if (n === 3) throw new Error('three')
  }
  const all = await Promise.allSettled([1, 2, 3, 4, 5, 6].map((n) => inTurn(() => one(n))))
  assert.deepEqual([begun, most, ended.length], [[1, 2, 3, 4, 5, 6], 2, 6])
  assert.deepEqual(
    all.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled'],
  )
})
