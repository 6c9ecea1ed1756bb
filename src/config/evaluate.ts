// What the settings files say together: each is evaluated after the weaker ones, in one set of variables, as if bash had
// read them one after the other.
import path from 'node:path'
import { UsageError } from '../core/errors.js'
import { nearest } from '../core/nearest.js'
import { shorten } from '../core/quote.js'
import { splitWords } from '../core/words.js'
import type { Scope } from './expand.js'
import { expandText, expandWords } from './expand.js'
import type { SettingName } from './settings.js'
import { isSettingName, settingNames, settingsTable } from './settings.js'
import type { Assignment, Include, Statement } from './shell.js'
import { parseShell } from './shell.js'
import type { Position } from './source.js'
import { lineOf, refusalAt } from './source.js'

/** What the files say of one setting, and where the last word on it stands. */
export interface FileValue {
  readonly value: string | readonly string[]
  readonly file: string
  readonly line: number
}

/** What files are evaluated with. */
export interface Surroundings {
  /**
   * What `$x` sees at the start: the environment, the settings of the command line over it, and `vm`, `class` and
   * `drawer`. An empty one counts as unset.
   */
  readonly variables: Readonly<Record<string, string | undefined>>
  /** What `~` stands for. */
  readonly home: string
  /** Reads a file; undefined when there is none. */
  readonly read: (file: string) => string | undefined
}

/** An array, which `+=` adds to in place, and what its elements take on a command line. */
interface List {
  readonly elements: string[]
  length: number
}

interface Evaluation extends Pick<Surroundings, 'home' | 'read'> {
  readonly variables: Map<string, string | List>
  readonly found: Map<SettingName, FileValue>
  /** The files that are being read now, each included by the one before. */
  readonly open: string[]
  included: number
  /** Characters of all files that were read, and of all values that were put in for variables. */
  readCharacters: number
  expandedCharacters: number
}

/** What nbsvm itself puts among the variables; files can use them, and not change them. */
const givenNames = new Set(['vm', 'class', 'drawer'])

const longestName = 60

/** More `. FILE` than this in one go is a loop that links hide, or an explosion. */
const mostIncludes = 100

/** Nobody writes so much, and reading it takes a second: what is more has gone wrong, or was meant to keep nbsvm busy. */
const longestPath = 4096
const mostReadCharacters = 4 * 1024 * 1024
const mostExpandedCharacters = 4 * 1024 * 1024

/**
 * Evaluates the files that exist, weakest first. Throws UsageError with file, line and column for what cannot be read or
 * is not a setting.
 */
export function evaluateFiles(files: readonly string[], { variables, home, read }: Surroundings): Map<SettingName, FileValue> {
  const known = new Map<string, string | List>()
  for (const [name, value] of Object.entries(variables)) if (value !== undefined && value !== '') known.set(name, value)
  const evaluation: Evaluation = {
    variables: known,
    found: new Map(),
    home,
    read,
    open: [],
    included: 0,
    readCharacters: 0,
    expandedCharacters: 0,
  }
  for (const file of files) {
    const text = read(file)
    if (text !== undefined) evaluateText(evaluation, text, file)
  }
  return evaluation.found
}

function evaluateText(evaluation: Evaluation, text: string, file: string): void {
  evaluation.open.push(file)
  const scope = scopeOf(evaluation)
  const statements: Statement[] = parseShell(text, file)
  for (const statement of statements) {
    if (statement.kind === 'include') includeFile(evaluation, statement, scope)
    else assign(evaluation, statement, scope)
  }
  evaluation.open.pop()
}

/** A relative name starts at the folder of the file that includes it, wherever nbsvm was called from. */
function includeFile(evaluation: Evaluation, statement: Include, scope: Scope): void {
  const { position } = statement
  const [name, ...more] = expandWords([statement.file], scope, position).elements
  if (name === undefined || name === '' || more.length > 0) {
    throw refusalAt(
      position,
      [name, ...more].join(' '),
      '. takes one file',
      'write `. FILE`, in double quotes where it holds blanks',
    )
  }
  const file = path.resolve(path.dirname(position.source.file), name)
  if (evaluation.open.includes(file)) {
    throw refusalAt(position, name, 'this file is being read already: it would include itself forever', 'remove this line')
  }
  if (++evaluation.included > mostIncludes) {
    throw refusalAt(position, name, `more than ${mostIncludes} files are included`, 'look for a file that includes itself')
  }
  const text = file.length > longestPath ? undefined : evaluation.read(file)
  if (text === undefined) {
    throw refusalAt(
      position,
      name,
      `there is no file ${file}`,
      "a relative name starts at this file's folder; ~/... and absolute paths work too",
    )
  }
  evaluation.readCharacters += text.length
  if (evaluation.readCharacters > mostReadCharacters) {
    const why = `the included files are too large: more than ${mostReadCharacters} characters`
    throw refusalAt(position, name, why, 'include only what is needed')
  }
  evaluateText(evaluation, text, file)
}

