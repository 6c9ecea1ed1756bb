// The line, read and checked as a whole before its first action runs. Pure: it looks at nothing but the words.
import type { ActionRow, Flags, Row, Takes } from '../action/verb.js'
import { UsageError } from '../core/errors.js'
import { nearest } from '../core/nearest.js'

/** One action of a chain, with its words. */
export interface Step {
  readonly name: string
  readonly words: readonly string[]
  readonly flags: Flags
}

/** What the line asks for. */
export type Line =
  | { readonly kind: 'command'; readonly step: Step }
  | {
      readonly kind: 'vm'
      /** Names and patterns, as written. */
      readonly targets: readonly string[]
      /** Settings in place, `class` among them, by name. */
      readonly settings: Readonly<Record<string, string>>
      readonly steps: readonly [Step, ...Step[]]
    }

/** The words of the language, so that this file need not load them. */
export interface Grammar {
  readonly actions: readonly ActionRow[]
  readonly commands: readonly Row[]
  readonly settings: readonly string[]
}

const synonyms: Readonly<Record<string, string>> = {
  '--help': 'help',
  '-h': 'help',
  '--version': 'version',
  '-V': 'version',
  list: 'ls',
}

/** Reads the words behind `nbsvm`. Throws UsageError with the nearest right word where one is wrong. */
export function parseLine(argv: readonly string[], grammar: Grammar): Line {
  const [first = 'ls', ...rest] = argv
  const name = synonyms[first] ?? first
  const command = grammar.commands.find((row) => row.name === name)
  if (command !== undefined) return { kind: 'command', step: parseCommand(command, rest) }
  return parseVmLine(first, rest, grammar)
}

function parseCommand(row: Row, words: readonly string[]): Step {
  const { step, next } = takeStep(row, words, 0)
  const extra = words[next]
  if (extra !== undefined) throw new UsageError(`nbsvm ${row.name} takes no ${JSON.stringify(extra)}`, helpFor(row.name))
  return step
}

function parseVmLine(first: string, words: readonly string[], grammar: Grammar): Line {
  refuseWrongOrder(first, words, grammar)
  const settings: Record<string, string> = {}
  let at = 0
  for (let pair = settingIn(words[at], grammar); pair !== undefined; pair = settingIn(words[++at], grammar))
    settings[pair[0]] = pair[1]
  const targets = first.split(',')
  if (targets.length > 1 && targets.includes('')) throw new UsageError(`there is an empty name in ${JSON.stringify(first)}`)
  const steps: Step[] = []
  while (at < words.length) {
    const { step, next } = takeStep(findAction(words[at] ?? '', grammar), words, at + 1)
    steps.push(step)
    at = words[next] === '--' ? next + 1 : next
  }
  const [head = { name: 'status', words: [], flags: {} }, ...others] = steps
  return { kind: 'vm', targets, settings, steps: [head, ...others] }
}

/** `nbsvm start foo`, `nbsvm mem=2048 foo`: the words are right, only their order is not. */
function refuseWrongOrder(first: string, words: readonly string[], { actions, settings }: Grammar): void {
  const isAction = (word: string | undefined): boolean => actions.some(({ name }) => name === word)
  const [second = 'VM', ...others] = words
  const isPair = settings.includes(first.split('=')[0] ?? '') && first.includes('=')
  if ((isAction(first) && !isAction(second)) || isPair) {
    throw new UsageError(`the VM's name comes first, not ${JSON.stringify(first)}`, {
      hints: [`try: nbsvm ${[second, first, ...others].join(' ')}`],
    })
  }
  if (first.startsWith('-')) throw new UsageError(`unknown option ${JSON.stringify(first)}`, { hints: ['see: nbsvm help'] })
}

/** `mem=2048` as name and value; undefined when the word is no setting in place. */
function settingIn(word: string | undefined, { settings }: Grammar): readonly [string, string] | undefined {
  const match = /^(?<name>[A-Za-z_][A-Za-z0-9_-]*)=(?<value>[^]*)$/.exec(word ?? '')
  if (match?.groups === undefined) return undefined
  const { name = '', value = '' } = match.groups
  if (settings.includes(name)) return [name, value]
  throw unknownWord('setting', name, settings)
}

