import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from './errors.js'
import { pngSize } from './png.js'

/** One red pixel. */
const pixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==',
  'base64',
)

test('a whole picture tells its size', () => {
  assert.deepEqual(pngSize(pixel), { width: 1, height: 1 })
})

test('what breaks off, is longer, or is something else is refused', () => {
  for (let length = 0; length < pixel.length; length++)
    assert.throws(() => pngSize(pixel.subarray(0, length)), Failure, String(length))
  assert.throws(() => pngSize(Buffer.concat([pixel, Buffer.from('more')])), Failure)
  assert.throws(() => pngSize(Buffer.concat([pixel.subarray(0, 8), Buffer.alloc(20, 0xff)])), Failure)
  assert.throws(() => pngSize(Buffer.from('P6 1 1 255 ...')), Failure)
})
