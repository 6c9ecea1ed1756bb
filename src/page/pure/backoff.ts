// When to try again what has failed: soon at first, then seldom, and never all pages at the same moment.

const firstMs = 500
const longestMs = 15_000

/** How long to wait before try `tries` (the first is 0): doubled each time, and up to a third less by chance. */
export function backoffMs(tries: number, random: () => number = Math.random): number {
  const wholeMs = Math.min(firstMs * 2 ** tries, longestMs)
  return Math.round(wholeMs * (1 - random() / 3))
}
