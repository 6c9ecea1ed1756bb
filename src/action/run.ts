import { Failure } from '../core/errors.js'
import { monotonicMs } from '../sys/clock.js'
import type { Verb } from './verb.js'

export const run: Verb = {
  help: `Does what the file STEPS says, line by line, and tells how long each took. A line is a chain of actions, written as on the command
line, quotes as in a shell; a line that begins with # says nothing. The whole file is read and checked before its first line is
done. It stops at the first that fails, and tells which one that is.

  nbsvm foo run steps

  # steps
  start
  wait 'login:'
  type 'root\\n'
  wait '# '
  screenshot foo.png
  shutdown`,

  async run({ script, note }) {
    for (const { place, text, perform } of script) {
      const beganMs = monotonicMs()
      const took = (): string => `${((monotonicMs() - beganMs) / 1000).toFixed(1)} s`
      const status = await perform().catch((error: unknown) => {
        throw new Failure(`${place}: ${text} (after ${took()})`, errorOptions(error))
      })
      note(`${took().padStart(8)}  ${text}`)
      if (status === 0) continue
      note(`${place}: it ended with status ${status}`)
      return status
    }
  },
}

/** Its cause is told after it, and what to type then. */
function errorOptions(error: unknown): ConstructorParameters<typeof Failure>[1] {
  return error instanceof Failure ? { cause: error, hints: error.hints, exitStatus: error.exitStatus } : { cause: error }
}
