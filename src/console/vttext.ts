// What a guest has said, as plain text to look for words in: no sequences, blanks squeezed, and a line break wherever the cursor
// was sent somewhere else. Each character knows how far in the stream it ended.
import type { VtSink } from './vt.js'

/** A piece of text, and where in the stream each of its characters (UTF-16 units) was complete. */
export interface Placed {
  readonly text: string
  readonly ends: readonly number[]
}

/** The text of one stream, or the end of it. */
export interface VtText extends VtSink {
  /** The last of it: bounded, so that a search is. */
  now(): Placed
}

/** What is kept: a search sees so much of what came before it. Where twice that has come, the older half goes. */
const keptLength = 32 * 1024

/** Sequences that put the cursor into another line, or anywhere: CUU, CUD, CNL, CPL, CHA, CUP, HVP, VPA. */
const movesAway = new Set(['A', 'B', 'E', 'F', 'G', 'H', 'f', 'd', '`'])

const [BS, HT] = [0x08, 0x09]

/** Longest run that a guest can ask to have repeated. */
const longestRepeat = 1000

/** Makes a text that is filled by a `VtReader`. */
export function createVtText(): VtText {
  let chars: string[] = []
  let ends: number[] = []

  const add = (char: string, end: number): void => {
    // A character of two UTF-16 units has two places.
    for (let at = 0; at < char.length; at++) {
      chars.push(char.charAt(at))
      ends.push(end)
    }
    if (chars.length > 2 * keptLength) {
      chars = chars.slice(-keptLength)
      ends = ends.slice(-keptLength)
    }
  }
  const blank = (end: number): void => {
    const last = chars.at(-1)
    if (last !== ' ' && last !== '\n') add(' ', end)
  }
  const lineBreak = (end: number): void => {
    if (chars.at(-1) === ' ') {
      chars.pop()
      ends.pop()
    }
    if (chars.at(-1) !== '\n') add('\n', end)
  }
  return {
    print: (char, end) => (char === ' ' || char === '\u00A0' ? blank(end) : add(char, end)),
    control: (code, end) => {
      if (code === HT) blank(end)
      else if (code !== BS) lineBreak(end)
      else if (chars.at(-1) !== '\n') {
        chars.pop()
        ends.pop()
      }
    },
    sequence: (prefix, [count = 0], final, end) => {
      if (prefix !== '') return
      if (final === 'C') blank(end)
      else if (movesAway.has(final)) lineBreak(end)
      else if (final === 'b') add((chars.at(-1) ?? '').repeat(Math.min(count || 1, longestRepeat)), end)
    },
    // IND, NEL, RI, DECRC.
    escape: (body, end) => (/^[DEM8]$/.test(body) ? lineBreak(end) : undefined),
    now: () => ({ text: chars.join(''), ends }),
  }
}

/** A text to look for, as the guest's text is kept. */
export function squeeze(text: string): string {
  return text.replaceAll(/[ \t\u00A0]+/g, ' ').replaceAll(/ ?[\r\n][ \r\n]*/g, '\n')
}
