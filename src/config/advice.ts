// What is said of shell syntax that settings files do not have: what it is, and what can be written instead.
import type { UsageError } from '../core/errors.js'
import { quoteWord } from '../core/words.js'
import type { Cursor } from './source.js'
import { lineEnd, look, refusal } from './source.js'

const notRun = 'a settings file is read, never run'

/** For a backtick, where the cursor stands. */
export function refuseSubstitution(cursor: Cursor): UsageError {
  const close = cursor.text.indexOf('`', cursor.at + 1)
  const end = close === -1 ? lineEnd(cursor, cursor.at) : close + 1
  return refusal(cursor, cursor.at, end, `a command between backticks; ${notRun}`, insteadOfRunning(cursor))
}

/** For a `$` that begins what is not read, where the cursor stands. */
export function refuseDollar(cursor: Cursor): UsageError {
  const from = cursor.at
  const start = cursor.text.slice(from, from + 3)
  if (start === '$((' || start.startsWith('$[')) {
    return refusal(cursor, from, closing(cursor, from), 'arithmetic is not read here', insteadOfRunning(cursor))
  }
  if (start.startsWith('$(')) {
    return refusal(cursor, from, closing(cursor, from), `a command substitution; ${notRun}`, insteadOfRunning(cursor))
  }
  if (start.startsWith('${')) return refuseBraces(cursor)
  if (start.startsWith("$'") || start.startsWith('$"')) {
    const hint = `write '...' or "..." with the characters themselves`
    return refusal(cursor, from, lineEnd(cursor, from), `$${start[1]}...${start[1]} is not read here`, hint)
  }
  if (start.startsWith('$\\')) {
    return refusal(cursor, from, from + 1, 'a name that may go on in the next line', 'write ${name} on one line')
  }
  return refusal(cursor, from, from + 2, 'not a variable that a settings file has', "for a plain $, write '$'")
}

