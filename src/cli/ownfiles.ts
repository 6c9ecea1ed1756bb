// Which words of a line for another machine are files of this one. Those of `cp`, `run` and `screenshot` are, and what `user_data`,
// `password` and `ssh_key` name: they go there, or come from there. All others are files of the machine that the VM is on.
import path from 'node:path'
import { UsageError } from '../core/errors.js'
import { quote } from '../core/quote.js'
import { quoteWords, splitWords } from '../core/words.js'
import { parseCopying } from '../guest/sides.js'
import type { ScriptLine, Step } from './parse.js'

/** What is done with files of this machine. Paths are absolute. */
export interface OwnFiles {
  /** Files and folders that go there. */
  readonly brought: readonly string[]
  /** Files of steps, whose lines name others. */
  readonly scripts: readonly { readonly file: string; readonly lines: readonly ScriptLine[] }[]
  /** What comes from there: to a path, or, where that is a folder, into it under these names. */
  readonly fetched: readonly { readonly to: string; readonly names: readonly string[] }[]
  /** What it reads from stdin. */
  readonly input: Buffer | undefined
}

/** Settings in place that name a file of this machine. */
const fileSettings = ['user_data', 'password'] as const

/** The files that a line names, and its input; undefined where there are none. `at` makes a path absolute, as this process means it. */
export function ownFilesOf(
  { steps, settings }: { readonly steps: readonly Step[]; readonly settings: Readonly<Record<string, string>> },
  { at, input }: { readonly at: (file: string) => string; readonly input: Buffer | undefined },
): OwnFiles | undefined {
  const files = {
    brought: [] as string[],
    scripts: [] as OwnFiles['scripts'][number][],
    fetched: [] as OwnFiles['fetched'][number][],
  }
  for (const name of fileSettings) {
    const value = settings[name]
    if (value !== undefined && isPath(value)) files.brought.push(at(value))
  }
  for (const step of allSteps(steps)) {
    const [first = ''] = step.words
    if (step.script !== undefined) files.scripts.push({ file: at(first), lines: step.script })
    else if (step.name === 'screenshot' && first !== '-') files.fetched.push({ to: at(first), names: [] })
    else if (step.name === 'cp') addCopying(step.words)
  }
  return input !== undefined || Object.values(files).some((some) => some.length > 0) ? { ...files, input } : undefined

  function addCopying(words: readonly string[]): void {
    const { from, sources, destination } = parseCopying(words)
    if (from === 'host') files.brought.push(...sources.map(at))
    else files.fetched.push({ to: at(destination), names: sources.map((source) => path.posix.basename(source)) })
  }
}

function allSteps(steps: readonly Step[]): Step[] {
  return steps.flatMap((step) => [step, ...allSteps((step.script ?? []).flatMap((line) => line.steps))])
}

/** A value that is one whether or not the shell has read the tilde. */
function isPath(value: string): boolean {
  return value.startsWith('/') || value.startsWith('~/')
}

const takingFiles: ReadonlySet<string> = new Set(['cp', 'run', 'screenshot'])

/** A step's words, with the paths in them that begin at the root beginning at `root`; others mean what they mean in the caller's folder. */
export function stepThere([name = '', ...words]: readonly string[], root: string): string[] {
  return [name, ...(takingFiles.has(name) ? words.map((word) => wordThere(word, root)) : words)]
}

function wordThere(word: string, root: string): string {
  if (word.startsWith('/')) return root + word
  // A folder that is only left again need not be there.
  return /[^./][^/]*\/\.\.(?:\/|$)/.test(word) && !word.startsWith(':') ? path.normalize(word) : word
}

/** A setting in place, likewise; `keys` are what the value of `ssh_key` means here. */
export function settingThere(
  pair: string,
  {
    root,
    at,
    keys,
  }: { readonly root: string; readonly at: (file: string) => string; readonly keys: (value: string) => readonly string[] },
): string {
  const name = pair.slice(0, pair.indexOf('='))
  const value = pair.slice(name.length + 1)
  if (name === 'ssh_key' && value.trim() !== '' && value !== 'none') return `${name}=${quoteWords(keys(value))}`
  return fileSettings.some((one) => one === name) && isPath(value) ? `${name}=${root}${at(value)}` : pair
}

/** The text of a file of steps, likewise; each line where it was, as messages name it by its number. */
export function scriptThere(lines: readonly ScriptLine[], root: string): string {
  const text: string[] = []
  for (const { place, text: line, written } of lines) {
    const there = written.map((words) => stepThere(words, root))
    const isSame = there.flat().join('\n') === written.flat().join('\n')
    text[lineNumber(place) - 1] = isSame ? line : quoteWords(there.flat())
  }
  return [...text].map((line) => `${line ?? ''}\n`).join('')
}

function lineNumber(place: string): number {
  return Number(place.slice(place.lastIndexOf(':') + 1))
}

/** Settings whose files are those of the other machine, where a name without its folder would mean nothing. */
const theirs = ['cdrom', 'share'] as const

/**
 * Throws a UsageError for a name that only this folder gives a meaning, where a file of the other machine is to be named. `isHere` says
 * whether there is such a file here.
 */
export function refuseRelative(
  { steps, settings }: { readonly steps: readonly Step[]; readonly settings: Readonly<Record<string, string>> },
  host: string,
  isHere: (file: string) => boolean,
): void {
  const words = [
    ...theirs.flatMap((name) => splitWords(settings[name] ?? '').map((word) => ({ name, file: word.replace(/:.*$/, '') }))),
    ...steps.filter(({ name }) => name === 'attach').map(({ name, words: [file = ''] }) => ({ name, file })),
  ]
  const odd = words.find(({ file }) => file !== '' && !isPath(file) && (/^\.{1,2}\//.test(file) || isHere(file)))
  if (odd === undefined) return
  throw new UsageError(`${odd.name}: ${quote(odd.file)} would be a file of ${host}, not of this machine`, {
    hints: [`write its absolute path there; to bring a file there: scp FILE ${host}:/tmp/`],
  })
}
