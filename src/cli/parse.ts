// The line, read and checked as a whole before its first action runs. Pure: it looks at nothing else.
import type { ActionRow, Flags, Row, Takes } from '../action/verb.js'
import { UsageError } from '../core/errors.js'
import { isGlob } from '../core/glob.js'
import { checkName, nameFault } from '../core/name.js'
import { nearest } from '../core/nearest.js'
import { quote } from '../core/quote.js'
import { parseTarget, type Target } from '../core/target.js'
import { quoteWords } from '../core/words.js'
import { mayBeVm, notAnAction, refuseWrongOrder, unknownSetting, type Grammar } from './meant.js'

/** One action of a chain, with its words. */
export interface Step {
  readonly name: string
  readonly words: readonly string[]
  readonly flags: Flags
  /** The lines of the file that `run` names. */
  readonly script?: readonly ScriptLine[]
}

/** A line of a file of steps. */
export interface ScriptLine {
  /** `steps:3`, for messages. */
  readonly place: string
  /** As it is written there. */
  readonly text: string
  readonly steps: readonly Step[]
  /** The words of each. */
  readonly written: readonly (readonly string[])[]
}

/** What the line asks for. */
export type Line = { readonly kind: 'command'; readonly step: Step } | VmLine | RemoteLine

/** A line about VMs of this machine. */
export interface VmLine {
  readonly kind: 'vm'
  /** Names and patterns, as written. */
  readonly targets: readonly string[]
  /** Settings in place, `class` among them, by name. */
  readonly settings: Readonly<Record<string, string>>
  readonly steps: readonly [Step, ...Step[]]
}

/** A line about VMs of other machines, or about such a machine itself. */
export interface RemoteLine {
  readonly kind: 'remote'
  readonly targets: readonly Target[]
  readonly settings: Readonly<Record<string, string>>
  readonly steps: readonly [Step, ...Step[]]
  /** All that stands after the targets, as it was written: the settings, and each step that was. */
  readonly written: { readonly settings: readonly string[]; readonly steps: readonly (readonly string[])[] }
}

const synonyms: Readonly<Record<string, string>> = {
  '--help': 'help',
  '-h': 'help',
  '--version': 'version',
  '-V': 'version',
  list: 'ls',
}

/** Reads the words after `nbsvm`. Throws UsageError with the nearest right word where one is wrong. */
export function parseLine(argv: readonly string[], grammar: Grammar): Line {
  const [first = 'ls', ...rest] = argv
  const name = synonyms[first] ?? first
  const command = grammar.commands.find((row) => row.name === name)
  const isVm = mayBeVm(name, grammar) && rest[0] !== undefined && !rest[0].startsWith('--')
  if (command !== undefined && !isVm) return { kind: 'command', step: parseCommand(command, rest) }
  if (/^[^=]*:/.test(first)) return parseRemoteLine(first, rest, grammar)
  return parseVmLine(first, rest, grammar)
}

function parseRemoteLine(first: string, words: readonly string[], grammar: Grammar): Line {
  const targets = first.split(',').map(parseTarget)
  if (targets.every(({ name }) => name === '')) {
    if (words.length === 0) return parseLine(['ls', ...targets.map(({ host }) => `${host}:`)], grammar)
    const names = (rows: readonly Row[]): boolean => rows.some(({ name }) => name === words[0])
    const line = names(grammar.actions) && !names(grammar.commands) ? undefined : parseLine(words, grammar)
    if (line?.kind !== 'command') throw whichVm(first, words, grammar)
    return { kind: 'remote', targets, settings: {}, steps: [line.step], written: { settings: [], steps: [words] } }
  }
  checkNames(targets)
  const line = readVmLine(targets.map(({ name }) => name).join(','), words, grammar, first)
  return { ...line, kind: 'remote', targets }
}

function whichVm(machine: string, words: readonly string[], grammar: Grammar): UsageError {
  const [next = '', ...others] = words
  // A blank that slipped in: `box2: web start`.
  const isAction = grammar.actions.some(({ name }) => name === next) && !(others.length > 0 && mayBeVm(next, grammar))
  const isVm = nameFault(next) === undefined && !isAction
  const meant = isVm ? [machine + next, ...others] : [`${machine}VM`, ...words]
  return new UsageError(`which VM of ${machine.slice(0, -1)}?`, {
    hints: [`write: nbsvm ${quoteWords(meant)}`, `see them: nbsvm ls ${machine}`],
  })
}

/** The names of VMs of other machines, which nobody need be asked to know for wrong. */
function checkNames(targets: readonly Target[]): void {
  for (const { host, name } of targets) {
    if (name === '' || isGlob(name)) continue
    if (name.includes('/')) {
      throw new UsageError(`${quote(name)} is not a VM name, but a path`, {
        hints: [
          `files of a guest there: nbsvm ${host ?? ''}:VM cp :/etc/hostname .`,
          `of the machine itself: scp ${host ?? ''}:FILE .`,
        ],
      })
    }
    checkName('VM', name)
  }
}

function parseCommand(row: Row, words: readonly string[]): Step {
  const { step, next } = takeStep(row, words, 0)
  const extra = words[next]
  if (extra !== undefined) {
    const there = /^[^:/-][^:/]*:$/.test(extra) ? [`on that machine: nbsvm ${quoteWords([extra, row.name])}`] : []
    const { hints } = helpFor(row.name)
    throw new UsageError(`unexpected argument ${quote(extra)} after nbsvm ${row.name}`, { hints: [...there, ...hints] })
  }
  return step
}

function parseVmLine(first: string, words: readonly string[], grammar: Grammar): VmLine {
  const { written: _, ...line } = readVmLine(first, words, grammar)
  return line
}

