// The single commands that need root. As root they run as they are; as a user each goes through sudo, and nothing else does.
import { Failure } from '../core/errors.js'
import { quoteWords } from '../core/words.js'
import { isEmbedded } from './embedded.js'
import { isRoot } from './environment.js'
import { findProgram } from './file.js'
import type { Run } from './process.js'

/**
 * Runs commands as root. sudo is tried without a question first; on a terminal it may then ask for the password, and
 * says for which command. `why` completes "needs root: ..." in the Failure that a refusal becomes. sudo passes no
 * descriptors on, and a command that it started outlives an abort until its pipe breaks.
 */
export function elevated(run: Run, why: string, caller: { root?: boolean; terminal?: boolean } = {}): Run {
  if (caller.root ?? isRoot()) return run
  const terminal = caller.terminal ?? (!isEmbedded() && process.stderr.isTTY)
  return async (command, options) => {
    const silent = await run(['sudo', '-n', '--', ...command], options).catch((error: unknown) => {
      throw options?.signal?.aborted === true ? error : refusal(command, why, error)
    })
    if (!isRefusal(silent)) return silent
    if (!terminal) throw refusal(command, why, silent.stderr.trim())
    const asked = await run(['sudo', '-p', prompt(command), '--', ...command], options)
    if (isRefusal(asked)) throw refusal(command, why, asked.stderr.trim())
    return asked
  }
}

/** sudo ends with 1 and its own words when it refuses; so may the command, but not with these words. */
function isRefusal(result: { status: number; stderr: string }): boolean {
  return result.status === 1 && /^(sudo|sudo-rs): |^Sorry, |is not in the sudoers file/m.test(result.stderr)
}

function prompt(command: readonly string[]): string {
  const program = (command[0] ?? '').replaceAll('%', '%%')
  return `nbsvm: ${program} needs root; password for %p: `
}

function refusal(command: readonly string[], why: string, cause: unknown): Failure {
  return new Failure(`cannot run ${command[0] ?? ''}, which needs root: ${why}`, {
    code: 'NOT_ALLOWED',
    cause: typeof cause === 'string' ? new Error(cause) : cause,
    hints: [
      `what needed it: sudo ${quoteWords(command)}`,
      ...(findProgram('sudo') === undefined ? [] : ['log in to sudo first: sudo -v']),
      'or run nbsvm as root',
    ],
  })
}
