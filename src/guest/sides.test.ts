import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UsageError } from '../core/errors.js'
import { parseCopying } from './sides.js'

test('the side with the colon is the guest', () => {
  assert.deepEqual(parseCopying(['./site', ':/srv/']), { from: 'host', sources: ['./site'], destination: '/srv/' })
  assert.deepEqual(parseCopying([':/a', ':b', '.']), { from: 'guest', sources: ['/a', './b'], destination: '.' })
  assert.deepEqual(parseCopying(['a:b', './:c', ':']), { from: 'host', sources: ['a:b', './:c'], destination: './' })
  assert.deepEqual(parseCopying(['x', ':-rf']), { from: 'host', sources: ['x'], destination: './-rf' })
})

test('options for what is done in any case are taken, where they are no names', () => {
  assert.deepEqual(parseCopying(['-r', '-ap', 'site', ':/srv']).sources, ['site'])
  assert.deepEqual(parseCopying([':/x', '-r']).destination, '-r')
  assert.deepEqual(parseCopying(['-r', ':/x']).sources, ['-r'])
})

test('both ends on one side, and sources on two, are refused', () => {
  for (const words of [
    ['a', 'b'],
    [':a', ':b'],
    ['a', ':b', ':c'],
    [':a', 'b', 'c'],
  ]) {
    assert.throws(() => parseCopying(words), UsageError, words.join(' '))
  }
})
