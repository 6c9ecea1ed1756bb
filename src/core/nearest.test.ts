import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearest } from './nearest.js'
import { byNumberInText } from './order.js'
import { columns } from './table.js'

const verbs = ['newimg', 'start', 'stop', 'status', 'shutdown', 'snapshot', 'console']

test('a typing mistake finds the word that was meant', () => {
  assert.equal(nearest('strat', verbs), 'start')
  assert.equal(nearest('consoel', verbs), 'console')
  assert.equal(nearest('newimage', verbs), 'newimg')
  assert.equal(nearest('STOP', verbs), 'stop')
  assert.equal(nearest('xyzzy', verbs), undefined)
  assert.equal(nearest('a', verbs), undefined)
})

test('numbers in names count as numbers', () => {
  assert.deepEqual(['web10', 'web2', 'db', 'web', 'web2a'].toSorted(byNumberInText), ['db', 'web', 'web2', 'web2a', 'web10'])
})

test('columns line up, the last as it is', () => {
  assert.deepEqual(
    columns([
      ['a', 'bb', 'c'],
      ['ddd', 'e', ''],
    ]),
    ['a    bb  c', 'ddd  e   '],
  )
})
