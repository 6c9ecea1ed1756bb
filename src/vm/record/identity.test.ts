import assert from 'node:assert/strict'
import { test } from 'node:test'
import { macOf, uuidOf } from './identity.js'

test('the same VM has the same address at every start, another VM another', () => {
  assert.equal(macOf('foo'), macOf('foo'))
  const addresses = new Set(Array.from({ length: 300 }, (_, number) => macOf(`vm${number}`)))
  assert.equal(addresses.size, 300)
  assert.notEqual(macOf('foo', 1), macOf('foo'))
  for (const address of addresses) assert.match(address, /^52:54(:[0-9a-f]{2}){4}$/)
})

test('a UUID is of version 8 and variant 1', () => {
  assert.match(uuidOf('foo'), /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.notEqual(uuidOf('foo'), uuidOf('bar'))
})
