// Figures over time as lines of an SVG.

/** One moment; null where nothing is known. */
export interface Point {
  readonly atMs: number
  readonly value: number | null
}

export interface Frame {
  readonly width: number
  readonly height: number
  readonly fromMs: number
  readonly toMs: number
  /** The value at the upper edge. */
  readonly top: number
}

/** The `d` of a path through the points; where one is missing, or is long after the one before, the line is broken. */
export function pathOf(points: readonly Point[], { width, height, fromMs, toMs, top }: Frame, longestGapMs = 5000): string {
  let beforeMs = Number.NEGATIVE_INFINITY
  const steps: string[] = []
  for (const { atMs, value } of points) {
    if (value === null) continue
    const x = (width * (atMs - fromMs)) / (toMs - fromMs)
    const y = height * (1 - Math.min(value, top) / top)
    if (x >= -width) steps.push(`${atMs - beforeMs > longestGapMs ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`)
    beforeMs = atMs
  }
  return steps.join('')
}

/** The least of 1, 2, 5, 10, ... times `unit` that is not below the value: a scale that does not jump with each figure. */
export function topFor(value: number, unit: number): number {
  const wanted = Math.max(value, unit) / unit
  const power = 10 ** Math.floor(Math.log10(wanted))
  const step = [1, 2, 5, 10].find((one) => one * power >= wanted) ?? 10
  return step * power * unit
}

/** For sizes, whose steps are powers of two: 1, 2, 4, ... times `unit`. */
export function binaryTopFor(value: number, unit: number): number {
  return unit * 2 ** Math.ceil(Math.log2(Math.max(value, unit) / unit))
}
