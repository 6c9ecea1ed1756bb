import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isZero } from './zeros.js'

test('one byte that is none is seen wherever it is, and nothing is zeros', () => {
  assert.equal(isZero(Buffer.alloc(0)), true)
  const large = Buffer.alloc(2 * 1024 ** 2 + 7)
  assert.equal(isZero(large), true)
  for (const at of [0, 1024 ** 2 - 1, 1024 ** 2, large.length - 1]) {
    large[at] = 1
    assert.equal(isZero(large), false, `${at}`)
    large[at] = 0
  }
})
