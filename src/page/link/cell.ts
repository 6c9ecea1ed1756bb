// A value that parts of the page follow: all that the page needs of a "state library".
import { useEffect, useState } from 'preact/hooks'

export interface Cell<T> {
  readonly get: () => T
  readonly set: (value: T) => void
  /** Calls back after each change until the returned function is called. */
  readonly follow: (told: () => void) => () => void
}

export function cell<T>(first: T): Cell<T> {
  const followers = new Set<() => void>()
  let value = first
  return {
    get: () => value,
    set: (next) => {
      if (Object.is(next, value)) return
      value = next
      for (const told of followers) told()
    },
    follow: (told) => {
      followers.add(told)
      return () => followers.delete(told)
    },
  }
}

/** The value, or what `choose` makes of it: the component is drawn again when that is another. */
export function useCell<T>(one: Cell<T>): T
export function useCell<T, S>(one: Cell<T>, choose: (value: T) => S): S
export function useCell<T, S>(one: Cell<T>, choose: (value: T) => T | S = (value) => value): T | S {
  const [, draw] = useState({})
  const shown = choose(one.get())
  useEffect(() => {
    const look = (): void => {
      if (!Object.is(choose(one.get()), shown)) draw({})
    }
    // It may have changed since this was drawn.
    look()
    return one.follow(look)
  })
  return shown
}
