import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { changedIndex, emptyIndex, indexBytes, parseIndex, type DriveIndex } from './driveindex.js'
import { blockBytes, cutAt, joined, spansOf, without, type Run, type Span } from './spans.js'

test('the parts of a drive as blocks: each block that is touched once, none past the end', () => {
  assert.deepEqual(spansOf([], 10 * blockBytes), [])
  assert.deepEqual(spansOf([{ start: 0, length: 1 }], 512), [{ start: 0, count: 1 }])
  const parts = [
    { start: 3 * blockBytes, length: 10 * blockBytes },
    { start: blockBytes - 1, length: 2 },
    { start: 2 * blockBytes, length: blockBytes },
  ]
  assert.deepEqual(spansOf(parts, 5 * blockBytes - 100), [{ start: 0, count: 5 }])
})

const size = 60
const spansArbitrary = fc.array(fc.tuple(fc.integer({ min: 0, max: size - 1 }), fc.integer({ min: 1, max: 9 }))).map((parts) =>
  spansOf(
    parts.map(([start, count]) => ({ start: start * blockBytes, length: count * blockBytes })),
    size * blockBytes,
  ),
)

/** Runs in the blocks of the spans, each in a chunk of its own, which has one block more at either end. */
const runsOf = (spans: readonly Span[]): Run[] => spans.map(({ start, count }, chunk) => ({ start, count, chunk, at: 1 }))

/** By block, where it is. */
function places(runs: readonly Run[]): Map<number, string> {
  const found = new Map<number, string>()
  for (const { start, count, chunk, at } of runs)
    for (let index = 0; index < count; index++) {
      assert.equal(found.has(start + index), false, 'no block is in two runs')
      found.set(start + index, `${chunk}:${at + index}`)
    }
  return found
}

test('runs without what has changed, and joined with what is new, have each block where it was or where it is now', () => {
  fc.assert(
    fc.property(spansArbitrary, spansArbitrary, fc.integer({ min: 0, max: size }), (old, changed, blocks) => {
      const before = runsOf(old)
      const isChanged = (block: number): boolean => changed.some(({ start, count }) => block >= start && block < start + count)
      const left = without(before, changed)
      const expected = new Map([...places(before)].filter(([block]) => !isChanged(block)))
      assert.deepEqual(places(left), expected)
      assert.deepEqual(places(cutAt(before, blocks)), new Map([...places(before)].filter(([block]) => block < blocks)))
      const fresh = changed.map(({ start, count }, index) => ({ start, count, chunk: 100 + index, at: 0 }))
      assert.deepEqual(places(joined(left, fresh)), new Map([...expected, ...places(fresh)].toSorted(([a], [b]) => a - b)))
    }),
  )
})

const hexOf = (number: number): string => number.toString(16).padStart(64, '0')

test('an index is read as it was written, and has no chunk that it does not need', () => {
  fc.assert(
    fc.property(spansArbitrary, spansArbitrary, (old, changed) => {
      const chunksOf = (spans: readonly Span[], from: number) =>
        spans.map(({ count }, at) => ({ hex: hexOf(from + at), blocks: count + 2 }))
      const bytes = size * blockBytes - 100
      const first = changedIndex(emptyIndex(bytes), bytes, old, { chunks: chunksOf(old, 0), runs: runsOf(old) })
      const second = changedIndex(first, bytes, changed, { chunks: chunksOf(changed, 1000), runs: runsOf(changed) })
      assert.deepEqual(parseIndex(indexBytes(second)), second)
      assert.deepEqual(new Set(second.runs.map(({ chunk }) => chunk)).size, second.chunks.length)
      const hexes = (index: DriveIndex): Map<number, string> =>
        new Map([...places(index.runs)].map(([block, place]) => [block, index.chunks[Number(place.split(':')[0])]?.hex ?? '']))
      const kept = [...hexes(first)].filter(
        ([block]) => !changed.some(({ start, count }) => block >= start && block < start + count),
      )
      for (const [block, hex] of kept) assert.equal(hexes(second).get(block), hex)
    }),
  )
})

test('what is no index is refused: cut, of a wrong length, blocks twice, in no chunk, past the end', () => {
  const right: DriveIndex = {
    sizeBytes: 10 * blockBytes,
    chunks: [{ hex: hexOf(1), blocks: 4 }],
    runs: [
      { start: 0, count: 2, chunk: 0, at: 0 },
      { start: 5, count: 2, chunk: 0, at: 2 },
    ],
  }
  const bytes = indexBytes(right)
  assert.deepEqual(parseIndex(bytes), right)
  const runsAt = 32 + 36
  const changes: readonly (readonly [string, (copy: Buffer) => Buffer])[] = [
    ['another magic', (copy) => (copy.write('x'), copy)],
    ['cut', (copy) => copy.subarray(0, -1)],
    ['empty', () => Buffer.alloc(0)],
    ['more chunks than there are', (copy) => (copy.writeUInt32BE(2 ** 31, 16), copy)],
    ['a drive of no size that is', (copy) => (copy.writeBigUInt64BE(2n ** 63n, 8), copy)],
    ['a chunk that is too large', (copy) => (copy.writeUInt32BE(1025, 64), copy)],
    ['a block twice', (copy) => (copy.writeUInt32BE(1, runsAt + 16), copy)],
    ['no blocks', (copy) => (copy.writeUInt32BE(0, runsAt + 4), copy)],
    ['past the end of the drive', (copy) => (copy.writeUInt32BE(9, runsAt + 16), copy)],
    ['a chunk that is not there', (copy) => (copy.writeUInt32BE(1, runsAt + 8), copy)],
    ['blocks that the chunk has not', (copy) => (copy.writeUInt32BE(3, runsAt + 12), copy)],
  ]
  for (const [what, change] of changes)
    assert.throws(() => parseIndex(change(Buffer.from(bytes))), { code: 'BACKUP_DAMAGED' }, what)
})
