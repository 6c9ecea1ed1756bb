import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recall } from './recall.js'

test('recall shows the last lines, the unfinished one among them', () => {
  assert.equal(recall('one\r\ntwo\r\nlogin: ', 2), 'two\r\nlogin: \u001B[m')
  assert.equal(recall('a\nb', 5), 'a\r\nb\u001B[m')
})

test('recall shows nothing of an empty log', () => {
  assert.equal(recall('', 24), '')
  assert.equal(recall('\r\n\r\n', 24), '')
})

test('recall keeps colours and drops all else that moves or changes the terminal', () => {
  assert.equal(recall('\u001B[2J\u001B[10;1H\u001B[1;31mred\u001B[0m\u001B[K', 5), '\u001B[1;31mred\u001B[0m\u001B[m')
  assert.equal(recall('\u001B]0;title\u0007a\u001B]0;title\u001B\\b\u001B7\u001B(Bc\u001B[?1049h\u001B[6nd', 5), 'abcd\u001B[m')
})
