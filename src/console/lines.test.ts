import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLines } from './lines.js'

const [ESC, CSI] = ['\u001B', '\u001B[']

function plain(...chunks: readonly string[]): string {
  const lines = createLines()
  const done = chunks.map((chunk) => lines.push(Buffer.from(chunk)).toString())
  return done.join('') + lines.rest().toString()
}

/** As QEMU's readline draws `info`: after each letter all of it again. */
const typed = `(qemu) i${CSI}K${CSI}Din${CSI}K${CSI}D${CSI}Dinf${CSI}K${CSI}D${CSI}D${CSI}Dinfo${CSI}K\r\nanswer\r\n(qemu) `

test('what a line editor draws becomes the line that one sees', () => {
  assert.equal(plain(typed), '(qemu) info\nanswer\n')
  assert.equal(plain('abc\bX\n', 'abc\rX\n', `abc${CSI}2DX${CSI}K\n`), 'abX\nXbc\naX\n')
  assert.equal(plain('Grüße 日本\n'), 'Grüße 日本\n')
})

test('wherever the stream is cut', () => {
  for (let at = 0; at < typed.length; at++) assert.equal(plain(typed.slice(0, at), typed.slice(at)), '(qemu) info\nanswer\n')
  assert.equal(plain(...typed.split('')), '(qemu) info\nanswer\n')
})

test('nothing is left that a terminal would obey', () => {
  assert.equal(plain(`a${ESC}]52;c;x\u0007b${CSI}6n${ESC}c\u0000\u0005\n`), 'a52;c;xb\n')
  assert.equal(plain(`last${ESC}[`), 'last\n')
  assert.ok(plain('x'.repeat(1_000_000)).length < 70_000)
})
