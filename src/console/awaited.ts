// What `wait` waits for, read from its word. Pure, and small: every line of nbsvm loads it.
import { UsageError } from '../core/errors.js'
import { quote } from '../core/quote.js'

/** Words that `wait` takes for a state of the VM or of its guest, not for a text on its console. */
export const conditions = ['running', 'paused', 'stopped', 'agent', 'ssh', 'cloud-init'] as const

export type Condition = (typeof conditions)[number]

export type Awaited =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'pattern'; readonly pattern: RegExp }
  | { readonly kind: 'condition'; readonly condition: Condition }
  | { readonly kind: 'port'; readonly port: number }

/** `running` and its like are conditions, `port:80` too, `/login: *$/i` is a pattern, all else a text. Throws a UsageError. */
export function parseAwaited(word: string): Awaited {
  const condition = conditions.find((name) => name === word)
  if (condition !== undefined) return { kind: 'condition', condition }
  if (/^port:\S+$/.test(word)) return { kind: 'port', port: parsePort(word.slice('port:'.length)) }
  if (word.trim() === '')
    throw new UsageError('wait needs a text that is not blank', { hints: ["a pattern for blanks: wait '/^ +/'"] })
  // `/dev/sda` is a text: no expression has such flags.
  const { source, flags } = /^\/(?<source>[^]+)\/(?<flags>[dgimsuvy]*)$/.exec(word)?.groups ?? {}
  return source === undefined ? { kind: 'text', text: word } : { kind: 'pattern', pattern: compile(source, flags ?? '', word) }
}

function parsePort(text: string): number {
  const number = Number(text)
  if (/^\d+$/.test(text) && number >= 1 && number <= 65_535) return number
  throw new UsageError(`${quote(text)} is not a port`, { hints: [`as a text on the console: wait '/port:${text}/'`] })
}

/** `^` and `$` are the ends of lines. */
function compile(source: string, flags: string, word: string): RegExp {
  const wrong = /[^isu]/.exec(flags)?.[0]
  if (wrong !== undefined) {
    throw new UsageError(`${quote(word)} is not a pattern: its flag ${wrong} means nothing here`, {
      hints: ['i, s and u are understood'],
    })
  }
  try {
    return new RegExp(source, `gm${[...new Set(flags)].join('')}`)
  } catch (error) {
    throw new UsageError(`${quote(word)} is not a regular expression`, {
      cause: error,
      hints: ['write \\/ for a / in it, \\( for a ('],
    })
  }
}
