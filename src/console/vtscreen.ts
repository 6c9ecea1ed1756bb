// The screen that a guest draws on, as a terminal of 24 lines and 80 columns would show it: what a menu says is exactly what can be
// read there. Colours are not kept. Each cell knows when it changed, so that what is painted over with the same is not taken for new.
import type { VtSink } from './vt.js'
import type { Placed } from './vttext.js'

/** The size that a guest takes for granted where it gets no answer. */
const [rowCount, columnCount] = [24, 80]

interface Cell {
  /** A character with its accents; empty behind one that is two columns wide. */
  char: string
  /** How far the stream had come when it became this. */
  changedAt: number
}

type Row = Cell[]

/** A screen that is filled by a `VtReader`. */
export interface VtScreen extends VtSink {
  /** All lines, blanks squeezed, with where in the stream each character came to stand there. */
  now(): Placed
  /** The lines as they are, without blanks at their ends; empty ones above and below are left out. */
  lines(): string[]
}

const blankRow = (at: number): Row => Array.from({ length: columnCount }, () => ({ char: ' ', changedAt: at }))

const blankScreen = (at: number): Row[] => Array.from({ length: rowCount }, () => blankRow(at))

/** Makes an empty screen. */
export function createVtScreen(): VtScreen {
  const pen = new Pen()
  return {
    print: (char, end) => pen.print(char, end),
    control: (code, end) => pen.control(code, end),
    sequence: (prefix, numbers, final, end) => {
      if (prefix === '') pen.sequence(numbers, final, end)
      else if (prefix === '?' && (final === 'h' || final === 'l')) pen.mode(numbers, final === 'h', end)
    },
    escape: (body, end) => pen.escape(body, end),
    now: () => place(pen.rows),
    lines: () => {
      const lines = pen.rows.map((row) =>
        row
          .map(({ char }) => char)
          .join('')
          .trimEnd(),
      )
      const [first, last] = [lines.findIndex((line) => line !== ''), lines.findLastIndex((line) => line !== '')]
      return first === -1 ? [] : lines.slice(first, last + 1)
    },
  }
}

function place(rows: readonly Row[]): Placed {
  let text = ''
  const ends: number[] = []
  const add = (piece: string, end: number): void => {
    text += piece
    for (let at = 0; at < piece.length; at++) ends.push(end)
  }
  for (const row of rows) {
    const length = row.findLastIndex(({ char }) => char.trim() !== '') + 1
    for (const { char, changedAt } of row.slice(0, length)) {
      if (char.trim() !== '') add(char, changedAt)
      else if (char !== '' && !text.endsWith(' ')) add(' ', changedAt)
    }
    add('\n', 0)
  }
  return { text, ends }
}

/** The cursor and what it does. */
class Pen {
  rows: Row[] = blankScreen(0)
  #other: Row[] = blankScreen(0)
  #row = 0
  #column = 0
  /** The first line of what scrolls, and the last. */
  #top = 0
  #bottom = rowCount - 1
  #saved = { row: 0, column: 0 }
  #isAlternate = false
  #last = ' '

  print(char: string, at: number): void {
    const width = widthOf(char)
    if (width === 0) {
      const before = this.rows[this.#row]?.[Math.max(0, this.#column - 1)]
      if (before !== undefined && before.char.length < 8) before.char += char
      return
    }
    // The last column's character stays until one comes that has no room.
    if (this.#column + width > columnCount) {
      this.#column = 0
      this.#lineFeed(at)
    }
    this.#set(this.#row, this.#column, char, at)
    if (width === 2) this.#setBehind(this.#column + 1, at)
    this.#column += width
    this.#last = char
  }

  #set(row: number, column: number, char: string, at: number): void {
    const line = this.rows[row]
    const cell = line?.[column]
    if (line === undefined || cell === undefined || cell.char === char) return
    // Half of a character that is two columns wide does not stay.
    const [before, after] = [line[column - 1], line[column + 1]]
    if (cell.char === '' && before !== undefined) before.char = ' '
    if (after?.char === '') after.char = ' '
    cell.char = char
    cell.changedAt = at
  }

  /** The second column of a wide character. */
  #setBehind(column: number, at: number): void {
    this.#set(this.#row, column, ' ', at)
    const cell = this.rows[this.#row]?.[column]
    if (cell !== undefined) cell.char = ''
  }

  control(code: number, at: number): void {
    if (code === 0x08) this.#column = Math.max(0, Math.min(this.#column, columnCount) - 1)
    else if (code === 0x09) this.#column = Math.min(columnCount - 1, (Math.floor(this.#column / 8) + 1) * 8)
    else if (code === 0x0d) this.#column = 0
    else this.#lineFeed(at)
  }

  #lineFeed(at: number): void {
    if (this.#row === this.#bottom) this.#scroll(this.#top, 1, at)
    else this.#row = Math.min(rowCount - 1, this.#row + 1)
  }

  /** Moves the lines from `top` to the last that scrolls up by `count`, or down by a negative one. */
  #scroll(top: number, count: number, at: number): void {
    for (let times = Math.min(Math.abs(count), rowCount); times > 0; times--) {
      const [from, to] = count > 0 ? [top, this.#bottom] : [this.#bottom, top]
      const gone = this.rows.splice(from, 1)
      for (const cell of gone[0] ?? []) Object.assign(cell, { char: ' ', changedAt: at })
      this.rows.splice(to, 0, ...gone)
    }
  }

