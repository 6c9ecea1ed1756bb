// What was meant by a word that is not understood, as an error with the line to type.
import type { ActionRow, Row } from '../action/verb.js'
import { foreignCommands, foreignSettings, meaningsOf } from '../action/synonyms.js'
import { UsageError } from '../core/errors.js'
import { nearest } from '../core/nearest.js'
import { quote } from '../core/quote.js'
import { quoteWords } from '../core/words.js'

/** What a line is read by, so that this file need not load them. */
export interface Grammar {
  readonly actions: readonly ActionRow[]
  readonly commands: readonly Row[]
  readonly settings: readonly string[]
}

/** Whether a command's name is a VM's too, where words follow that are no flags. */
export function mayBeVm(word: string | undefined, { commands }: Pick<Grammar, 'commands'>): boolean {
  return commands.some(({ name, isVmToo }) => name === word && isVmToo === true)
}

/** `nbsvm start foo`, `nbsvm create foo`, `nbsvm mem=2048 foo`: the words can be understood, only their order is wrong. */
export function refuseWrongOrder(first: string, words: readonly string[], grammar: Grammar): void {
  const { actions, settings } = grammar
  const isAction = (word: string | undefined): boolean => actions.some(({ name }) => name === word) && !mayBeVm(word, grammar)
  const isPair = (word: string): boolean => word.includes('=') && settings.includes(word.split('=')[0] ?? '')
  const [second = 'VM', ...others] = words
  const copied = first === 'cp' ? copying(words) : undefined
  if (copied !== undefined) throw new UsageError('the VM\'s name comes first, not "cp"', { hints: [`try: nbsvm ${copied}`] })
  if ((isAction(first) && !isAction(second)) || isPair(first)) {
    throw new UsageError(`the VM's name comes first, not ${quote(first)}`, {
      hints: [`try: nbsvm ${quoteWords([second, first, ...others])}`],
    })
  }
  if (first.startsWith('-')) throw new UsageError(`unknown option ${quote(first)}`, { hints: ['see: nbsvm help'] })
  const vm = words.find((word) => !word.startsWith('-') && !isPair(word))
  if (vm === undefined || isAction(vm)) return
  const lines = linesFor(first, [vm, ...words.filter(isPair)])
  if (lines.length > 0) throw new UsageError(`unknown action ${quote(first)}, and the VM's name comes first`, { hints: lines })
}

/** `cp site box2:web:/srv/`, as scp(1) has it: the words with the VM first; undefined where none says which. */
function copying(words: readonly string[]): string | undefined {
  const [, vm] = words.map((word) => /^((?:[^:/]+:)?[^:/]+):/.exec(word)).find((match) => match !== null) ?? []
  if (vm === undefined) return undefined
  return quoteWords([vm, 'cp', ...words.map((word) => (word.startsWith(`${vm}:`) ? word.slice(vm.length) : word))])
}

/** What to type in place of a word of another tool, after what was said before it; none for a word that nobody brings. */
function linesFor(word: string, said: readonly string[], next: readonly string[] = []): string[] {
  return meaningsOf(word).map(([actions, what]) => {
    const line = `try: nbsvm ${quoteWords([...said, ...actions.split(' '), ...next])}`
    return what === '' ? line : `${line}    # ${what}`
  })
}

/** The same for a word that stands alone: another tool's command, or its action without a VM. */
export function linesForAlone(word: string): string[] {
  const command = Object.hasOwn(foreignCommands, word) ? foreignCommands[word] : undefined
  return command === undefined ? linesFor(word, ['VM']) : [`try: nbsvm ${command}`]
}

/** The error for a word that is not an action: a setting without its `=`, an option of QEMU, another VM, another tool's word. */
export function notAnAction(
  word: string,
  { actions, settings }: Grammar,
  said: readonly string[],
  next: readonly string[],
): UsageError {
  const unknown = `unknown action ${quote(word)}`
  const bare = word.replace(/^--?/, '')
  if (bare === 'help' || word === '-h') return new UsageError(unknown, { hints: ['try: nbsvm help'] })
  if (settings.includes(bare)) {
    return new UsageError(`${bare} is a setting, not an action`, { hints: [`try: nbsvm VM ${bare}=VALUE ACTION`] })
  }
  if (word.startsWith('-')) {
    return new UsageError(unknown, { hints: ['options of QEMU stand directly after start: nbsvm VM start -cdrom x.iso'] })
  }
  const names = actions.map(({ name }) => name)
  const isResize = meaningsOf(word).some(([meant]) => meant === 'resize')
  const lines = linesFor(
    word,
    said,
    next.filter((one) => isResize || names.includes(one)),
  )
  if (lines.length > 0) return new UsageError(unknown, { hints: lines })
  const error = unknownWord('action', word, names)
  return new UsageError(error.message, { hints: [...error.hints, ...severalHints(word, said, next)] })
}

/** A further VM, or a machine's that lacks its colon. */
function severalHints(word: string, [vm = 'VM', ...more]: readonly string[], next: readonly string[]): string[] {
  const isFar = /^[^/:=]+:[^/:]+$/.test(word) || (/^[^/:=]+:$/.test(word) && next.includes('move'))
  if (isFar && next.includes('move'))
    return [`from one machine to another: nbsvm ${quoteWords([vm])} move ${word.replace(/:$/, '')}`]
  if (isFar) return [`several VMs: nbsvm ${quoteWords([`${vm},${word}`])} ACTION`]
  const ofMachine =
    more.length === 0 && next.length > 0 && !vm.includes(':')
      ? [`of another machine: nbsvm ${quoteWords([`${vm}:${word}`])} ACTION`]
      : []
  return ['several VMs: nbsvm VM1,VM2 ACTION', ...ofMachine]
}

/** The error for the name of a setting that there is not. */
export function unknownSetting(name: string, value: string, { settings }: Grammar): UsageError {
  const meant = Object.hasOwn(foreignSettings, name) ? foreignSettings[name] : undefined
  if (meant === undefined) return unknownWord('setting', name, settings)
  return new UsageError(`unknown setting ${quote(name)}; here it is ${meant}`, {
    hints: [`try: ${quoteWords([`${meant}=${value}`])}`, `see: nbsvm help ${meant}`],
  })
}

function unknownWord(kind: string, word: string, candidates: readonly string[]): UsageError {
  const near = nearest(word, candidates)
  const question = near === undefined ? '' : `; did you mean ${near}?`
  return new UsageError(`unknown ${kind} ${quote(word)}${question}`, { hints: [`see all ${kind}s: nbsvm help`] })
}
