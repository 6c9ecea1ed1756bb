import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createVtReader } from './vt.js'
import { createVtScreen } from './vtscreen.js'

function linesOf(text: string): string[] {
  const screen = createVtScreen()
  createVtReader(screen).push(Buffer.from(text))
  return screen.lines()
}

test('lines scroll, and wrap only where a character has no room', () => {
  assert.deepEqual(linesOf('one\r\ntwo'), ['one', 'two'])
  const many = Array.from({ length: 30 }, (_, at) => `line ${at}`)
  assert.deepEqual(linesOf(many.join('\r\n')), many.slice(6))
  assert.deepEqual(linesOf(`${'x'.repeat(80)}\r\nnext`), ['x'.repeat(80), 'next'])
  assert.deepEqual(linesOf('x'.repeat(81)), ['x'.repeat(80), 'x'])
})

test('a region scrolls alone', () => {
  assert.deepEqual(linesOf('\u001B[1;1Htop\u001B[5;1Hfoot\u001B[2;4r\u001B[4;1Ha\nb\u001B[r'), ['top', '', 'a', ' b', 'foot'])
  assert.deepEqual(linesOf('a\r\nb\r\nc\u001B[2;1H\u001B[Lnew\u001B[1;1H\u001B[M'), ['new', 'b', 'c'])
})

test('the alternate screen goes, and the other comes back', () => {
  assert.deepEqual(
    linesOf('shell$ \u001B[?1049h\u001B[2J\u001B[Hmenu'),
    ['       menu'].map((text) => text.trim()),
  )
  assert.deepEqual(linesOf('shell$\u001B[?1049hmenu\u001B[?1049l'), ['shell$'])
})

test('characters of two columns and accents take their room', () => {
  assert.deepEqual(linesOf('日本\u001B[5Gx'), ['日本x'])
  assert.deepEqual(linesOf('e\u0301!'), ['e\u0301!'])
})

test('whatever comes, the screen has its size', () => {
  const bit = fc.oneof(
    fc.constantFrom(
      'abc',
      '日',
      '\n',
      '\r',
      '\b',
      '\t',
      '\u001BM',
      '\u001BD',
      '\u001B7',
      '\u001B8',
      '\u001Bc',
      '\u001B[?1049h',
      '\u001B[?47l',
    ),
    fc
      .tuple(fc.constantFrom(...Array.from('ABCDEFGHJKLMPSTX@bdfrsu`')), fc.nat({ max: 99 }), fc.nat({ max: 99 }))
      .map(([f, a, b]) => `\u001B[${a};${b}${f}`),
  )
  fc.assert(
    fc.property(fc.array(bit, { maxLength: 60 }), (bits) => {
      const screen = createVtScreen()
      createVtReader(screen).push(Buffer.from(bits.join('')))
      const { text, ends } = screen.now()
      assert.equal(ends.length, text.length)
      assert.equal(text.split('\n').length, 25)
      assert.ok(screen.lines().every((line) => line.length <= 160))
    }),
  )
})