  /** Makes room for lines at the cursor, or takes some out there; outside of what scrolls nothing happens. */
  #insertLines(count: number, at: number): void {
    if (this.#row >= this.#top && this.#row <= this.#bottom) this.#scroll(this.#row, -count, at)
  }

  escape(body: string, at: number): void {
    if (body === '7') this.#saved = { row: this.#row, column: this.#column }
    else if (body === '8') this.#go(this.#saved.row, this.#saved.column)
    else if (body === 'D') this.#lineFeed(at)
    else if (body === 'E') {
      this.#column = 0
      this.#lineFeed(at)
    } else if (body === 'M') {
      if (this.#row === this.#top) this.#scroll(this.#top, -1, at)
      else this.#row = Math.max(0, this.#row - 1)
    } else if (body === 'c') {
      this.rows = blankScreen(at)
      this.#bounds(0, rowCount - 1)
    }
  }

  /** The alternate screen; other modes do not change what stands where. */
  mode(numbers: readonly number[], isOn: boolean, at: number): void {
    if (!numbers.some((number) => number === 47 || number === 1047 || number === 1049) || isOn === this.#isAlternate) return
    this.#isAlternate = isOn
    const main = this.rows
    this.rows = isOn ? blankScreen(at) : this.#other
    this.#other = main
  }

  sequence(numbers: readonly number[], final: string, at: number): void {
    const [first = 0, second = 0] = numbers
    const count = Math.max(1, first)
    const line = this.rows[this.#row] ?? []
    const moves: Readonly<Record<string, () => void>> = {
      A: () => this.#go(this.#row - count, this.#column),
      B: () => this.#go(this.#row + count, this.#column),
      C: () => this.#go(this.#row, this.#column + count),
      D: () => this.#go(this.#row, this.#column - count),
      E: () => this.#go(this.#row + count, 0),
      F: () => this.#go(this.#row - count, 0),
      G: () => this.#go(this.#row, count - 1),
      '`': () => this.#go(this.#row, count - 1),
      d: () => this.#go(count - 1, this.#column),
      H: () => this.#go(count - 1, Math.max(1, second) - 1),
      f: () => this.#go(count - 1, Math.max(1, second) - 1),
      J: () => this.#eraseScreen(first, at),
      K: () => this.#eraseLine(first, at),
      X: () => this.#erase(this.#row, this.#column, this.#column + count, at),
      P: () => this.#shift(line, -count, at),
      '@': () => this.#shift(line, count, at),
      L: () => this.#insertLines(count, at),
      M: () => this.#insertLines(-count, at),
      S: () => this.#scroll(this.#top, count, at),
      T: () => this.#scroll(this.#top, -count, at),
      b: () => Array.from({ length: Math.min(count, columnCount) }, () => this.print(this.#last, at)),
      r: () => this.#bounds(count - 1, (second || rowCount) - 1),
      s: () => (this.#saved = { row: this.#row, column: this.#column }),
      u: () => this.#go(this.#saved.row, this.#saved.column),
    }
    if (Object.hasOwn(moves, final)) moves[final]?.()
  }

  #go(row: number, column: number): void {
    this.#row = Math.max(0, Math.min(rowCount - 1, row))
    this.#column = Math.max(0, Math.min(columnCount - 1, column))
  }

  #bounds(top: number, bottom: number): void {
    const isRegion = top < bottom && bottom < rowCount
    this.#top = isRegion ? top : 0
    this.#bottom = isRegion ? bottom : rowCount - 1
    this.#go(0, 0)
  }

  #eraseScreen(which: number, at: number): void {
    if (which > 2) return
    this.#eraseLine(which, at)
    for (let row = 0; row < rowCount; row++) {
      if (which === 2 || (which === 0 ? row > this.#row : row < this.#row)) this.#erase(row, 0, columnCount, at)
    }
  }

  #eraseLine(which: number, at: number): void {
    this.#erase(this.#row, which === 0 ? this.#column : 0, which === 1 ? this.#column + 1 : columnCount, at)
  }

  #erase(row: number, from: number, to: number, at: number): void {
    for (let column = from; column < Math.min(to, columnCount); column++) this.#set(row, column, ' ', at)
  }

  /** Makes room at the cursor, or takes characters out there. */
  #shift(line: Row, count: number, at: number): void {
    const rest = line.splice(this.#column)
    const blanks = blankRow(at).slice(0, Math.min(Math.abs(count), rest.length))
    line.push(...(count > 0 ? [...blanks, ...rest].slice(0, rest.length) : [...rest.slice(blanks.length), ...blanks]))
  }
}

/** Marks that stand on the character before them, and what is not seen. */
const isZero = /^[\p{Mn}\p{Me}\p{Cf}]$/u

/** Scripts of which a character takes two columns, and emoji: https://www.unicode.org/reports/tr11/ */
const isWide =
  /^[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uA960-\uA97C\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{1F300}-\u{1F64F}\u{1F680}-\u{1FAFF}\u{20000}-\u{3FFFD}]$/u

function widthOf(char: string): number {
  if (char <= '~') return 1
  return isZero.test(char) ? 0 : isWide.test(char) ? 2 : 1
}