/** `typed`: the VMs with their machines, for lines to type. */
function readVmLine(
  first: string,
  words: readonly string[],
  grammar: Grammar,
  typed = first,
): VmLine & Pick<RemoteLine, 'written'> {
  refuseWrongOrder(first, words, grammar)
  const settings: Record<string, string> = {}
  let at = 0
  for (let pair = settingIn(words[at], grammar); pair !== undefined; pair = settingIn(words[++at], grammar))
    settings[pair[0]] = pair[1]
  const targets = first.split(',')
  if (targets.length > 1 && targets.includes('')) throw new UsageError(`there is an empty name in ${quote(first)}`)
  const chain = readSteps(words.slice(at), grammar, [typed, ...words.slice(0, at)])
  const [head = { name: 'status', words: [], flags: {} }, ...others] = chain.map(({ step }) => step)
  const written = { settings: words.slice(0, at), steps: chain.map(({ written: one }) => one) }
  return { kind: 'vm', targets, settings, steps: [head, ...others], written }
}

/**
 * Reads a chain of actions, each with the words that it was written with, the `--` after it among them; `said` are the words before
 * it. Throws UsageError as `parseLine` does.
 */
export function readSteps(
  words: readonly string[],
  grammar: Grammar,
  said: readonly string[],
): { readonly step: Step; readonly written: readonly string[] }[] {
  const steps: { step: Step; written: readonly string[] }[] = []
  for (let at = 0; at < words.length;) {
    const { step, next } = takeStep(findAction(words, at, grammar, said), words, at + 1)
    const end = words[next] === '--' ? next + 1 : next
    steps.push({ step, written: words.slice(at, end) })
    at = end
  }
  return steps
}

/** `mem=2048` as name and value; undefined when the word is not a setting in place. */
function settingIn(word: string | undefined, grammar: Grammar): readonly [string, string] | undefined {
  const match = /^(?<name>[A-Za-z_][A-Za-z0-9_-]*)=(?<value>[^]*)$/.exec(word ?? '')
  if (match?.groups === undefined) return undefined
  const { name = '', value = '' } = match.groups
  if (grammar.settings.includes(name)) return [name, value]
  throw unknownSetting(name, value, grammar)
}

function findAction(words: readonly string[], at: number, grammar: Grammar, said: readonly string[]): ActionRow {
  const word = words[at] ?? ''
  const row = grammar.actions.find(({ name }) => name === word)
  if (row !== undefined) return row
  if (settingIn(word, grammar) !== undefined) {
    throw new UsageError(`settings come before the first action, not after it: ${word}`, {
      hints: [`try: nbsvm VM ${word} ACTION`],
    })
  }
  if (grammar.commands.some(({ name }) => name === word)) {
    throw new UsageError(`${word} is a command, without a VM`, { hints: [`try: nbsvm ${word}`] })
  }
  throw notAnAction(word, grammar, [...said, ...words.slice(0, at)], words.slice(at + 1))
}

/** One action of the line, and the first word that is not its own. */
interface Taken {
  readonly step: Step
  readonly next: number
}

/** Takes the words and flags of one action from `at` on, and checks them. */
function takeStep(row: Row, words: readonly string[], at: number): Taken {
  const { takes } = row
  const taken = takes === 'options' ? takeOptions(row, words, at) : takeWords(row, takes, words, at)
  row.check?.(taken.step.words, taken.step.flags)
  return taken
}

function takeWords(row: Row, { min, max }: Exclude<Takes, 'options'>, words: readonly string[], at: number): Taken {
  const flags: Record<string, string | true> = {}
  const own: string[] = []
  let next = at
  for (; next < words.length; next++) {
    const word = words[next] ?? ''
    // In what another program is to read, only `--` means anything here.
    const isTheirs = max === 'all' && own.length > 0
    if (word === '--') break
    if (word.startsWith('--') && !isTheirs) Object.assign(flags, parseFlag(row, word))
    else if (max === 'all' || own.length < max) own.push(word)
    else break
  }
  if (own.length < min) throw new UsageError(`${row.name} needs ${row.words}`, helpFor(row.name))
  return { step: { name: row.name, words: own, flags }, next }
}

/**
 * Its own flags, then QEMU's options, up to `--` or the end; none if the first word is not an option, so that `start console`
 * chains.
 */
function takeOptions(row: Row, words: readonly string[], from: number): Taken {
  const { name } = row
  const isOwn = (word: string | undefined): boolean => Object.keys(row.flags).some((flag) => word === `--${flag}`)
  const flags: Record<string, string | true> = {}
  let at = from
  for (; isOwn(words[at]); at++) Object.assign(flags, parseFlag(row, words[at] ?? ''))
  if (!words[at]?.startsWith('-')) return { step: { name, words: [], flags }, next: at }
  const end = words.indexOf('--', at)
  const next = end === -1 ? words.length : end
  const own = words.slice(at, next)
  const late = own.find(isOwn)
  if (late !== undefined) throw new UsageError(`${late} stands directly after ${name}, before the options of QEMU`, helpFor(name))
  return { step: { name, words: own, flags }, next }
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
  if (declared.includes('=') !== value.length > 0)
    throw new UsageError(`write --${declared}, not ${quote(word)}`, helpFor(row.name))
  return { [name]: value.length > 0 ? value.join('=') : true }
}

function unknownFlag(name: string, word: string, candidates: readonly string[]): UsageError {
  const near = nearest(word, candidates)
  const question = near === undefined ? '' : `; did you mean ${near}?`
  return new UsageError(`unknown option ${word} of ${name}${question}`, helpFor(name))
}

function helpFor(name: string): { hints: string[] } {
  return { hints: [`see: nbsvm help ${name}`] }
}
