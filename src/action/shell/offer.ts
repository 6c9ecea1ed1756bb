// What can be typed where: the tables of actions, commands and settings as the three shells' scripts need them.
import { files, path } from '../../config/quantity.js'
import { settingNames, settingsTable, type SettingName } from '../../config/settings.js'
import { conditions } from '../../console/awaited.js'
import { catalogue } from '../../image/catalogue.js'
import { actions, commands } from '../rows.js'
import type { Row, Takes } from '../verb.js'

/** The shells that nbsvm has a completion script for. */
export const shells = ['bash', 'zsh', 'fish'] as const

export type Shell = (typeof shells)[number]

/** What an argument or a value can be: choices known now, or something that the shell finds by looking. */
export type Source =
  | 'none'
  | 'files'
  | 'numbers'
  | 'checkpoints'
  | 'names'
  | 'shells'
  | 'vms'
  /** VMs, machines, and VMs of machines. */
  | 'targets'
  | 'machines'
  | 'classes'
  | { readonly choices: readonly string[] }

/** One action or command. */
export interface RowOffer {
  readonly name: string
  readonly help: string
  /** It takes QEMU options up to `--`; `min` and `max` mean nothing then. */
  readonly takesOptions: boolean
  readonly min: number
  readonly max: number
  /** What its arguments are. */
  readonly source: Source
  /** `--json`, or `--drive=` where a value follows. */
  readonly flags: readonly { readonly text: string; readonly help: string; readonly source: Source }[]
}

/** One setting that can stand in the line. */
export interface SettingOffer {
  readonly name: string
  readonly help: string
  readonly source: Source
}

export interface Offer {
  /** What the script completes for: `nbsvm`, and the link that it was called by. */
  readonly programs: readonly string[]
  readonly actions: readonly RowOffer[]
  readonly commands: readonly RowOffer[]
  readonly settings: readonly SettingOffer[]
}

/** Reads the tables. In class `win` the link `winvm` is completed as well. */
export function makeOffer(vmClass: string | undefined): Offer {
  const classOffer: SettingOffer = { name: 'class', help: 'class of the VM', source: 'classes' }
  return {
    programs: vmClass === undefined ? ['nbsvm'] : ['nbsvm', `${vmClass}vm`],
    actions: actions.map(rowOffer),
    commands: commands.map(rowOffer),
    settings: [classOffer, ...settingNames.map((name) => ({ name, help: settingsTable[name].help, source: valueSource(name) }))],
  }
}

function rowOffer({ name, summary, takes, words, flags }: Row): RowOffer {
  return {
    name,
    help: summary,
    takesOptions: takes === 'options',
    ...countsOf(takes),
    source: wordSource(words),
    flags: flagOffers(flags),
  }
}

/** Of words that only `--` ends there are never enough. */
function countsOf(takes: Takes): { min: number; max: number } {
  if (takes === 'options') return { min: 0, max: 0 }
  const { min, max } = takes
  return max === 'all' ? { min: 9999, max: 9999 } : { min, max }
}

function flagOffers(flags: Row['flags']): RowOffer['flags'] {
  return Object.entries(flags).map(([flag, help]) => {
    const [name = '', value] = flag.split('=')
    return value === undefined
      ? { text: `--${name}`, help, source: 'none' }
      : { text: `--${name}=`, help, source: wordSource(value) }
  })
}

/** Every name of the catalogue; a user's own files are not looked at. */
const imageNames = catalogue.flatMap(({ id, aliases }) => [id, aliases].flat())

/** What the arguments are that help writes in capitals. */
const sources: Readonly<Record<string, Source>> = {
  N: 'numbers',
  DIR: 'files',
  'DIR [WHEN]': 'files',
  VM: 'vms',
  CHECKPOINT: 'checkpoints',
  WHAT: 'files',
  SHELL: 'shells',
  '[ACTION]': 'names',
  STEPS: 'files',
  FILE: 'files',
  '[FILE]': 'files',
  'FILE.png': 'files',
  '[pull NAME ... | rm NAME ... | prune]': { choices: ['pull', 'rm', 'prune', ...imageNames] },
  '[install | remove]': { choices: ['install', 'remove'] },
  'TEXT|STATE': { choices: conditions },
  '[VM|HOST:[VM] ...]': 'targets',
  '[-c COLUMNS] [HOST: ...]': 'machines',
  'SRC ... DST': 'files',
}

function wordSource(words: string): Source {
  return sources[words] ?? 'none'
}

function valueSource(name: SettingName): Source {
  const { quantity } = settingsTable[name]
  if (quantity.choices !== undefined) return { choices: quantity.choices }
  if (name === 'image') return { choices: imageNames }
  if (quantity === path || quantity === files) return 'files'
  return name === 'gold' ? 'vms' : 'none'
}

/** The names of rows or settings, for a list in a script, each once: `forward` is an action and a setting. */
export function namesOf(rows: readonly { readonly name: string }[]): string {
  return [...new Set(rows.map(({ name }) => name))].join(' ')
}
