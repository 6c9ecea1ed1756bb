import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { createViewFilter } from './viewonly.js'

const version = Buffer.from('RFB 003.008\n')
const begin = Buffer.concat([version, Buffer.of(1), Buffer.of(0)])
const pixelFormat = Buffer.concat([Buffer.of(0), Buffer.alloc(19)])
const encodings = Buffer.concat([Buffer.of(2, 0, 0, 3), Buffer.alloc(12, 7)])
const update = Buffer.concat([Buffer.of(3), Buffer.alloc(9, 1)])
const fence = Buffer.concat([Buffer.of(248), Buffer.alloc(7), Buffer.of(3), Buffer.alloc(3, 9)])
const key = Buffer.of(4, 1, 0, 0, 0, 0, 0, 97)
const extendedKey = Buffer.concat([Buffer.of(255, 0), Buffer.alloc(10, 1)])
const pointer = Buffer.of(5, 1, 0, 9, 0, 9)
const cut = Buffer.concat([Buffer.of(6, 0, 0, 0, 0, 0, 0, 5), Buffer.from('hello')])
const extendedCut = Buffer.concat([Buffer.of(6, 0, 0, 0, 255, 255, 255, 252), Buffer.alloc(4, 6)])
const size = Buffer.concat([Buffer.of(251, 0, 1, 0, 1, 0, 1, 0), Buffer.alloc(16)])
const audio = Buffer.of(255, 1, 0, 0)
const audioFormat = Buffer.concat([Buffer.of(255, 1, 0, 2), Buffer.alloc(6)])

it('passes what is wanted to be seen, asks for a shared screen, and drops what a guest would feel, however it is cut', () => {
  const said = [
    begin,
    pixelFormat,
    key,
    encodings,
    pointer,
    cut,
    update,
    extendedKey,
    extendedCut,
    fence,
    size,
    audio,
    audioFormat,
    update,
  ]
  const all = Buffer.concat(said)
  const passes = Buffer.concat([version, Buffer.of(1, 1), pixelFormat, encodings, update, fence, update])
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 40 }), (lengths) => {
      const filter = createViewFilter()
      const out: Buffer[] = []
      let at = 0
      for (const length of [...lengths, all.length]) {
        out.push(Buffer.from(filter(all.subarray(at, at + length))))
        at += length
      }
      assert.deepEqual(Buffer.concat(out), passes)
    }),
    { numRuns: 200 },
  )
})

it('ends what is no VNC, an old viewer, and a message without end', () => {
  assert.throws(() => createViewFilter()(Buffer.from('GET / HTTP/1.1\r\n')))
  assert.throws(() => createViewFilter()(Buffer.from('RFB 003.003\n')))
  for (const message of [Buffer.of(77), Buffer.of(6, 0, 0, 0, 127, 255, 255, 255)]) {
    const filter = createViewFilter()
    filter(begin)
    assert.throws(() => filter(message))
  }
})
