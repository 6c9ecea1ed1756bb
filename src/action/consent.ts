import { UsageError, Failure } from '../core/errors.js'
import { ask } from '../sys/prompt.js'
import type { Context } from './verb.js'

/** Lets the user think before something is lost: `--yes` or a yes on the terminal, else a Failure. */
export function requireConsent({ flags }: Pick<Context, 'flags'>, what: string, otherwise = 'nothing was removed'): void {
  if (flags['yes'] === true) return
  const answer = ask(`${what}?`)
  if (answer === undefined)
    throw new UsageError(`this has to be asked, and there is no terminal to ask on: ${what}?`, { hints: ['to say yes: --yes'] })
  if (!answer) throw new Failure(otherwise)
}
