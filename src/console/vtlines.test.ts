import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createVtReader } from './vt.js'
import { createVtLines } from './vtlines.js'

function linesOf(text: string): (string | undefined)[] {
  const lines = createVtLines()
  createVtReader(lines).push(Buffer.from(text))
  return [...lines.take(), lines.rest()]
}

test('lines are as one reads them: without colours, with what was written over', () => {
  assert.deepEqual(linesOf('\u001B[32mok\u001B[0m\r\n 10%\r100%\r\nab\b\bc\r\nlogin: '), ['ok', '100%', 'cb', 'login:'])
  assert.deepEqual(linesOf('a\tb\u001B[3Cc\u001B[2Dd\u001B[K\r\n'), ['a       b  d', undefined])
})

test('a line ends where the cursor goes elsewhere, and where it gets too long', () => {
  assert.deepEqual(linesOf('\u001B[2J\u001B[1;1Hmenu\u001B[2;1Hitem'), ['menu', 'item'])
  assert.deepEqual(
    linesOf('x'.repeat(5000)).map((line) => line?.length),
    [4096, 904],
  )
})
