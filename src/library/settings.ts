// Settings in place, as a program writes them: typed by the table of settings, checked at once.
import { foldSettings, type SettingTexts } from '../config/fold.js'
import type { Quantity } from '../config/quantity.js'
import { isSettingName, settingNames, type SettingName, type settingsTable } from '../config/settings.js'
import { UsageError } from '../core/errors.js'
import { checkName } from '../core/name.js'
import { nearest } from '../core/nearest.js'
import { quoteWords } from '../core/words.js'

/** What may be written for a value of type T. */
type Written<T> = [T] extends [number]
  ? number | string
  : [T] extends ['yes' | 'no']
    ? T | boolean
    : [T] extends [readonly unknown[]]
      ? string | readonly string[]
      : [T] extends [string]
        ? T
        : string

type ValueOf<N extends SettingName> = (typeof settingsTable)[N]['quantity'] extends Quantity<infer T> ? NonNullable<T> : never

/**
 * Settings in place, each as on the command line or as what it means: `{ mem: '2G', smp: 2, tpm: true, forward: ['8080:80'] }`. What
 * is not given is what the settings files say. `class` is the VM's class.
 *
 * @example
 * {@includeCode ../../examples/settings.mjs}
 */
export type VmSettings = { readonly [N in SettingName]?: Written<ValueOf<N>> | undefined } & {
  readonly class?: string | undefined
}

/** The same as texts, and the class. Throws a UsageError for a name or a value that cannot be. */
export function readSettings({ class: vmClass, ...given }: VmSettings): { vmClass: string | undefined; settings: SettingTexts } {
  if (vmClass !== undefined) checkName('class', vmClass)
  const settings: Partial<Record<SettingName, string>> = {}
  for (const [name, value] of Object.entries(given)) {
    if (!isSettingName(name)) throw unknown(name)
    if (value !== undefined) settings[name] = textOf(name, value)
  }
  foldSettings({ commandLine: settings, environment: {}, files: new Map() })
  return { vmClass, settings }
}

function unknown(name: string): UsageError {
  const near = nearest(name, settingNames)
  return new UsageError(`there is no setting ${JSON.stringify(name)}${near === undefined ? '' : `; did you mean ${near}?`}`, {
    code: 'NAME_WRONG',
    hints: ['see them all: nbsvm help settings'],
  })
}

/** What JavaScript gives may be anything. */
function textOf(name: string, value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (Array.isArray(value) && value.every((word) => typeof word === 'string'))
    return value.length === 0 ? 'none' : quoteWords(value)
  throw new UsageError(`${name} is neither a text nor a number, nor a list of words`)
}