function assign(evaluation: Evaluation, statement: Assignment, scope: Scope): void {
  const { name, position, value } = statement
  const shown = `${name}${statement.appends ? '+' : ''}=${value.kind === 'array' ? '(...)' : '...'}`
  if (!isSettingName(name)) throw unknownName(name, position)
  const isList = settingsTable[name].quantity.isList
  if (value.kind === 'array' && !isList) {
    throw refusalAt(
      position,
      shown,
      `${name} takes one value, not an array`,
      `write ${name}=${settingsTable[name].default ?? 'VALUE'}`,
    )
  }
  const before = evaluation.variables.get(name)
  let result: string | List
  if (value.kind === 'array') {
    const list = statement.appends && before !== undefined ? asList(evaluation, name, before, position, shown) : emptyList()
    const { elements, length } = expandWords(value.elements, scope, position, list.length)
    // In place: a file that adds one word a line would copy all of them each time.
    for (const element of elements) list.elements.push(element)
    list.length = length
    result = list
  } else if (typeof before === 'object') {
    // bash would change the first element alone, and keep the others: nobody means that.
    const why = `${name} is an array since ${whereSet(evaluation, name)}; a shell would change only its first word`
    const hint = statement.appends ? `write ${name}+=(...)` : `write ${name}=(...); ${name}=() for none`
    throw refusalAt(position, shown, why, hint)
  } else {
    result = expandText(value.word, scope, position, statement.appends ? before : undefined)
  }
  evaluation.variables.set(name, result)
  const said = typeof result === 'string' ? result : result.elements
  evaluation.found.set(name, { value: said, file: position.source.file, line: lineOf(position) })
}

function emptyList(): List {
  return { elements: [], length: 0 }
}

function unknownName(name: string, position: Position): UsageError {
  if (givenNames.has(name)) {
    return refusalAt(position, `${name}=`, `${name} is given by nbsvm and can be used, not set`, `use it: $${name}`)
  }
  const meant = nearest(name, settingNames)
  const hint = meant === undefined ? 'every setting: nbsvm help settings' : `did you mean ${meant}?`
  return refusalAt(position, `${name}=`, `there is no setting ${shorten(name, longestName)}`, hint)
}

/**
 * What is a string up to now, as a list. To a shell the string is one element; where that is several words on a
 * command line, a file that mixes both ways of writing would not mean what it looks like.
 */
function asList(evaluation: Evaluation, name: string, value: string | List, position: Position, shown: string): List {
  if (typeof value === 'object') return value
  const isWords = isSettingName(name) && settingsTable[name].quantity.isList && evaluation.found.has(name)
  if (!isWords || isOneWord(value)) return { elements: [value], length: value.length + 1 }
  const why = `${name} is a string since ${whereSet(evaluation, name)}; a shell would keep it as a single word`
  throw refusalAt(position, shown, why, `write it as an array there: ${name}=(...)`)
}

function isOneWord(text: string): boolean {
  return text !== '' && !/[\s'"\\]/.test(text) && splitWords(text).length === 1
}

function whereSet(evaluation: Evaluation, name: string): string {
  const found = isSettingName(name) ? evaluation.found.get(name) : undefined
  return found === undefined ? 'before' : `${found.file}:${found.line}`
}

/** What bash sets by itself, and nbsvm does not know. */
const shellsOwn =
  /^(?:BASH.*|COMP_.*|DIRSTACK|EPOCH.*|E?UID|FUNCNAME|GROUPS|HISTCMD|HOSTNAME|HOSTTYPE|IFS|LINENO|MACHTYPE|OPT(?:ARG|ERR|IND)|OSTYPE|PIPESTATUS|PPID|PS4|RANDOM|SECONDS|SHELLOPTS|SRANDOM|_)$/

function scopeOf(evaluation: Evaluation): Scope {
  const count = (length: number, position: Position): void => {
    evaluation.expandedCharacters += length
    if (evaluation.expandedCharacters <= mostExpandedCharacters) return
    const why = `the values that are put in for variables are too long: more than ${mostExpandedCharacters} characters in all`
    throw refusalAt(position, '', why, 'no VM needs so much; write less')
  }
  return {
    lookUp: (name, position) => {
      const value = evaluation.variables.get(name)
      if (typeof value === 'object') {
        throw refusalAt(position, `$${name}`, `${name} is an array`, `write "\${${name}[@]}", alone, as an element of an array`)
      }
      if (value === undefined && shellsOwn.test(name)) {
        throw refusalAt(
          position,
          `$${name}`,
          `only a shell knows $${name}`,
          `write the value itself, or set it in the environment`,
        )
      }
      count(value?.length ?? 0, position)
      return value
    },
    elementsOf: (name, position) => {
      const value = evaluation.variables.get(name)
      if (value === undefined) return []
      count(value.length, position)
      return asList(evaluation, name, value, position, `"\${${name}[@]}"`).elements
    },
    home: evaluation.home,
  }
}
