// Where something stands in a settings file, and how a refusal is worded.
import { UsageError } from '../core/errors.js'

/** A position in a settings file; line and column count from 1, the column in characters. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** A file that is being read, and how far the reader is. */
export interface Cursor {
  readonly file: string
  readonly text: string
  /** Offsets at which lines begin. */
  readonly lineStarts: readonly number[]
  at: number
  /** How many `${` are open around `at`. */
  depth: number
  /** The setting whose value is being read, for advice. */
  name: string
}

export function cursorOf(text: string, file: string): Cursor {
  const lineStarts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lineStarts.push(at + 1)
  return { file, text, lineStarts, at: 0, depth: 0, name: 'name' }
}

export function placeAt(cursor: Cursor, offset: number): Place {
  let low = 0
  let high = cursor.lineStarts.length - 1
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if ((cursor.lineStarts[middle] ?? 0) <= offset) low = middle
    else high = middle - 1
  }
  const before = cursor.text.slice(cursor.lineStarts[low], offset)
  return { file: cursor.file, line: low + 1, column: Array.from(before).length + 1 }
}

const longestQuote = 60

/**
 * The error for what stands at a place: `FILE:3:5: no command is run here: $(id)`, with what can be written instead
 * as its hint. Only the first line of the text is quoted.
 */
export function refusalAt(place: Place, text: string, why: string, ...hints: string[]): UsageError {
  const [line = '', ...more] = text.split('\n')
  const isCut = line.length > longestQuote || more.length > 0
  const quoted = isCut ? `${line.slice(0, longestQuote)}...` : line
  return new UsageError(`${place.file}:${place.line}:${place.column}: ${why}${quoted === '' ? '' : `: ${quoted}`}`, { hints })
}

/** The error for the text between two offsets of the file that is being read. */
export function refusal(cursor: Cursor, from: number, to: number, why: string, ...hints: string[]): UsageError {
  return refusalAt(placeAt(cursor, from), cursor.text.slice(from, Math.min(to, from + 10 * longestQuote)), why, ...hints)
}

/** The match of a sticky pattern where the cursor stands; the cursor moves behind it. */
export function take(cursor: Cursor, pattern: RegExp): RegExpExecArray | undefined {
  const match = look(cursor, pattern)
  if (match !== undefined) cursor.at += match[0].length
  return match
}

/** The match of a sticky pattern where the cursor stands; the cursor stays. */
export function look(cursor: Cursor, pattern: RegExp): RegExpExecArray | undefined {
  pattern.lastIndex = cursor.at
  return pattern.exec(cursor.text) ?? undefined
}

/** The offset at which the line of `from` ends, trailing blanks left out. */
export function lineEnd(cursor: Cursor, from: number): number {
  const newline = cursor.text.indexOf('\n', from)
  const end = newline === -1 ? cursor.text.length : newline
  return from + cursor.text.slice(from, end).trimEnd().length
}
