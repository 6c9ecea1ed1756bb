// Settings files hold shell assignments, and are read, never run. What is accepted means what it means to bash; all
// else is refused with its place and what to write instead.
import { UsageError } from '../core/errors.js'
import { refuseStatement, refuseTrailing } from './advice.js'
import type { Word, WordRules } from './parts.js'
import { elementRules, exportRules, fileRules, valueRules } from './parts.js'
import type { Cursor, Position } from './source.js'
import { cursorOf, look, refusal, take } from './source.js'
import { readWord } from './word.js'

/** One thing that a file says. */
export type Statement = Assignment | Include

/** `name=word`, `name+=word`, `name=(word ...)` or `name+=(word ...)`. */
export interface Assignment {
  readonly kind: 'assignment'
  readonly name: string
  /** `+=` */
  readonly appends: boolean
  readonly value: { readonly kind: 'word'; readonly word: Word } | { readonly kind: 'array'; readonly elements: readonly Word[] }
  readonly position: Position
}

/** `. FILE` or `source FILE` */
export interface Include {
  readonly kind: 'include'
  readonly file: Word
  readonly position: Position
}

/**
 * Reads the text of a settings file. Pure: nothing is expanded, run or opened. `file` is its name in errors. Throws
 * UsageError that names file, line and column, quotes the text and says what can be written instead.
 *
 *     mem=${mem:-2048} smp=2   # several in a line, or separated by ;
 *     args=(-a "b c")          # an array, also over several lines
 *     args+=(-d)
 *     . other.class            # beside this file, or an absolute path
 */
export function parseShell(text: string, file: string): Statement[] {
  const cursor = cursorOf(text, file)
  checkCharacters(cursor)
  const statements: Statement[] = []
  while (skipToStatement(cursor)) readCommand(cursor, statements)
  return statements
}

/** Everything but tabs and line feeds that prints nothing, and what Node puts in place of bytes that are not UTF-8. */
const oddCharacter = /[^\P{Cc}\t\n]|\uFFFD/u

function checkCharacters(cursor: Cursor): void {
  const { text, file } = cursor
  if (text.startsWith('\uFEFF')) {
    throw new UsageError(`${file}:1:1: a byte order mark before the first letter`, {
      hints: [`remove it: sed -i '1s/^\\xEF\\xBB\\xBF//' ${file}`],
    })
  }
  const found = oddCharacter.exec(text)
  if (found === null) return
  const [char] = found
  const from = found.index
  const code = `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
  if (char === '\r') throw refusal(cursor, from, from, 'a line that ends as on Windows (CR LF)', `sed -i 's/\\r$//' ${file}`)
  if (char === '\0') throw refusal(cursor, from, from, 'a NUL byte; settings files are text', 'remove it')
  if (char === '\uFFFD') throw refusal(cursor, from, from, 'a byte that is not UTF-8', 'save the file as UTF-8')
  throw refusal(cursor, from, from, `a control character (${code})`, 'remove it')
}

/** Skips blanks, empty lines and comments. Says false where the file ends. */
function skipToStatement(cursor: Cursor): boolean {
  take(cursor, /(?:[ \t\n]+|\\\n|#[^\n]*)+/y)
  return cursor.at < cursor.text.length
}

/** Skips what separates words of one statement. Says whether more of it follows in the line. */
function skipToWord(cursor: Cursor): boolean {
  take(cursor, /(?:[ \t]|\\\n)+/y)
  return cursor.at < cursor.text.length && look(cursor, /[\n;#]/y) === undefined
}

const include = /(?:\.|source)(?=[ \t])(?![ \t]+\+?=)/y
const exporting = /export(?=[ \t]|\\\n)/y

/** Reads what stands before the next `;` or line feed: assignments, or one `.`, or one `export`. */
function readCommand(cursor: Cursor, statements: Statement[]): void {
  const from = cursor.at
  const commandName = take(cursor, include) ?? take(cursor, exporting)
  if (commandName === undefined) readAssignments(cursor, statements, valueRules)
  else if (!skipToWord(cursor)) throw missingWord(cursor, from)
  else if (commandName[0] === 'export') readAssignments(cursor, statements, exportRules)
  else readInclude(cursor, statements, from)
  take(cursor, /;(?!;)/y)
}

function missingWord(cursor: Cursor, from: number): UsageError {
  return refusal(cursor, from, cursor.at, 'a word is missing', 'write `. FILE`, or `export name=value`')
}

function readInclude(cursor: Cursor, statements: Statement[], from: number): void {
  const valueStart = cursor.at
  const file = readWord(cursor, fileRules)
  statements.push({ kind: 'include', file, position: { source: cursor, offset: from } })
  if (!skipToWord(cursor)) return
  cursor.name = 'file'
  throw cursor.at === valueStart
    ? refuseStatement(cursor)
    : refusal(cursor, cursor.at, cursor.at + 1, '. takes one file', 'write `. FILE`')
}

const assignmentStart = /(?<name>[A-Za-z_][A-Za-z0-9_]*)(?<sign>\+?=)/y

function readAssignments(cursor: Cursor, statements: Statement[], rules: WordRules): void {
  let valueStart: number | undefined
  for (let more = true; more; more = skipToWord(cursor)) {
    const from = cursor.at
    const groups = take(cursor, assignmentStart)?.groups
    if (groups !== undefined) {
      const { name = '', sign = '' } = groups
      if (rules === exportRules && valueStart !== undefined) {
        // bash expands all values of one export before it assigns the first.
        throw refusal(cursor, from, cursor.at, 'a second value after export', 'write one export a line, or leave export out')
      }
      cursor.name = name
      valueStart = cursor.at
      const value = readValue(cursor, rules)
      statements.push({ kind: 'assignment', name, appends: sign === '+=', value, position: { source: cursor, offset: from } })
    } else if (rules !== exportRules || take(cursor, /[A-Za-z_][A-Za-z0-9_]*(?=[ \t\n;]|$)/y) === undefined) {
      // `export name` alone changes nothing here, and is ignored.
      throw valueStart === undefined ? refuseStatement(cursor) : refuseTrailing(cursor, valueStart)
    }
  }
}

function readValue(cursor: Cursor, rules: WordRules): Assignment['value'] {
  const open = cursor.at
  if (cursor.text[open] !== '(') return { kind: 'word', word: readWord(cursor, rules) }
  cursor.at++
  const elements: Word[] = []
  for (;;) {
    take(cursor, /(?:[ \t\n]+|\\\n|#[^\n]*)+/y)
    if (cursor.at >= cursor.text.length) throw refusal(cursor, open, cursor.text.length, '( is never closed', 'close it with )')
    if (cursor.text[cursor.at] === ')') break
    elements.push(readWord(cursor, elementRules))
  }
  cursor.at++
  if (look(cursor, /[ \t\n;]|\\\n|$/y) === undefined) {
    throw refusal(cursor, cursor.at, cursor.at + 1, 'something after the ) of an array', 'put a blank or a new line between them')
  }
  return { kind: 'array', elements }
}
