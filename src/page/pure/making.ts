// The line that makes a VM, of what is in the form.
import { isVmId, nameFault } from '../../core/name.js'

export interface Wish {
  readonly name: string
  /** Empty: an empty drive. */
  readonly image: string
  /** Settings by name; an empty value is not set. */
  readonly settings: Readonly<Record<string, string>>
  readonly startsIt: boolean
}

/** The words behind `nbsvm`. */
export function wordsOf({ name, image, settings, startsIt }: Wish): string[] {
  const given = Object.entries({ image, ...settings }).filter(([, value]) => value !== '')
  return [
    name === '' ? 'NAME' : name,
    ...given.map(([setting, value]) => `${setting}=${value}`),
    'newimg',
    ...(startsIt ? ['start'] : []),
  ]
}

/** The lines of a file that has these settings hold for good. */
export function settingsFile({ image, settings }: Pick<Wish, 'image' | 'settings'>): string {
  return Object.entries({ image, ...settings })
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}='${value.replaceAll("'", `'\\''`)}'`)
    .join('\n')
}

/** Why a VM cannot be called so; undefined where it can. */
export function nameTrouble(name: string, taken: (id: string) => boolean): string | undefined {
  if (name === '') return undefined
  const fault = nameFault(name)
  if (fault !== undefined) return fault
  return isVmId(name) && taken(name) ? 'there is one already' : undefined
}
