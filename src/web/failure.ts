// A failure as a page gets it.
import { Failure, fullMessage, UsageError } from '../core/errors.js'
import { printableMessage } from '../core/text.js'
import type { WireFailure } from './protocol.js'

/** In the words that the command line would print: of QEMU, of a guest, of a file's name, bounded. */
export function wireFailure(error: unknown): WireFailure {
  return {
    message: printableMessage(fullMessage(error)),
    code: error instanceof UsageError ? 'USAGE' : 'FAILED',
    hints: error instanceof Failure ? error.hints.map((hint) => printableMessage(hint)) : [],
  }
}
