// How QEMU's options write several things in one word: pairs, or JSON. Pure.
import { UsageError } from '../../core/errors.js'
import { quote } from '../../core/quote.js'

/** Words like `file=x,if=virtio`; a comma that belongs to a value is written twice. */
export function readPairs(text: string, first: string): ReadonlyMap<string, string> {
  const parts = text.replaceAll(',,', '\u0000').split(',')
  return new Map(
    parts.map((part, at): [string, string] => {
      const [, key, value = ''] = /^([A-Za-z0-9_.-]+)=([^]*)$/.exec(part) ?? []
      return key === undefined ? [at === 0 ? first : plain(part), at === 0 ? plain(part) : 'on'] : [key, plain(value)]
    }),
  )
}

function plain(text: string): string {
  return text.replaceAll('\u0000', ',')
}

/** `{"driver": "qcow2", "file": {"filename": "x"}}` as `file.filename`. */
export function readJson(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  const walk = (value: unknown, name: string, depth: number): void => {
    if (typeof value === 'object' && value !== null && depth < 5)
      for (const [key, one] of Object.entries(value)) walk(one, name === '' ? key : `${name}.${key}`, depth + 1)
    else if (['string', 'number', 'boolean'].includes(typeof value)) found.set(name, String(value))
  }
  try {
    walk(JSON.parse(text), '', 0)
  } catch {
    throw new UsageError(`${quote(text)} is not JSON`)
  }
  return found
}
