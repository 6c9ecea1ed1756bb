// Gives the words of a settings file their values, as bash does: `$x` and `${x:-word}` are put in, and in an array what
// came from them bare is split at blanks.
import { refusalAt } from './source.js'
import type { Place } from './source.js'
import type { Part, Word } from './parts.js'

/** What the variables of a file are, while it is evaluated. */
export interface Scope {
  /** The value of `$name`, or undefined where it is unset. May refuse the name. */
  lookUp(name: string, place: Place): string | undefined
  /** The elements of `"${name[@]}"`. May refuse the name. */
  elementsOf(name: string, place: Place): readonly string[]
  /** The home folder that `~` stands for. */
  readonly home: string
}

/** No argument of a program can be longer on Linux (MAX_ARG_STRLEN), so no setting needs to be. */
const longestValue = 131_072

/** The value of a word in an assignment: one text, nothing is split. */
export function expandText(word: Word, scope: Scope, place: Place): string {
  let text = ''
  for (const part of word) {
    text += textOf(part, scope, place)
    checkLength(text.length, place)
  }
  return text
}

function textOf(part: Part, scope: Scope, place: Place): string {
  if (part.kind === 'text') return part.text
  if (part.kind === 'home') return scope.home
  if (part.kind === 'elements') return scope.elementsOf(part.name, part.place).join(' ')
  const value = scope.lookUp(part.name, part.place) ?? ''
  return value === '' && part.fallback !== undefined ? expandText(part.fallback, scope, place) : value
}

/** Words while they are put together: `open` is the last one, undefined behind a blank. */
interface Fields {
  readonly done: string[]
  open: string | undefined
  length: number
}

/** The words that elements of an array become: none, one or several each. */
export function expandWords(words: readonly Word[], scope: Scope, place: Place): string[] {
  const fields: Fields = { done: [], open: undefined, length: 0 }
  for (const word of words) {
    appendParts(fields, word, scope, place)
    closeField(fields)
  }
  return fields.done
}

function appendParts(fields: Fields, word: Word, scope: Scope, place: Place): void {
  for (const part of word) {
    if (part.kind === 'elements') {
      const elements = scope.elementsOf(part.name, part.place)
      for (const element of elements) {
        appendWhole(fields, element, place)
        closeField(fields)
      }
    } else if (part.kind === 'text') {
      if (part.quoted) appendWhole(fields, part.text, place)
      else appendSplit(fields, part.text, place)
    } else if (part.kind === 'home') {
      appendWhole(fields, scope.home, place)
    } else {
      appendVariable(fields, part, scope, place)
    }
  }
}

function appendVariable(fields: Fields, part: Part & { kind: 'variable' }, scope: Scope, place: Place): void {
  const value = scope.lookUp(part.name, part.place) ?? ''
  if (value === '' && part.fallback !== undefined) appendParts(fields, part.fallback, scope, place)
  else if (part.quoted) appendWhole(fields, value, place)
  else {
    const pattern = /[*?[]/.exec(value)?.[0]
    if (pattern !== undefined) {
      const why = `its value holds ${pattern}, which would be matched against the names of files`
      throw refusalAt(part.place, `$${part.name}`, why, `write "$${part.name}" in double quotes`)
    }
    appendSplit(fields, value, place)
  }
}

function appendWhole(fields: Fields, text: string, place: Place): void {
  fields.open = (fields.open ?? '') + text
  fields.length += text.length + 1
  checkLength(fields.length, place)
}

function appendSplit(fields: Fields, text: string, place: Place): void {
  const [first = '', ...rest] = text.split(/[ \t\n]+/)
  if (first !== '') appendWhole(fields, first, place)
  for (const word of rest) {
    closeField(fields)
    if (word !== '') appendWhole(fields, word, place)
  }
}

function closeField(fields: Fields): void {
  if (fields.open !== undefined) fields.done.push(fields.open)
  fields.open = undefined
}

function checkLength(length: number, place: Place): void {
  if (length <= longestValue) return
  throw refusalAt(place, '', `a value longer than ${longestValue} characters`, 'no program takes such an argument; write less')
}
