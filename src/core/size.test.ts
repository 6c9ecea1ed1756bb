import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatSize, parseSize } from './size.js'

test('sizes are powers of 1024', () => {
  assert.equal(parseSize('1'), 1)
  assert.equal(parseSize('512', 'M'), 512 * 1024 ** 2)
  assert.equal(parseSize('2G', 'M'), 2 * 1024 ** 3)
  assert.equal(parseSize('1.5g'), 1.5 * 1024 ** 3)
  assert.equal(parseSize('20GiB'), 20 * 1024 ** 3)
  assert.equal(parseSize('3T'), 3 * 1024 ** 4)
})

test('what is no size is refused, with what can be written', () => {
  for (const text of ['', '0', '-1', 'x', '1X', '1 G', '1e3', '0.3', '1G2', '9999999P', 'NaN']) {
    assert.throws(() => parseSize(text), /is not a size: write it like 512M, 20G or 1.5T/, text)
  }
})

test('sizes are written short', () => {
  const written = [0, 1023, 1024, 200_704, 1.5 * 1024 ** 3, 20 * 1024 ** 3, 1024 ** 4].map(formatSize)
  assert.deepEqual(written, ['0', '1023', '1K', '196K', '1.5G', '20G', '1T'])
})
