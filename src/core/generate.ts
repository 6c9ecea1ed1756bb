// A stream of what something gives to a function.
import { makeBell } from './bell.js'

interface Given<T> {
  readonly item: T
  readonly taken: () => void
  readonly refused: (why: Error) => void
}

/**
 * What `work` gives to its function, one after the other; `give` resolves when the next is wanted. Where nobody wants more, it rejects
 * then, so that `work` ends. Throws what `work` throws.
 */
export async function* generate<T>(work: (give: (item: T) => Promise<void>) => Promise<void>): AsyncGenerator<T, void> {
  const bell = makeBell()
  const state: { given?: Given<T> | undefined; shown?: Given<T> | undefined; isOver: boolean; isLeft: boolean } = {
    isOver: false,
    isLeft: false,
  }
  const give = (item: T): Promise<void> =>
    new Promise((taken, refused) => {
      if (state.isLeft) return refused(left())
      state.given = { item, taken, refused }
      bell.ring()
    })
  const done = work(give).finally(() => {
    state.isOver = true
    bell.ring()
  })
  // Whoever leaves before its end does not ask how it ended.
  done.catch(() => {})
  try {
    for (;;) {
      if (state.given === undefined && !state.isOver) await bell.next()
      const { given } = state
      if (given === undefined) break
      state.shown = given
      state.given = undefined
      yield given.item
      given.taken()
      state.shown = undefined
    }
    await done
  } finally {
    state.isLeft = true
    for (const one of [state.shown, state.given]) one?.refused(left())
    await done.catch(() => {})
  }
}

function left(): Error {
  return new Error('nobody wants more of it')
}
