// Parts of a drive, counted in blocks: what was written, and where a backup has it. Pure.
import type { Extent } from '../move/image.js'

/** What is compared and kept, at the smallest: a guest's file system writes no less. */
export const blockBytes = 4096

/** So many blocks are in one chunk at most: 4 MiB. */
export const chunkBlocks = 1024

/** Blocks of a drive that follow each other. */
export interface Span {
  readonly start: number
  readonly count: number
}

/** Blocks of a drive, and where they are kept: in which chunk, from which of its blocks on. */
export interface Run extends Span {
  readonly chunk: number
  readonly at: number
}

/** How many blocks a drive has; its last may be cut. */
export function blocksIn(sizeBytes: number): number {
  return Math.ceil(sizeBytes / blockBytes)
}

/** The blocks that these parts touch, in order, each once. */
export function spansOf(extents: readonly Extent[], sizeBytes: number): Span[] {
  const all = blocksIn(sizeBytes)
  const touched = extents
    .map(({ start, length }) => ({
      from: Math.floor(start / blockBytes),
      to: Math.min(all, Math.ceil((start + length) / blockBytes)),
    }))
    .filter(({ from, to }) => to > from)
    .toSorted((a, b) => a.from - b.from)
  const spans: { start: number; count: number }[] = []
  for (const { from, to } of touched) {
    const last = spans.at(-1)
    const end = last === undefined ? -1 : last.start + last.count
    if (last !== undefined && from <= end) last.count = Math.max(end, to) - last.start
    else spans.push({ start: from, count: to - from })
  }
  return spans
}

/** The bytes of a span, none past the end of the drive. */
export function extentOf({ start, count }: Span, sizeBytes: number): Extent {
  const from = start * blockBytes
  return { start: from, length: Math.min(sizeBytes, from + count * blockBytes) - from }
}

export function countBlocks(spans: readonly Span[]): number {
  return spans.reduce((sum, { count }) => sum + count, 0)
}

/** The runs without what lies in the spans; both in order. */
export function without(runs: readonly Run[], spans: readonly Span[]): Run[] {
  const left: Run[] = []
  let next = 0
  for (const run of runs) {
    let { start } = run
    const end = run.start + run.count
    while (next < spans.length && endOf(spans[next]) <= start) next++
    for (let index = next; start < end; index++) {
      const span = spans[index]
      const from = Math.min(end, span?.start ?? end)
      if (from > start) left.push(partOf(run, start, from))
      start = Math.max(start, Math.min(end, span === undefined ? end : endOf(span)))
    }
  }
  return left
}

function endOf(span: Span | undefined): number {
  return span === undefined ? Infinity : span.start + span.count
}

function partOf({ start, chunk, at }: Run, from: number, to: number): Run {
  return { start: from, count: to - from, chunk, at: at + from - start }
}

/** The runs up to a number of blocks. */
export function cutAt(runs: readonly Run[], blocks: number): Run[] {
  return without(runs, [{ start: blocks, count: Number.MAX_SAFE_INTEGER - blocks }])
}

/** Two lists of runs in order, which have no block in common, as one. What follows each other in a chunk becomes one run. */
export function joined(a: readonly Run[], b: readonly Run[]): Run[] {
  const all = [...a, ...b].toSorted((one, other) => one.start - other.start)
  const runs: Run[] = []
  for (const run of all) {
    const last = runs.at(-1)
    const follows = last !== undefined && last.chunk === run.chunk && endOf(last) === run.start && last.at + last.count === run.at
    if (follows) runs[runs.length - 1] = { ...last, count: last.count + run.count }
    else runs.push(run)
  }
  return runs
}
