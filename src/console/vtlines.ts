// What a guest has said, line by line, as one reads it: without sequences, with what was written over as it is in the end.
import type { VtSink } from './vt.js'

/** Lines that are filled by a `VtReader`. */
export interface VtLines extends VtSink {
  /** The lines that have become complete since it was called last. */
  take(): string[]
  /** The line that is still being written; undefined where there is nothing on it. */
  rest(): string | undefined
}

/** A longer one is cut into several. */
const longestLine = 4096

/** Sequences that go to another line, or anywhere. */
const movesAway = new Set(['A', 'B', 'E', 'F', 'H', 'f', 'd'])

export function createVtLines(): VtLines {
  let complete: string[] = []
  let line: string[] = []
  let column = 0

  const text = (): string => line.join('').trimEnd()
  const end = (): void => {
    complete.push(text())
    line = []
    column = 0
  }
  const go = (to: number): void => {
    column = Math.max(0, Math.min(to, longestLine - 1))
    while (line.length < column) line.push(' ')
  }
  const moves: Readonly<Record<string, (count: number) => void>> = {
    C: (count) => go(column + count),
    D: (count) => go(column - count),
    G: (count) => go(count - 1),
  }
  return {
    print: (char) => {
      line[column++] = char
      if (line.length >= longestLine) end()
    },
    control: (code) => {
      if (code === 0x08) go(column - 1)
      else if (code === 0x09) go((Math.floor(column / 8) + 1) * 8)
      else if (code === 0x0d) go(0)
      else end()
    },
    sequence: (prefix, [count = 0], final) => {
      if (prefix !== '') return
      if (final === 'K' && count === 0) line.length = column
      else if (movesAway.has(final) && line.length > 0) end()
      else if (Object.hasOwn(moves, final)) moves[final]?.(Math.max(1, count))
    },
    escape: () => {},
    take: () => {
      const taken = complete
      complete = []
      return taken
    },
    rest: () => text() || undefined,
  }
}
