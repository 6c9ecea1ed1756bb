import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { frameHead, pieceBytes, Reader, type Frame } from './wire.js'

// eslint-disable-next-line @typescript-eslint/require-await
async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

function bytesOf(frame: Frame): Buffer {
  return Buffer.concat([frameHead(frame), ...(frame.kind === 'data' ? [frame.bytes] : [])])
}

/** Objects as they are written in a program. */
const plain = { noNullPrototype: true } as const

const frames = fc.oneof(
  fc.record(
    {
      kind: fc.constant('data' as const),
      drive: fc.integer({ min: 0, max: 999 }),
      offset: fc.integer({ min: 0, max: 2 ** 50 }),
      bytes: fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
    },
    plain,
  ),
  fc.record({ kind: fc.constant('end' as const), bytes: fc.integer({ min: 0, max: 2 ** 50 }) }, plain),
  fc.record({ kind: fc.constant('word' as const), word: fc.constantFrom('go' as const, 'bye' as const) }, plain),
)

test('what was written is read, in whatever pieces it comes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(frames), fc.integer({ min: 1, max: 100 }), async (sent, size) => {
      const all = Buffer.concat([Buffer.from('{"a":1}\n'), ...sent.map(bytesOf)])
      const reader = new Reader(inPieces(all, size))
      assert.deepEqual(await reader.header(), { a: 1 })
      for (const frame of sent) assert.deepEqual(await reader.frame(), frame)
      assert.equal(await reader.frame(), undefined)
    }),
  )
})

test('what is cut, or is something else, is said to be that', async () => {
  const read = async (bytes: Buffer): Promise<unknown> => {
    const reader = new Reader(inPieces(bytes, 5))
    await reader.header()
    return reader.frame()
  }
  await assert.rejects(read(Buffer.from('')), /nothing came/)
  await assert.rejects(read(Buffer.from('hello')), /no VM as nbsvm sends it/)
  await assert.rejects(read(Buffer.from('[]\n')), /no VM as nbsvm sends it/)
  await assert.rejects(read(Buffer.from('{}\n\u0001\0\0')), /ends in the midst/)
  const data = bytesOf({ kind: 'data', drive: 0, offset: 0, bytes: Buffer.alloc(9) })
  await assert.rejects(read(Buffer.concat([Buffer.from('{}\n'), data.subarray(0, -1)])), /ends in the midst/)
  const huge = Buffer.from(data)
  huge.writeUInt32BE(pieceBytes + 1, 4)
  await assert.rejects(read(Buffer.concat([Buffer.from('{}\n'), huge])), /no VM as nbsvm sends it/)
  await assert.rejects(read(Buffer.concat([Buffer.from('{}\n'), Buffer.alloc(16, 9)])), /no VM as nbsvm sends it/)
})
