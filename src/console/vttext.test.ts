import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createVtReader } from './vt.js'
import { createVtText, squeeze } from './vttext.js'

/** The text of a stream that comes in one piece, or in several. */
function textOf(...pieces: readonly (string | Buffer)[]): string {
  const text = createVtText()
  const reader = createVtReader(text)
  for (const piece of pieces) reader.push(Buffer.from(piece as string))
  return text.now().text
}

test('sequences are no text: colours, modes, titles, queries, the palette of the Linux console', () => {
  assert.equal(textOf('\u001B[1;31mRed\u001B[0m \u001B[?25lhat\u001B[6n\u001B[>c\u001B(B\u001B=!'), 'Red hat!')
  assert.equal(textOf('\u001B]0;title\u0007a\u001B]8;;http://x\u001B\\b\u001BPq#0\u001B\\c\u001B]R\u001B]P0123456d'), 'abcd')
  assert.equal(textOf('a\u001B]never ended\nb'), 'a\nb')
  assert.equal(textOf('a\u001B[\u0018b\u001B[12\u001B[mc'), 'abc')
})

test('blanks are one blank, whatever they were made of; empty lines are none', () => {
  assert.equal(textOf('Go\u001B[23CBack\tto \u00A0 it  \r\n\r\n\r\nnext'), 'Go Back to it\nnext')
})

test('where the cursor is sent somewhere else a line ends', () => {
  assert.equal(textOf('\u001B[10;4HSelect\u001B[11;4Ha language\u001B[dup\rover'), '\nSelect\na language\nup\nover')
})

test('line drawing is no text of letters, however it is switched on', () => {
  assert.equal(textOf('\u001B(0lqqk\u001B(Bx\u001B)0\u000Eq\u000Fq'), '┌──┐x─q')
})

test('what is erased by backspaces is not there', () => {
  assert.equal(textOf('loginn\b \b: '), 'login: ')
})

test('bytes that are not UTF-8 take nothing with them, and C1 controls are nothing', () => {
  assert.equal(textOf(Buffer.from([0x61, 0xff, 0xc3, 0x28, 0x62]), Buffer.from('\u009B31m日本')), 'a\uFFFD\uFFFD(b31m日本')
})

test('however a stream is cut, the text is the same, and each character knows where it ended', () => {
  const bit = fc.oneof(
    fc.constantFrom(
      'a',
      'é',
      '日',
      '🙂',
      ' ',
      '\t',
      '\r\n',
      '\b',
      '\u001B',
      '\u001B[3',
      '\u001B[5;5H',
      '\u001B[2C',
      '\u001B]0;t\u0007',
    ),
    fc.constantFrom(
      '\u001B(0',
      '\u001B(B',
      '\u000E',
      '\u000F',
      '\u001BP',
      '\u001B\\',
      '\u0018',
      'H',
      'm',
      '\u001Bc',
      '\u001BM',
      '\u001B[3b',
    ),
  )
  const cuts = fc.array(fc.nat({ max: 60 }), { maxLength: 4 })
  fc.assert(
    fc.property(fc.array(bit, { maxLength: 20 }), cuts, (bits, cuts) => {
      const stream = Buffer.from(bits.join(''))
      const edges = [0, ...cuts.map((cut) => Math.min(cut, stream.length)).toSorted((a, b) => a - b), stream.length]
      const pieces = edges.slice(1).map((edge, at) => stream.subarray(edges[at], edge))
      assert.equal(textOf(...pieces), textOf(stream))
      const text = createVtText()
      createVtReader(text).push(stream)
      const { ends, text: said } = text.now()
      assert.equal(ends.length, said.length)
      assert.ok(ends.every((end, at) => end <= stream.length && end >= (ends[at - 1] ?? 0)))
    }),
  )
})

test('whatever comes, the text is bounded', () => {
  const text = createVtText()
  const reader = createVtReader(text)
  for (let times = 0; times < 300; times++) reader.push(Buffer.from(`x\u001B[9999b${'y'.repeat(1000)}`))
  assert.ok(text.now().text.length <= 64 * 1024)
})

test('what is looked for is squeezed as what is said', () => {
  assert.equal(squeeze('a  b\tc \r\n\n d'), 'a b c\nd')
})
