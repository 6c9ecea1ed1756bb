import assert from 'node:assert/strict'
import { test } from 'node:test'
import { finderOf } from './pattern.js'

test('all matches are found, each with its place', () => {
  assert.deepEqual(JSON.stringify(finderOf(/a+/g)('aa b a', 1000)), '[[0,2],[5,6]]')
  assert.deepEqual(JSON.stringify(finderOf(/^$/gm)('', 1000)), '[[0,0]]')
})

test('an expression that would take years is broken off', () => {
  const before = performance.now()
  assert.equal(finderOf(/^(a+)+$/g)(`${'a'.repeat(50)}b`, 50), undefined)
  assert.ok(performance.now() - before < 5000)
})
