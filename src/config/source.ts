// Where something stands in a settings file, and how a refusal is worded.
import { UsageError } from '../core/errors.js'
import { shorten } from '../core/quote.js'

/** The text of a settings file. */
export interface SourceText {
  readonly file: string
  readonly text: string
  /** Offsets at which lines begin. */
  readonly lineStarts: readonly number[]
}

/** A position in a settings file. Kept as an offset: its column is counted when an error tells it, which is hardly ever. */
export interface Position {
  readonly source: SourceText
  readonly offset: number
}

/** A file that is being read, and how far the reader is. */
export interface Cursor extends SourceText {
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

/** The line of a position, counted from 1. */
export function lineOf({ source: { lineStarts }, offset }: Position): number {
  let low = 0
  let high = lineStarts.length - 1
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if ((lineStarts[middle] ?? 0) <= offset) low = middle
    else high = middle - 1
  }
  return low + 1
}

/** `FILE:LINE:COLUMN`, both counted from 1, the column in characters. */
export function describePosition(position: Position): string {
  const { source, offset } = position
  const line = lineOf(position)
  const before = source.text.slice(source.lineStarts[line - 1], offset)
  return `${source.file}:${line}:${Array.from(before).length + 1}`
}

const longestQuote = 60

/** No name, value or path in a file makes a message longer. */
const longestMessage = 400

/**
 * The error for what stands at a position: `FILE:3:5: no command is run here: $(id)`, with what can be written instead
 * as its hint. Only the first line of the text is quoted.
 */
export function refusalAt(position: Position, text: string, why: string, ...hints: string[]): UsageError {
  const [line = '', ...more] = text.split('\n')
  const isCut = line.length > longestQuote || more.length > 0
  const quoted = isCut ? `${line.slice(0, longestQuote)}...` : line
  const message = `${describePosition(position)}: ${shorten(why, longestMessage)}`
  return new UsageError(quoted === '' ? message : `${message}: ${quoted}`, {
    hints: hints.map((hint) => shorten(hint, longestMessage)),
  })
}

/** The error for the text between two offsets of the file that is being read. */
export function refusal(cursor: Cursor, from: number, to: number, why: string, ...hints: string[]): UsageError {
  const text = cursor.text.slice(from, Math.min(to, from + 10 * longestQuote))
  return refusalAt({ source: cursor, offset: from }, text, why, ...hints)
}

/** The match of a sticky pattern where the cursor stands; the cursor moves past it. */
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
