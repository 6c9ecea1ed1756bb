// Which parts of a drive hold something, as GNU tar writes it in front of a sparse file: decimal numbers, one a line, first how many parts,
// then where each begins and how long it is, filled up to whole blocks. Pure.
// https://www.gnu.org/software/tar/manual/html_node/PAX-1.html
import { Failure } from '../../core/errors.js'
import type { Extent } from '../move/image.js'

/** So many parts a drive has at most: who reads an archive keeps them all. */
const mostExtents = 65_536

const blockBytes = 512

/** Fewer parts of which the same are parts: the shortest gaps are closed, whose zeros then count as data. */
export function coarsen(extents: readonly Extent[], most = mostExtents): Extent[] {
  for (let gap = 0; ; gap = Math.max(64 * 1024, 2 * gap)) {
    const joined: Extent[] = []
    for (const { start, length } of extents) {
      const last = joined.at(-1)
      const end = last === undefined ? 0 : last.start + last.length
      if (last !== undefined && start - end <= gap)
        joined[joined.length - 1] = { start: last.start, length: start + length - last.start }
      else joined.push({ start, length })
    }
    if (joined.length <= most) return joined
  }
}

export function bytesIn(extents: readonly Extent[]): number {
  return extents.reduce((sum, { length }) => sum + length, 0)
}

/** What stands before the data of a drive that is `realBytes` large. */
export function mapBytes(extents: readonly Extent[], realBytes: number): Buffer {
  const last = extents.at(-1)
  const end = last === undefined ? 0 : last.start + last.length
  // Who unpacks it makes the file so long.
  const all = end === realBytes ? extents : [...extents, { start: realBytes, length: 0 }]
  const text = [all.length, ...all.flatMap(({ start, length }) => [start, length])].map((number) => `${number}\n`).join('')
  const bytes = Buffer.from(text)
  return Buffer.concat([bytes, Buffer.alloc((blockBytes - (bytes.length % blockBytes)) % blockBytes)])
}

/**
 * Reads it, block by block as `take` gives them. Throws a Failure for what is not in order, overlaps or lies beyond `realBytes`, and for
 * more parts than there may be. Returns also how many bytes it took.
 */
export async function readMap(
  take: (length: number) => Promise<Buffer>,
  realBytes: number,
): Promise<{ readonly extents: readonly Extent[]; readonly mapBytes: number }> {
  let taken = 0
  let text = ''
  let at = 0
  const number = async (): Promise<number> => {
    for (;;) {
      const end = text.indexOf('\n', at)
      if (end !== -1) {
        const digits = text.slice(at, end)
        at = end + 1
        if (!/^(?:0|[1-9]\d{0,15})$/.test(digits) || !Number.isSafeInteger(Number(digits)))
          throw wrong('it has something else than numbers')
        return Number(digits)
      }
      if (text.length - at > 16) throw wrong('it has something else than numbers')
      text = text.slice(at) + (await take(blockBytes)).toString('latin1')
      at = 0
      taken += blockBytes
    }
  }
  const count = await number()
  if (count > mostExtents + 1) throw wrong(`it has ${count} parts`)
  const extents: Extent[] = []
  for (let end = 0; extents.length < count;) {
    const [start, length] = [await number(), await number()]
    if (start < end || start + length > realBytes) throw wrong('its parts overlap, or lie beyond its end')
    extents.push({ start, length })
    end = start + length
  }
  if (/[^\0]/.test(text.slice(at))) throw wrong('something follows it')
  return { extents: extents.filter(({ length }) => length > 0), mapBytes: taken }
}

function wrong(why: string): Failure {
  return new Failure(`the map of a drive is not right: ${why}`)
}
