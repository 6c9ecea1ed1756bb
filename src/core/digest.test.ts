import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digest } from './digest.js'

const texts = Array.from({ length: 50_000 }, (_, number) => `mac vm${number}`)

test('texts that differ in little have digests that differ in half of their bits', () => {
  const distances = texts.slice(1).map((text, at) => distance(digest(text, 16), digest(texts[at] ?? '', 16)))
  const mean = distances.reduce((sum, bits) => sum + bits, 0) / distances.length
  assert.ok(Math.abs(mean - 64) < 1, `${mean} bits of 128`)
  assert.ok(Math.min(...distances) > 30)
})

test('each 32 bits are as good as chance: among 50,000 texts about 0.3 pairs share them', () => {
  for (const at of [0, 4, 8, 12]) {
    const seen = new Set(texts.map((text) => digest(text, 16).readUInt32BE(at)))
    assert.ok(seen.size >= texts.length - 5, `${texts.length - seen.size} shared at byte ${at}`)
  }
})

test('the digest of a text never changes: addresses of VMs are made of it', () => {
  assert.equal(digest('mac foo', 16).toString('hex'), 'c0b84024131dfe12076c4d3c65458e47')
  assert.equal(digest('mac foo', 4).length, 4)
})

function distance(a: Buffer, b: Buffer): number {
  let bits = 0
  a.forEach((byte, at) => {
    for (let rest = byte ^ (b[at] ?? 0); rest > 0; rest >>= 1) bits += rest & 1
  })
  return bits
}
