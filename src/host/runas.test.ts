import assert from 'node:assert/strict'
import { test } from 'node:test'
import { freeUid } from './runas.js'

test('VMs of two homes have different numbers, and those of one home too', () => {
  const taken = new Set<number>()
  for (let count = 0; count < 20; count++) taken.add(freeUid(taken, '/a/state'))
  assert.equal(taken.size, 20)
  const other = new Set<number>()
  for (let count = 0; count < 20; count++) other.add(freeUid(other, '/b/state'))
  assert.deepEqual(
    [...other].filter((uid) => taken.has(uid)),
    [],
  )
})