function findAction(word: string, grammar: Grammar): ActionRow {
  const row = grammar.actions.find(({ name }) => name === word)
  if (row !== undefined) return row
  if (settingIn(word, grammar) !== undefined) {
    throw new UsageError(`settings come before the first action, not behind it: ${word}`, {
      hints: [`try: nbsvm VM ${word} ACTION`],
    })
  }
  if (grammar.commands.some(({ name }) => name === word)) {
    throw new UsageError(`${word} is a command, without a VM`, { hints: [`try: nbsvm ${word}`] })
  }
  throw notAnAction(word, grammar)
}

/** What was meant, where it can be seen: a setting without its `=`, an option of QEMU, another VM. */
function notAnAction(word: string, { actions, settings }: Grammar): UsageError {
  const bare = word.replace(/^--?/, '')
  if (bare === 'help' || word === '-h')
    return new UsageError(`unknown action ${JSON.stringify(word)}`, { hints: ['try: nbsvm help'] })
  if (settings.includes(bare)) {
    return new UsageError(`${bare} is a setting, not an action`, { hints: [`try: nbsvm VM ${bare}=VALUE ACTION`] })
  }
  if (word.startsWith('-')) {
    return new UsageError(`unknown action ${JSON.stringify(word)}`, {
      hints: ['options of QEMU stand directly behind start: nbsvm VM start -cdrom x.iso'],
    })
  }
  const unknown = unknownWord(
    'action',
    word,
    actions.map(({ name }) => name),
  )
  return new UsageError(unknown.message, { hints: [...unknown.hints, 'several VMs: nbsvm VM1,VM2 ACTION'] })
}

function unknownWord(kind: string, word: string, candidates: readonly string[]): UsageError {
  const near = nearest(word, candidates)
  const question = near === undefined ? '' : `; did you mean ${near}?`
  return new UsageError(`unknown ${kind} ${JSON.stringify(word)}${question}`, { hints: [`see all ${kind}s: nbsvm help`] })
}

/** One action of the line, and the first word that is not its own. */
interface Taken {
  readonly step: Step
  readonly next: number
}

/** Takes the words and flags of one action from `at` on, and checks them. */
function takeStep(row: Row, words: readonly string[], at: number): Taken {
  const { takes } = row
  const taken = takes === 'options' ? takeOptions(row.name, words, at) : takeWords(row, takes, words, at)
  row.check?.(taken.step.words, taken.step.flags)
  return taken
}

function takeWords(row: Row, { min, max }: Exclude<Takes, 'options'>, words: readonly string[], at: number): Taken {
  const flags: Record<string, string | true> = {}
  const own: string[] = []
  let next = at
  for (; next < words.length; next++) {
    const word = words[next] ?? ''
    if (word.startsWith('--') && word !== '--') Object.assign(flags, parseFlag(row, word))
    else if (word !== '--' && own.length < max) own.push(word)
    else break
  }
  if (own.length < min) throw new UsageError(`${row.name} needs ${row.words}`, helpFor(row.name))
  return { step: { name: row.name, words: own, flags }, next }
}

/** QEMU's options, up to `--` or the end; none if the first word is no option, so that `start console` chains. */
function takeOptions(name: string, words: readonly string[], at: number): Taken {
  if (!words[at]?.startsWith('-')) return { step: { name, words: [], flags: {} }, next: at }
  const end = words.indexOf('--', at)
  const next = end === -1 ? words.length : end
  return { step: { name, words: words.slice(at, next), flags: {} }, next }
}

function parseFlag(row: Row, word: string): Record<string, string | true> {
  const [name = '', ...value] = word.slice(2).split('=')
  const known = Object.keys(row.flags)
  const declared = known.find((flag) => flag.split('=')[0] === name)
  if (declared === undefined)
    throw unknownFlag(
      row.name,
      word,
      known.map((flag) => `--${flag}`),
    )
  if (declared.includes('=') !== value.length > 0) throw new UsageError(`write it --${declared}, not ${word}`, helpFor(row.name))
  return { [name]: value.length > 0 ? value.join('=') : true }
}

function unknownFlag(name: string, word: string, candidates: readonly string[]): UsageError {
  const near = nearest(word, candidates)
  const question = near === undefined ? '' : `; did you mean ${near}?`
  return new UsageError(`${name} knows no ${JSON.stringify(word)}${question}`, helpFor(name))
}

function helpFor(name: string): { hints: string[] } {
  return { hints: [`see: nbsvm help ${name}`] }
}
