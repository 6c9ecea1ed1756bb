import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { lineReader, parseAnswer, type Awaited } from './agentwire.js'

/** The lines that are read of a stream, whatever pieces it comes in. */
function read(stream: Buffer, awaited: Awaited, sizes: readonly number[] = [stream.length || 1]): string[] {
  const lines: string[] = []
  const reader = lineReader((line) => lines.push(line.toString('latin1')))
  reader.expect(awaited)
  for (let at = 0, turn = 0; at < stream.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1
    reader.push(stream.subarray(at, at + size))
    at += size
  }
  return lines
}

const anyStream = fc.array(fc.constantFrom('a', '\n', '\u00FF', '{"return": 1}\n', 'xyz'), { maxLength: 30 })
const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 })

test('the lines are the same whatever pieces the stream comes in', () => {
  fc.assert(
    fc.property(anyStream, sizes, fc.constantFrom<Awaited>('sync', { maxBytes: 1000 }), (parts, cut, awaited) => {
      const stream = Buffer.from(parts.join(''), 'latin1')
      assert.deepEqual(read(stream, awaited, cut), read(stream, awaited))
    }),
  )
})

test('for a handshake only what follows a mark is a line', () => {
  const lines = (text: string): string[] => read(Buffer.from(text, 'latin1'), 'sync')
  assert.deepEqual(lines('{"error": {}}\n{"return": 1}\n'), [])
  assert.deepEqual(lines('{"error": {}}\n\u00FF{"return": 7}\n'), ['{"return": 7}'])
  assert.deepEqual(lines('half an ans\u00FFx\u00FF{"return": 7}\nmore\n'), ['{"return": 7}'])
  assert.deepEqual(lines(`\u00FF${'x'.repeat(5000)}\n\u00FFshort\n`), ['short'])
})

test('a line that is longer than allowed is refused before it has ended', () => {
  assert.throws(() => read(Buffer.alloc(1001, 'x'), { maxBytes: 1000 }), /longer than 1000 bytes/)
  assert.deepEqual(read(Buffer.from(`${'x'.repeat(1000)}\n`), { maxBytes: 1000 }), ['x'.repeat(1000)])
})

test('answers and errors are told apart; what is neither is refused', () => {
  assert.deepEqual(parseAnswer(Buffer.from('{"return": {"pid": 7}}')), { kind: 'return', value: { pid: 7 } })
  assert.deepEqual(parseAnswer(Buffer.from('{"error": {"class": "GenericError", "desc": "no\\u001b[31m"}}')), {
    kind: 'error',
    class: 'GenericError',
    desc: 'no?[31m',
  })
  assert.equal(parseAnswer(Buffer.from(' \r')), undefined)
  for (const wrong of ['x', '[]', '5', 'null', '{}', '{"ret": 1}', '{"return": 1']) {
    assert.throws(() => parseAnswer(Buffer.from(wrong)), { name: 'Failure' }, wrong)
  }
})

test('a long text is handed on as the bytes that came', () => {
  const long = 'QUJD'.repeat(5000)
  const line = Buffer.from(`{"return": {"a\\"b": "short", "out-data": "${long}", "exited": true, "err-data": "${long}"}}`)
  const answer = parseAnswer(line)
  assert.equal(answer?.kind, 'return')
  const value = (answer as { value: Record<string, unknown> }).value
  assert.equal(value['a"b'], 'short')
  assert.equal(value['exited'], true)
  assert.equal(String(value['out-data']), long)
  assert.equal(String(value['err-data']), long)
})

test('an answer full of little things is refused before they are made', () => {
  for (const piece of ['[],', '"",', '{"a":']) {
    const line = Buffer.from(`{"return": [${piece.repeat(1_000_000)}`)
    assert.throws(() => parseAnswer(line), /more than was asked for/, piece)
  }
})

test('whatever comes is an answer or a Failure', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 200 }),
        fc.json().map((text) => Buffer.from(text)),
      ),
      (bytes) => {
        try {
          parseAnswer(Buffer.from(bytes))
        } catch (error) {
          assert.equal((error as Error).name, 'Failure')
        }
      },
    ),
  )
})
