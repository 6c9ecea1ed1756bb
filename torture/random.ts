// Chance that can be repeated: all that a row does at random follows from a seed.

export interface Random {
  /** A whole number from 0 up to below `count`. */
  readonly below: (count: number) => number
  /** From 0 up to below 1. */
  readonly next: () => number
  /** One of them; throws where there is none. */
  readonly pick: <T>(all: readonly T[]) => T
  readonly shuffled: <T>(all: readonly T[]) => T[]
  readonly bytes: (count: number) => Buffer
}

/** mulberry32, by Tommy Ettinger: the same numbers for the same seed everywhere. */
export function seeded(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (count: number): number => Math.floor(next() * count)
  return {
    next,
    below,
    pick: (all) => {
      const at = below(all.length)
      if (all.length === 0) throw new Error('there is nothing to pick from')
      return all[at] as (typeof all)[number]
    },
    shuffled: (all) => {
      const left = [...all]
      return all.map(() => left.splice(below(left.length), 1)[0] as (typeof all)[number])
    },
    bytes: (count) => Buffer.from(Array.from({ length: count }, () => below(256))),
  }
}
