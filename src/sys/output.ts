import fs from 'node:fs'
import { errorCode, Failure } from '../core/errors.js'

/**
 * Writes to stdout (1) or stderr (2), whole and in order. `console.log` would load 3.5 ms of streams for it. A pipe
 * whose reader is slow is waited for; one whose reader is gone ends the program quietly, as SIGPIPE would. A stdout that
 * cannot be written is a Failure; a stderr that cannot, which nobody can be told of, is passed over.
 */
export function write(fd: 1 | 2, text: string): void {
  let rest = Buffer.from(text)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(fs.writeSync(fd, rest))
    } catch (error) {
      if (errorCode(error) === 'EPIPE') process.exit(141)
      if (errorCode(error) !== 'EAGAIN') {
        if (fd === 2) return
        throw new Failure('cannot write to stdout', { cause: error })
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2)
    }
  }
}

/** Whether a descriptor is a terminal. Pipes and files are told apart first: node:tty loads node:net, 3 ms. */
export function isTerminal(fd: 0 | 1 | 2): boolean {
  return fs.fstatSync(fd).isCharacterDevice() && process.getBuiltinModule('node:tty').isatty(fd)
}
