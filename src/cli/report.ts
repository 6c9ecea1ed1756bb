import { Failure, messageOf } from '../core/errors.js'
import { printableMessage } from '../core/text.js'
import { version } from '../core/version.js'
import { write } from '../sys/output.js'
import { node } from '../sys/self.js'
import { sourceTrace } from '../sys/trace.js'
import { asTyped } from './voice.js'

/** Prints an error with its causes, once each, and its hints. Returns the exit status it stands for. */
export function printError(error: unknown, prefix = ''): number {
  write(
    2,
    describe(error)
      .map((line) => `${prefix}${line}\n`)
      .join(''),
  )
  return exitStatusOf(error)
}

/** The exit status that an error stands for. */
export function exitStatusOf(error: unknown): number {
  return error instanceof Failure ? error.exitStatus : 1
}

/**
 * The lines of an error:
 *
 *     nbsvm: cannot start foo: drive nbsvm-foo-0 is in use by pid 4711
 *       see it: nbsvm foo status
 */
function describe(error: unknown): string[] {
  const messages = [...chain(error)].map(messageOf)
  const hints = error instanceof Failure ? error.hints : bugHints(error)
  return [`nbsvm: ${messages.join(': ')}`.replaceAll('\n', '\n  '), ...hints.map((hint) => `  ${hint}`)].map((text) =>
    // QEMU's words, names of files, what a lock's file says: anybody may have written them.
    printableMessage(asTyped(text)),
  )
}

function* chain(error: unknown): Generator {
  for (let at = error; at !== undefined; at = at instanceof Error ? at.cause : undefined) yield at
}

/** What is no Failure was not foreseen: the stack tells where. */
function bugHints(error: unknown): string[] {
  if (!(error instanceof Error) || 'code' in error) return []
  const first = `this is a bug in nbsvm ${version} (Node.js ${node.version}); please report it with these lines:`
  return [first, ...sourceTrace(error.stack ?? '').slice(0, 6)]
}
