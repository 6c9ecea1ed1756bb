// One word of a settings file: quotes, backslashes, `~`, `$x`, `${x}` and `${x:-word}`, by bash's rules (bash(1), QUOTING
// and EXPANSION). What bash would run, or match against files, is refused; nothing is expanded yet.
import type { Part, Word, WordRules } from './parts.js'
import { addText } from './parts.js'
import type { Cursor } from './source.js'
import { look, refusal, take } from './source.js'
import { refuseCharacter, refuseDollar, refuseSubstitution } from './advice.js'

/** `${` within `${` deeper than this is refused, so that no file can exhaust the stack. */
const deepest = 40

const plainRun = /[A-Za-z0-9_@%+=,./^\u0080-\uffff-]+/y
const allElements = /"\$\{(?<name>[A-Za-z_][A-Za-z0-9_]*)\[@\]\}"(?=[ \t\n)])/y
const variable = /\$(?:(?<bare>[A-Za-z_][A-Za-z0-9_]*)|\{(?<braced>[A-Za-z_][A-Za-z0-9_]*)(?<after>\}|:-))/y

/** Reads a word from where the cursor stands up to what ends it; an empty one where nothing stands. */
export function readWord(cursor: Cursor, rules: WordRules): Word {
  const parts: Part[] = []
  const start = cursor.at
  for (;;) {
    const run = take(cursor, plainRun)
    if (run !== undefined) addText(parts, run[0], false)
    const char = cursor.text.charAt(cursor.at)
    if (char === '' || rules.ends.includes(char)) return parts
    readPart(cursor, rules, parts, start, char)
  }
}

function readPart(cursor: Cursor, rules: WordRules, parts: Part[], start: number, char: string): void {
  if (char === "'") return readSingle(cursor, rules, parts)
  if (char === '"') return readDouble(cursor, rules, parts)
  if (char === '$') return readDollar(cursor, rules, parts, false)
  if (char === '`') throw refuseSubstitution(cursor)
  if (char === '\\') return readEscape(cursor, parts)
  if (char === '~' && isTildeExpanded(cursor, rules, start)) return readTilde(cursor, rules, parts)
  const isProcess = (char === '<' || char === '>') && cursor.text[cursor.at + 1] === '('
  if (rules.refused.includes(char) || isProcess) throw refuseCharacter(cursor, start, char)
  addText(parts, char, false)
  cursor.at++
}

function readSingle(cursor: Cursor, rules: WordRules, parts: Part[]): void {
  const open = cursor.at
  const end = cursor.text.indexOf("'", cursor.at + 1)
  if (end === -1) throw unclosed(cursor, cursor.at, "'", 'close it with \', or write "..." around a text that holds one')
  addText(parts, cursor.text.slice(cursor.at + 1, end), true)
  cursor.at = end + 1
  if (rules.isSplitDefault === true && end === open + 1) refuseOddQuotes(cursor, open)
}

function readDouble(cursor: Cursor, rules: WordRules, parts: Part[]): void {
  const open = cursor.at
  const elements = rules.isElement === true && parts.length === 0 ? take(cursor, allElements) : undefined
  if (elements?.groups !== undefined) {
    parts.push({ kind: 'elements', name: elements.groups['name'] ?? '', position: { source: cursor, offset: open } })
    return
  }
  cursor.at++
  const inside: Part[] = []
  while (readQuoted(cursor, rules, inside, '"')) continue
  if (cursor.text[cursor.at] !== '"') throw unclosed(cursor, open, '"', 'close it with "')
  cursor.at++
  const isText = inside.length > 0 && inside.every((part) => part.kind === 'text' && part.text !== '')
  if (rules.isSplitDefault === true && !isText) refuseOddQuotes(cursor, open)
  addText(parts, '', true)
  for (const part of inside) {
    if (part.kind === 'text') addText(parts, part.text, part.quoted)
    else parts.push(part)
  }
}

