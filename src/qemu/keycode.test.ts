import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UsageError } from '../core/errors.js'
import { keysFor, parseKeys } from './keycode.js'

test("keys are known by QEMU's names, by what people call them, and by what they write", () => {
  assert.deepEqual(parseKeys('ctrl-alt-f2'), ['ctrl', 'alt', 'f2'])
  assert.deepEqual(parseKeys('Ctrl-Alt-Del'), ['ctrl', 'alt', 'delete'])
  assert.deepEqual(['enter', 'PageDown', 'kp_0', 'win'].map(parseKeys), [['ret'], ['pgdn'], ['kp_0'], ['meta_l']])
  assert.deepEqual(['a', 'A', '5', '%', '-', '_', ' '].map(parseKeys), [
    ['a'],
    ['shift', 'a'],
    ['5'],
    ['shift', '5'],
    ['minus'],
    ['shift', 'minus'],
    ['spc'],
  ])
  assert.deepEqual(['ctrl--', 'ctrl-c', 'ctrl-plus'].map(parseKeys), [
    ['ctrl', 'minus'],
    ['ctrl', 'c'],
    ['ctrl', 'shift', 'equal'],
  ])
})

test('a name that is not a key is refused with the nearest one', () => {
  assert.throws(
    () => parseKeys('entr'),
    (error: unknown) => error instanceof UsageError && /did you mean enter\?/.test(error.message),
  )
  assert.throws(() => parseKeys('ctrl-alt-f22'), /"f22" of "ctrl-alt-f22" is not a key; did you mean f2\?/)
  for (const word of ['', '--', 'é', 'constructor', 'ctrl-']) assert.throws(() => parseKeys(word), UsageError, word)
})

test('every character of ASCII that can be seen has keys, and Enter, Tab and Escape', () => {
  const seen = Array.from({ length: 95 }, (_, at) => String.fromCharCode(0x20 + at)).join('')
  assert.equal(keysFor(`${seen}\r\t\u001B`).length, 98)
  assert.throws(() => keysFor('é'), UsageError)
})