/** For `${`, where the cursor stands: only `${x}` and `${x:-word}` are read. */
function refuseBraces(cursor: Cursor): UsageError {
  const from = cursor.at
  const groups = look(cursor, /\$\{(?<name>[A-Za-z_][A-Za-z0-9_]*)(?<rest>\[[@*]\]|:?[-=+?]|.|\n|$)/y)?.groups
  const { name = 'x', rest = '' } = groups ?? {}
  const isOpen = !cursor.text.includes('}', from)
  if (isOpen) return refusal(cursor, from, lineEnd(cursor, from), '${ is never closed', 'close it with }')
  const why = 'only ${x} and ${x:-word} are read here'
  const hints: Record<string, string> = {
    '-': `write \${${name}:-word}`,
    ':=': `write \${${name}:-word}`,
    '=': `write \${${name}:-word}`,
    '[@]': `write "\${${name}[@]}", in quotes and alone, as an element of an array`,
    '[*]': `write "\${${name}[@]}", in quotes and alone, as an element of an array`,
  }
  return refusal(cursor, from, closing(cursor, from), why, hints[rest] ?? 'write the value itself')
}

/** For a character that a shell would take for more than itself; the word that holds it began at `start`. */
export function refuseCharacter(cursor: Cursor, start: number, char: string): UsageError {
  const from = cursor.at
  const word = cursor.text.slice(start, wordEnd(cursor, start))
  const quote = `in a value, write it in quotes: ${'*?[{}'.includes(char) && !/['"\\$]/.test(word) ? quoteWord(word) : quoteWord(char)}`
  if ('*?['.includes(char)) {
    return refusal(cursor, start, wordEnd(cursor, start), `${char} would be matched against the names of files`, quote)
  }
  if (char === '{' || char === '}') {
    return refusal(cursor, start, wordEnd(cursor, start), `${char} would be taken apart by a shell`, quote)
  }
  const why: Record<string, string> = {
    '|': `a pipe; ${notRun}`,
    '&': `& runs a command; ${notRun}`,
    '<': `a redirection; ${notRun}`,
    '>': `a redirection; ${notRun}`,
    ';': '; stands inside an array',
  }
  return refusal(cursor, from, lineEnd(cursor, from), why[char] ?? `${char} is not expected here`, quote)
}

const keyword =
  /(?:if|then|else|elif|fi|for|while|until|do|done|case|esac|select|function|time|\[\[?|\(\(?|\{|\}|!)(?=[ \t\n;]|$)/y

/** For what begins where an assignment should, where the cursor stands. */
export function refuseStatement(cursor: Cursor): UsageError {
  const from = cursor.at
  const end = statementEnd(cursor, from)
  const blanks = look(cursor, /(?<name>[A-Za-z_][A-Za-z0-9_]*)[ \t]+(?<sign>\+?=)[ \t]*(?<value>[^\n;]*)/y)?.groups
  if (blanks !== undefined) {
    const { name = '', sign = '', value = '' } = blanks
    return refusal(cursor, from, end, 'blanks around =', `write ${name}${sign}${value.trim()}`)
  }
  const element = look(cursor, /(?<name>[A-Za-z_][A-Za-z0-9_]*)\[[^\]\n]*\]\+?=/y)?.groups
  if (element !== undefined) {
    const { name = '' } = element
    return refusal(cursor, from, end, 'a single element of an array', `write ${name}=(...) or ${name}+=(...)`)
  }
  if (look(cursor, keyword) !== undefined) {
    const hint = 'write a plain default, name=${name:-word}, or a class of its own: CLASS.class'
    return refusal(cursor, from, end, `only assignments are read here; ${notRun}`, hint)
  }
  const char = cursor.text.charAt(from)
  if (';&|<>()'.includes(char)) return refusal(cursor, from, end, `${char} is not expected here`, 'write name=value')
  return refusal(cursor, from, end, `a command; ${notRun}`, "write name=value, or name='...' around a value with blanks")
}

/** For a word after an assignment: `mem=5 6` would run `6`. The value began at `valueStart`. */
export function refuseTrailing(cursor: Cursor, valueStart: number): UsageError {
  const from = cursor.at
  const end = statementEnd(cursor, from)
  if ('&|<>()'.includes(cursor.text.charAt(from))) return refuseCharacter(cursor, from, cursor.text.charAt(from))
  if (look(cursor, /(?:export|source|\.)[ \t]/y) !== undefined) {
    return refusal(cursor, from, end, 'a command after an assignment', 'write it on a line of its own')
  }
  const value = cursor.text.slice(valueStart, end)
  const isPlain = value !== '' && /^[^'"\\$`()\n;]*$/.test(value)
  const blank = value.startsWith(' ') || value.startsWith('\t')
  const hint = isPlain && !blank ? `${cursor.name}='${value}'` : `${cursor.name}=${isPlain ? value.trim() : "'...'"}`
  const why = blank ? 'a blank after =' : 'a word after a value'
  return refusal(cursor, from, end, `${why}: a shell would run it as a command`, `write ${hint}`)
}

function insteadOfRunning(cursor: Cursor): string {
  return `write the value itself, or give it when you call: ${cursor.name}=VALUE nbsvm ...`
}

/** The offset after the bracket that closes the one after the `$` at `from`, in the same line; else the line's end. */
function closing(cursor: Cursor, from: number): number {
  const end = lineEnd(cursor, from)
  let open = 0
  for (let at = from + 1; at < end; at++) {
    const char = cursor.text.charAt(at)
    if ('({['.includes(char)) open++
    if (')}]'.includes(char) && --open === 0) return at + 1
  }
  return end
}

function wordEnd(cursor: Cursor, start: number): number {
  return start + (/^[^\s;)]+/.exec(cursor.text.slice(start, start + 200))?.[0].length ?? 1)
}

/** The offset at which the statement that goes on at `from` ends, as far as its line tells. */
function statementEnd(cursor: Cursor, from: number): number {
  const end = lineEnd(cursor, from)
  const semicolon = cursor.text.slice(from, end).search(/.;/)
  return Math.max(from + 1, semicolon === -1 ? end : from + semicolon + 1)
}