const quotedRun = /[^"'\\$`}<>]+/y

/** Reads one piece inside double quotes. Says false, and stays, at the `end` or where the file ends. */
function readQuoted(cursor: Cursor, rules: WordRules, parts: Part[], end: '"' | '}'): boolean {
  const run = take(cursor, quotedRun)
  if (run !== undefined) addText(parts, run[0], true)
  const char = cursor.text.charAt(cursor.at)
  if (char === '' || char === end) return false
  if (char === '`') throw refuseSubstitution(cursor)
  if (char === '$') {
    readDollar(cursor, rules, parts, true)
    return true
  }
  if (end === '}' && (char === '"' || char === "'")) {
    // bash drops them before it reads the word: "${x:-"$a"b}" means ${ab} there.
    throw refusal(
      cursor,
      cursor.at,
      cursor.at + 1,
      'a quote inside "${x:-...}"',
      'leave the inner quotes out: blanks are kept there',
    )
  }
  if (end === '}' && look(cursor, /[<>]\(/y) !== undefined) throw refuseCharacter(cursor, cursor.at, char)
  if (char === '\\') readQuotedEscape(cursor, parts, end)
  else {
    addText(parts, char, true)
    cursor.at++
  }
  return true
}

function readQuotedEscape(cursor: Cursor, parts: Part[], end: '"' | '}'): void {
  const next = cursor.text.charAt(cursor.at + 1)
  if (next === '\n') addText(parts, '', true)
  else if ('$`"\\'.includes(next) || next === end) addText(parts, next, true)
  else addText(parts, `\\${next}`, true)
  cursor.at += 2
}

function readEscape(cursor: Cursor, parts: Part[]): void {
  // A character may be two code units; half of one would be no text.
  const next = String.fromCodePoint(cursor.text.codePointAt(cursor.at + 1) ?? 0)
  if (cursor.at + 1 >= cursor.text.length) {
    throw refusal(cursor, cursor.at, cursor.at + 1, 'nothing follows the backslash', "for a backslash itself, write '\\'")
  }
  if (next !== '\n') addText(parts, next, true)
  cursor.at += 1 + next.length
}

/** bash takes a bare `~` for the home folder at the start of a word and, in an assignment, after a bare `:`. */
function isTildeExpanded(cursor: Cursor, rules: WordRules, start: number): boolean {
  let before = cursor.at
  while (before > start && cursor.text.startsWith('\\\n', before - 2)) before -= 2
  if (before <= start) return true
  return rules.isAssignment && cursor.text[before - 1] === ':' && !isEscaped(cursor.text, before - 1)
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0
  while (text[at - 1 - backslashes] === '\\') backslashes++
  return backslashes % 2 === 1
}

function readTilde(cursor: Cursor, rules: WordRules, parts: Part[]): void {
  const next = cursor.text.charAt(cursor.at + 1)
  if (next !== '' && !`/${rules.isAssignment ? ':' : ''}${rules.ends}`.includes(next)) {
    throw refusal(
      cursor,
      cursor.at,
      cursor.at + (look(cursor, /~[^\s/:;)}'"]*/y)?.[0].length ?? 1),
      'only your own home folder has a short name here',
      "write ~/..., $HOME/... or the absolute path; for a plain ~, write '~'",
    )
  }
  parts.push({ kind: 'home' })
  cursor.at++
}

function readDollar(cursor: Cursor, rules: WordRules, parts: Part[], quoted: boolean): void {
  const from = cursor.at
  const groups = take(cursor, variable)?.groups
  if (groups === undefined) {
    // A $ that begins nothing is a plain character, as it is to bash; bare in an array it has odd effects there.
    const isPlain = quoted || rules.isAssignment
    if (isPlain && !look(cursor, quoted ? /\$(?:[({0-9@*#?$![-]|\\\n)/y : /\$(?:[({'"0-9@*#?$![-]|\\\n)/y)) {
      addText(parts, '$', quoted)
      cursor.at++
      return
    }
    throw refuseDollar(cursor)
  }
  const name = groups['bare'] ?? groups['braced'] ?? ''
  const position = { source: cursor, offset: from }
  if (groups['bare'] !== undefined && cursor.text.startsWith('\\\n', cursor.at)) {
    // bash joins the lines before it reads the name.
    throw refusal(cursor, from, cursor.at + 1, 'a name that may go on in the next line', `write \${${name}}`)
  }
  if (groups['after'] === ':-') {
    parts.push({ kind: 'variable', name, quoted, fallback: readFallback(cursor, rules, from, quoted), position })
  } else {
    parts.push({ kind: 'variable', name, quoted, position })
  }
}

/** Reads the `word}` of `${x:-word}`. */
function readFallback(cursor: Cursor, rules: WordRules, from: number, quoted: boolean): Word {
  if (++cursor.depth > deepest) {
    throw refusal(cursor, from, from + 2, `more than ${deepest} \${ inside each other`, 'write the value itself')
  }
  let parts: Word
  if (quoted) {
    const read: Part[] = []
    while (readQuoted(cursor, rules, read, '}')) continue
    parts = read
  } else {
    const refused = Array.from(rules.refused).filter((char) => '{*?['.includes(char))
    parts = readWord(cursor, {
      ends: '}',
      refused: refused.join(''),
      isAssignment: rules.isAssignment,
      isSplitDefault: !rules.isAssignment,
    })
  }
  if (cursor.text[cursor.at] !== '}') throw unclosed(cursor, from, '${', 'close it with }')
  cursor.at++
  cursor.depth--
  return parts
}

/** In a default that is split, bash takes empty quotes for an empty word, or for none, by what stands around them. */
function refuseOddQuotes(cursor: Cursor, open: number): never {
  const hint = 'write "${x:-word}" in double quotes, or a plain text in the inner ones'
  throw refusal(cursor, open, cursor.at, 'quotes that are empty, or may be, inside ${x:-...}', hint)
}

function unclosed(cursor: Cursor, from: number, what: string, hint: string): Error {
  return refusal(cursor, from, cursor.text.length, `${what} is never closed`, hint)
}
