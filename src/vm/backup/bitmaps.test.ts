import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bitmapName, superfluous } from './bitmaps.js'

const [mine, other] = ['a'.repeat(16), 'b'.repeat(16)]
const name = (folder: string, atMs: number): string => bitmapName(folder, { token: '0'.repeat(16), atMs })
const right = (one: string): { name: string; isRight: boolean } => ({ name: one, isRight: true })

test('of the bitmaps in a drive those go that count no more, and nobody else’s', () => {
  const kept = name(mine, 3)
  const found = [name(mine, 1), name(mine, 4), kept, 'of-another-program', name(other, 1)].map(right)
  assert.deepEqual(superfluous(found, mine, kept), [name(mine, 1), name(mine, 4)])
  assert.deepEqual(superfluous(found, mine, undefined).includes(kept), true)
})

test('of other folders’ the newest three stay, unless QEMU says that they do not count', () => {
  const others = [10, 2, 30, 4, 5].map((atMs) => name(other, atMs))
  const [ten, two, thirty, four, five] = others
  assert.deepEqual(superfluous(others.map(right), mine, undefined), [two, four])
  const broken = others.map((one) => ({ name: one, isRight: one !== thirty }))
  assert.deepEqual(superfluous(broken, mine, undefined), [two, thirty])
  assert.ok(ten !== undefined && five !== undefined && four !== undefined)
})
