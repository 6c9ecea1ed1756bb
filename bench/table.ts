// Pairs of measurements, and the table that they are shown in.
import type { World } from './world.js'

export interface Bench {
  /** What it is called on the command line. */
  readonly name: string
  rows(world: World): AsyncIterable<Row>
}

export interface Row {
  readonly what: string
  /** One number a pair, in `unit`; the ratio of a pair is a/b. */
  readonly pairs: readonly Pair[]
  readonly unit: 'ms' | 'MB' | 'MB/s'
  /** The ratio that is wanted, if one was promised. */
  readonly goal?: { readonly atMost: number } | { readonly atLeast: number }
}

export interface Pair {
  readonly a: number
  readonly b: number
}

/** Measures A B A B ..., after one pair that does not count. */
export async function inPairs(
  count: number,
  a: () => number | Promise<number>,
  b: () => number | Promise<number>,
): Promise<Pair[]> {
  const pairs: Pair[] = []
  for (let at = 0; at <= count; at++) {
    const pair = { a: await a(), b: await b() }
    if (at > 0) pairs.push(pair)
  }
  return pairs
}

const widths = [58, 11, 11, 21, 8] as const

export const header = columns(['what: A | B', 'A', 'B', 'A/B min median max', 'goal', 'met'])

export const legend = [
  '',
  'A and B are medians, the ratio is the median of the ratios of pairs. Machines are noisy: a wide spread means that something',
  'else was running, and a goal that is missed then says little. Run it again on a machine that is at rest.',
].join('\n')

export function line({ what, pairs, unit, goal }: Row): string {
  const ratios = pairs.map(({ a, b }) => a / b).toSorted((x, y) => x - y)
  const middle = median(ratios)
  const spread = [ratios[0] ?? NaN, middle, ratios.at(-1) ?? NaN].map((ratio) => ratio.toFixed(2).padStart(6)).join(' ')
  const show = (values: number[]): string => `${median(values).toFixed(1)} ${unit}`.padStart(10)
  const cells = [what, show(pairs.map(({ a }) => a)), show(pairs.map(({ b }) => b)), spread]
  if (goal === undefined) return columns(cells)
  const met = 'atMost' in goal ? middle <= goal.atMost : middle >= goal.atLeast
  return columns([...cells, 'atMost' in goal ? `<= ${goal.atMost}` : `>= ${goal.atLeast}`, met ? 'yes' : 'no'])
}

function columns(cells: readonly string[]): string {
  return cells
    .map((cell, at) => cell.padEnd(widths[at] ?? 0))
    .join('  ')
    .trimEnd()
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((x, y) => x - y)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? (sorted[half] ?? NaN) : ((sorted[half - 1] ?? NaN) + (sorted[half] ?? NaN)) / 2
}
