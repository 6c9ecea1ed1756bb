// 128 bits that stand for a text: the same at every start, different from VM to VM. Not for secrets: who wants two texts
// with one digest can make them. node:crypto has better ones, and takes 7 ms to load, which `start` would pay each time.

/** Odd numbers with bits all over: the offset and the multiplier of each 32 bits. */
const lanes = [
  [0x811c9dc5, 0x01000193],
  [0x9e3779b1, 0x85ebca6b],
  [0xc2b2ae35, 0x27d4eb2f],
  [0x165667b1, 0xcc9e2d51],
] as const

/** The first `length` bytes, 16 at most, of the text's digest. */
export function digest(text: string, length: number): Buffer {
  const bytes = Buffer.from(text)
  const result = Buffer.alloc(16)
  lanes.forEach(([offset, multiplier], lane) => {
    let hash = offset ^ bytes.length
    // FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/
    for (const byte of bytes) hash = Math.imul(hash ^ byte, multiplier)
    result.writeInt32BE(avalanche(hash), lane * 4)
  })
  return result.subarray(0, length)
}

/** Lets every bit depend on every other: the end of MurmurHash3, https://github.com/aappleby/smhasher */
function avalanche(hash: number): number {
  const once = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35)
  return twice ^ (twice >>> 16)
}
