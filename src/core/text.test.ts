import assert from 'node:assert/strict'
import { test } from 'node:test'
import { printable, printableMessage } from './text.js'

test('nothing is left that a terminal would obey or answer, and nothing that turns text around', () => {
  assert.equal(printable('a\u001B]52;c;aGk=\u0007b\u009B6n\u0005\u007F\u0000'), 'a?]52;c;aGk=?b?6n???')
  assert.equal(printable('kill \u202E1234\u2066x\u200F'), 'kill ?1234?x?')
  assert.equal(printable('over\rwritten\u0008\u000B\u000C'), 'over?written???')
})

test('letters, tabs and line ends stay as they are', () => {
  const text = 'Grüße\tан 日本 🙂 👩‍💻\nnext'
  assert.equal(printable(text), text)
  assert.equal(printable('one\r\ntwo\r\n'), 'one\ntwo\n')
})

test('a message is bounded in its lines and in their number', () => {
  assert.equal(printableMessage('x'.repeat(50), 10), `${'x'.repeat(10)}...`)
  assert.equal(printableMessage('short\nalso short', 10), 'short\nalso short')
  const many = printableMessage('line\n'.repeat(1_000_000)).split('\n')
  assert.deepEqual([many.length, many.at(-1)], [501, '...'])
})
