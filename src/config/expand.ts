// Gives the words of a settings file their values, as bash does: `$x` and `${x:-word}` are put in, and in an array what
// came from them bare is split at blanks.
import { refusalAt } from './source.js'
import type { Position } from './source.js'
import type { Part, Word } from './parts.js'

/** What the variables of a file are, while it is evaluated. */
export interface Scope {
  /** The value of `$name`, or undefined where it is unset. May refuse the name. */
  lookUp(name: string, position: Position): string | undefined
  /** The elements of `"${name[@]}"`. May refuse the name. */
  elementsOf(name: string, position: Position): readonly string[]
  /** The home folder that `~` stands for. */
  readonly home: string
}

/** No argument of a program can be longer on Linux (MAX_ARG_STRLEN), so no setting needs to be. */
const longestValue = 131_072

/** The value of a word in an assignment, after what is `before` it: one text, nothing is split. */
export function expandText(word: Word, scope: Scope, position: Position, before = ''): string {
  let text = before
  for (const part of word) {
    text += textOf(part, scope, position)
    checkLength(text.length, position)
  }
  return text
}

function textOf(part: Part, scope: Scope, position: Position): string {
  if (part.kind === 'text') return part.text
  if (part.kind === 'home') return scope.home
  if (part.kind === 'elements') return scope.elementsOf(part.name, part.position).join(' ')
  const value = scope.lookUp(part.name, part.position) ?? ''
  return value === '' && part.fallback !== undefined ? expandText(part.fallback, scope, position) : value
}

/** Words while they are put together: `open` is the last one, undefined after a blank. */
interface Fields {
  readonly done: string[]
  open: string | undefined
  length: number
}

/**
 * The words that elements of an array become: none, one or several each. `length` is what the array takes on a command line
 * with them, and had before.
 */
export function expandWords(
  words: readonly Word[],
  scope: Scope,
  position: Position,
  length = 0,
): { readonly elements: string[]; readonly length: number } {
  const fields: Fields = { done: [], open: undefined, length }
  for (const word of words) {
    appendParts(fields, word, scope, position)
    closeField(fields)
  }
  return { elements: fields.done, length: fields.length }
}

function appendParts(fields: Fields, word: Word, scope: Scope, position: Position): void {
  for (const part of word) {
    if (part.kind === 'elements') {
      const elements = scope.elementsOf(part.name, part.position)
      for (const element of elements) {
        appendWhole(fields, element, position)
        closeField(fields)
      }
    } else if (part.kind === 'text') {
      if (part.quoted) appendWhole(fields, part.text, position)
      else appendSplit(fields, part.text, position)
    } else if (part.kind === 'home') {
      appendWhole(fields, scope.home, position)
    } else {
      appendVariable(fields, part, scope, position)
    }
  }
}

function appendVariable(fields: Fields, part: Part & { kind: 'variable' }, scope: Scope, position: Position): void {
  const value = scope.lookUp(part.name, part.position) ?? ''
  if (value === '' && part.fallback !== undefined) appendParts(fields, part.fallback, scope, position)
  else if (part.quoted) appendWhole(fields, value, position)
  else {
    const pattern = /[*?[]/.exec(value)?.[0]
    if (pattern !== undefined) {
      const why = `its value holds ${pattern}, which would be matched against the names of files`
      throw refusalAt(part.position, `$${part.name}`, why, `write "$${part.name}" in double quotes`)
    }
    appendSplit(fields, value, position)
  }
}

function appendWhole(fields: Fields, text: string, position: Position): void {
  fields.open = (fields.open ?? '') + text
  fields.length += text.length + 1
  checkLength(fields.length, position)
}

function appendSplit(fields: Fields, text: string, position: Position): void {
  const [first = '', ...rest] = text.split(/[ \t\n]+/)
  if (first !== '') appendWhole(fields, first, position)
  for (const word of rest) {
    closeField(fields)
    if (word !== '') appendWhole(fields, word, position)
  }
}

function closeField(fields: Fields): void {
  if (fields.open !== undefined) fields.done.push(fields.open)
  fields.open = undefined
}

function checkLength(length: number, position: Position): void {
  if (length <= longestValue) return
  throw refusalAt(position, '', `a value longer than ${longestValue} characters`, 'no program takes such an argument; write less')
}
