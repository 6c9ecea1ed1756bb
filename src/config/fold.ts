// Folds what all layers say into the settings that a VM runs with, and keeps where each value came from. Pure.
import { UsageError, messageOf } from '../core/errors.js'
import { shorten } from '../core/quote.js'
import { quoteWords } from '../core/words.js'
import type { FileValue } from './evaluate.js'
import type { Quantity } from './quantity.js'
import type { SettingName, Settings } from './settings.js'
import { settingNames, settingsTable } from './settings.js'

/** Where a value came from. */
export type Origin =
  | { readonly kind: 'command line' }
  | { readonly kind: 'environment' }
  | { readonly kind: 'file'; readonly file: string; readonly line: number }
  | { readonly kind: 'default' }

/** Settings as they are written, by name. */
export type SettingTexts = Readonly<Partial<Record<SettingName, string>>>

export interface Folded {
  readonly settings: Settings
  readonly origins: Readonly<Record<SettingName, Origin>>
  /** Each value as it was written: a text, or the words of an array. Absent where nothing is set. */
  readonly texts: Readonly<Partial<Record<SettingName, string | readonly string[]>>>
}

export interface Layers {
  /** `mem=2048` on the line; its names have been checked. */
  readonly commandLine: SettingTexts
  /** All of the environment; only names of settings count. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** What the files say together, see `evaluateFiles`. */
  readonly files: ReadonlyMap<SettingName, FileValue>
}

/**
 * Command line over environment over files over the built-in default. An empty value in a file or on the command line
 * means the built-in default; an empty variable of the environment counts as unset. For words, a blank or `none` is an
 * empty list, which turns the thing off. Throws UsageError that names the setting and where its value came from.
 */
export function foldSettings(layers: Layers): Folded {
  const settings: Partial<Record<SettingName, unknown>> = {}
  const origins: Partial<Record<SettingName, Origin>> = {}
  const texts: Partial<Record<SettingName, string | readonly string[]>> = {}
  for (const name of settingNames) {
    const { text, origin } = strongest(name, layers)
    origins[name] = origin
    if (text === undefined) settings[name] = undefined
    else {
      texts[name] = text
      settings[name] = parseValue(name, text, origin)
    }
  }
  return { settings: settings as Settings, origins: origins as Record<SettingName, Origin>, texts }
}

interface Chosen {
  readonly text: string | readonly string[] | undefined
  readonly origin: Origin
}

function strongest(name: SettingName, { commandLine, environment, files }: Layers): Chosen {
  const given = commandLine[name]
  if (given !== undefined) return orDefault(name, given, { kind: 'command line' })
  const variable = environment[name]
  if (variable !== undefined && variable !== '') return { text: variable, origin: { kind: 'environment' } }
  const found = files.get(name)
  return orDefault(name, found?.value ?? '', { kind: 'file', file: found?.file ?? '', line: found?.line ?? 0 })
}

function orDefault(name: SettingName, text: string | readonly string[], origin: Origin): Chosen {
  return text === '' ? { text: settingsTable[name].default, origin: { kind: 'default' } } : { text, origin }
}

/** More of a value is not shown in a message. */
const longestShown = 80

function parseValue(name: SettingName, text: string | readonly string[], origin: Origin): unknown {
  const quantity: Quantity<unknown> = settingsTable[name].quantity
  try {
    if (typeof text === 'string') return quantity.parse(text)
    if (quantity.fromWords !== undefined) return quantity.fromWords(text)
    throw new UsageError(`expected ${quantity.expects}, not an array`)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    const subject = origin.kind === 'command line' ? `${name}=${shorten(String(text), longestShown)}` : name
    const from = origin.kind === 'command line' ? '' : `, from ${describeOrigin(origin)}`
    const hints = [...error.hints, `${name} is ${quantity.expects}`]
    // The names are short words, which other programs may use too.
    if (origin.kind === 'environment') hints.push(`if that variable is not meant for nbsvm: env -u ${name} nbsvm ...`)
    throw new UsageError(`${subject}: ${messageOf(error)}${from}`, { hints })
  }
}

/** What to say where a VM does not work as it is set up: which settings came from variables that may be meant for others. */
export function environmentHints({ origins, texts }: Pick<Folded, 'origins' | 'texts'>): string[] {
  const names = settingNames.filter((name) => origins[name].kind === 'environment')
  const shown = names.map((name) => `${name}=${shorten(String(texts[name]), longestShown)}`)
  return names.length === 0 ? [] : [`set in the environment: ${shown.join(' ')}`]
}

/** A value as it is written in one word for the line: an empty list is `none`, as nothing would be the default. */
export function asWritten(text: string | readonly string[]): string {
  if (typeof text === 'string') return text
  return text.length === 0 ? 'none' : quoteWords(text)
}

/** `command line`, `environment`, `default`, or `FILE:LINE`. */
export function describeOrigin(origin: Origin): string {
  return origin.kind === 'file' ? `${origin.file}:${origin.line}` : origin.kind
}
