import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lastLines } from './screen.js'

test('lastLines shows the last lines, the unfinished one among them', () => {
  assert.equal(lastLines('one\r\ntwo\r\nlogin: ', 2), 'two\r\nlogin: \u001B[m')
  assert.equal(lastLines('a\nb', 5), 'a\r\nb\u001B[m')
})

test('lastLines shows nothing of an empty log', () => {
  assert.equal(lastLines('', 24), '')
  assert.equal(lastLines('\r\n\r\n', 24), '')
})

test('lastLines keeps colours and drops all else that moves or changes the terminal', () => {
  assert.equal(lastLines('\u001B[2J\u001B[10;1H\u001B[1;31mred\u001B[0m\u001B[K', 5), '\u001B[1;31mred\u001B[0m\u001B[m')
  assert.equal(
    lastLines('\u001B]0;title\u0007a\u001B]0;title\u001B\\b\u001B7\u001B(Bc\u001B[?1049h\u001B[6nd', 5),
    'abcd\u001B[m',
  )
})
