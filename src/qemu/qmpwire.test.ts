import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { lineCutter, parseMessage } from './qmpwire.js'

function cut(pieces: readonly Buffer[], limitBytes?: number): string[] {
  const lines: string[] = []
  const read = lineCutter((line) => lines.push(line), limitBytes)
  for (const piece of pieces) read(piece)
  return lines
}

test('lines come out whole, wherever the stream was cut', () => {
  const line = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\n', ' '))
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.nat({ max: 40 })), (lines, cuts) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''))
      const pieces: Buffer[] = []
      let from = 0
      for (const length of cuts) {
        pieces.push(bytes.subarray(from, from + length))
        from += length
      }
      pieces.push(bytes.subarray(from))
      assert.deepEqual(cut(pieces), lines)
    }),
  )
})

test('a line without an end is given up at the limit, and so is one that comes whole', () => {
  assert.throws(() => cut([Buffer.alloc(60, 'x'), Buffer.alloc(60, 'x')], 100), /a line of more than 100 bytes/)
  assert.throws(() => cut([Buffer.from(`${'x'.repeat(101)}\n`)], 100), /a line of more than 100 bytes/)
  assert.deepEqual(cut([Buffer.from(`${'x'.repeat(100)}\n`)], 100), ['x'.repeat(100)])
})

test('each kind of message is told from the others', () => {
  const greeting =
    '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "x"}, "capabilities": ["oob"]}}'
  assert.deepEqual(parseMessage(greeting), { kind: 'greeting' })
  assert.deepEqual(parseMessage('{"return": {}, "id": 3}\r'), { kind: 'return', id: 3, value: {} })
  assert.deepEqual(parseMessage('{"id": 3, "error": {"class": "GenericError", "desc": "no"}}'), {
    kind: 'error',
    id: 3,
    class: 'GenericError',
    desc: 'no',
  })
  const event = '{"timestamp": {"seconds": 1700000000, "microseconds": 123456}, "event": "STOP"}'
  assert.deepEqual(parseMessage(event), { kind: 'event', name: 'STOP', data: {}, atMs: 1_700_000_000_123 })
  assert.equal(parseMessage('\r'), undefined)
})

test('what is not QMP is refused and quoted, short', () => {
  for (const line of ['hello', '{"return": 1', '[]', 'null', '{}', '{"return": {}}', '{"event": 4}']) {
    assert.throws(() => parseMessage(line), { name: 'Failure', message: /^not a QMP message: / }, line)
  }
  assert.throws(
    () => parseMessage('x'.repeat(10_000)),
    (error) => error instanceof Error && error.message.length < 400,
  )
})
