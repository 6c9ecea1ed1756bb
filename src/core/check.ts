// Proof of what somebody else has said, QEMU or a guest agent: an answer is believed only as far as it has been looked at.
import { Failure } from './errors.js'

/** Returns what it was given, as what it is. Throws a Failure that names the place, `[0].inserted`, and what should be there. */
export type Check<T> = (value: unknown, place: string) => T

type Members = Readonly<Record<string, Check<unknown>>>
type Checked<M extends Members> = { readonly [name in keyof M]: ReturnType<M[name]> }

export function anything(value: unknown): unknown {
  return value
}

export function asObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
}

export function text(value: unknown, place: string): string {
  return typeof value === 'string' ? value : wrong('text', place)
}

export function truth(value: unknown, place: string): boolean {
  return typeof value === 'boolean' ? value : wrong('true or false', place)
}

export function integer(value: unknown, place: string): number {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : wrong('an integer', place)
}

/** One of QEMU's own words, which may be one that this nbsvm does not know. */
export function word(value: unknown, place: string): string {
  return typeof value === 'string' && /^[a-z][a-z-]{0,39}$/.test(value) ? value : wrong('a word', place)
}

export function size(value: unknown, place: string): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : wrong('a size', place)
}

export function maybe<T>(check: Check<T>): Check<T | undefined> {
  return (value, place) => (value === undefined ? undefined : check(value, place))
}

/** What is missing is null. */
export function orNull<T>(check: Check<T>): Check<T | null> {
  return (value, place) => (value === undefined || value === null ? null : check(value, place))
}

export function list<T>(check: Check<T>): Check<readonly T[]> {
  return (value, place) =>
    Array.isArray(value) ? value.map((item: unknown, at) => check(item, `${place}[${at}]`)) : wrong('a list', place)
}

/** Only the members that were looked at are handed on. */
export function object<M extends Members>(members: M): Check<Checked<M>> {
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

export function wrong(kind: string, place: string): never {
  throw new Failure(place === '' ? `it is not ${kind}` : `its ${place} is not ${kind}`)
}
