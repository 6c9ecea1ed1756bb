// What is used of QEMU's answers, and the proof that it is there. The guest may have taken QEMU over, and a QEMU of another
// version may answer otherwise: an answer is believed only as far as it has been looked at.
import { Failure } from '../core/errors.js'
import { asObject } from './qmpwire.js'
import type { CommandName } from './schema.js'

/** Returns what it was given, as what it is. Throws a Failure that names the place, `[0].inserted`, and what should be there. */
export type Check<T> = (value: unknown, place: string) => T

type Members = Readonly<Record<string, Check<unknown>>>
type Checked<M extends Members> = { readonly [name in keyof M]: ReturnType<M[name]> }

/** The answers that nbsvm reads. Of others it is used only that they came. */
export const answers = {
  'human-monitor-command': text,
  'query-status': object({ status: word }),
  'query-block': list(
    object({
      qdev: maybe(text),
      inserted: maybe(object({ 'node-name': maybe(text), file: text, image: object({ 'virtual-size': size }) })),
    }),
  ),
  'query-named-block-nodes': list(object({ 'node-name': maybe(text) })),
} as const satisfies { readonly [C in CommandName]?: Check<unknown> }

export type Answers = typeof answers

/** Looks at the answer to a command. Throws a Failure where it is not what is used of it. */
export function checkAnswer(command: CommandName, value: unknown): unknown {
  const check: Check<unknown> = (answers as { readonly [C in CommandName]?: Check<unknown> })[command] ?? anything
  try {
    return check(value, '')
  } catch (error) {
    throw new Failure(`QEMU's answer to ${command} is not one`, { cause: error })
  }
}

function anything(value: unknown): unknown {
  return value
}

function text(value: unknown, place: string): string {
  return typeof value === 'string' ? value : wrong('text', place)
}

/** One of QEMU's own words, which may be one that this nbsvm does not know. */
function word(value: unknown, place: string): string {
  return typeof value === 'string' && /^[a-z][a-z-]{0,39}$/.test(value) ? value : wrong('a word', place)
}

function size(value: unknown, place: string): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : wrong('a size', place)
}

function maybe<T>(check: Check<T>): Check<T | undefined> {
  return (value, place) => (value === undefined ? undefined : check(value, place))
}

function list<T>(check: Check<T>): Check<readonly T[]> {
  return (value, place) =>
    Array.isArray(value) ? value.map((item: unknown, at) => check(item, `${place}[${at}]`)) : wrong('a list', place)
}

/** Only the members that were looked at are handed on. */
function object<M extends Members>(members: M): Check<Checked<M>> {
  return (value, place) => {
    const found = asObject(value) ?? wrong('an object', place)
    return Object.fromEntries(
      Object.entries(members).map(([name, check]) => {
        const member = Object.hasOwn(found, name) ? found[name] : undefined
        return [name, check(member, place === '' ? name : `${place}.${name}`)]
      }),
    ) as Checked<M>
  }
}

function wrong(kind: string, place: string): never {
  throw new Failure(place === '' ? `it is not ${kind}` : `its ${place} is not ${kind}`)
}
