import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UsageError } from '../core/errors.js'
import { parseTyped } from './escapes.js'

test('escapes are what they are in C, and a line ends with what Enter sends', () => {
  assert.equal(parseTyped('root\\n').toString(), 'root\r')
  assert.equal(parseTyped('a\nb\r\nc').toString(), 'a\rb\rc')
  assert.equal(parseTyped('\\t\\e[A\\x03\\x0a\\u00e9\\u{1F642}\\\\n').toString(), '\t\u001B[A\u0003\né🙂\\n')
  assert.deepEqual([...parseTyped('\\xff\\0')], [0xff, 0])
})

test('an escape that means nothing is refused', () => {
  for (const text of ['\\q', '\\', '\\x1', '\\xzz', '\\u12', '\\u{110000}'])
    assert.throws(() => parseTyped(text), UsageError, text)
})
