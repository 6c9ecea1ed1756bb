import fs from 'node:fs'
import { errorCode, Failure } from '../core/errors.js'

/**
 * Writes to stdout (1) or stderr (2), whole and in order. `console.log` would load 3.5 ms of streams for it. A pipe
 * whose reader is slow is waited for; one whose reader is gone ends the program quietly, as SIGPIPE would. A stdout that
 * cannot be written is a Failure; a stderr that cannot, which nobody can be told of, is passed over.
 */
export function write(fd: 1 | 2, text: string): void {
  try {
    writeBytes(fd, Buffer.from(text))
  } catch (error) {
    if (errorCode(error) === 'EPIPE') process.exit(141)
    if (fd === 1) throw new Failure('cannot write to stdout', { cause: error })
  }
}

/**
 * Writes bytes to stdout (1) or stderr (2), whole and in order, and waits for whoever reads them. Throws the system's error.
 * Node's own stream does the same to a terminal, at half the speed.
 */
export function writeBytes(fd: 1 | 2, bytes: Buffer): void {
  for (let at = 0; at < bytes.length;) {
    try {
      at += fs.writeSync(fd, bytes, at)
    } catch (error) {
      if (errorCode(error) !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
  }
}

/** Whether a descriptor is a terminal. Pipes and files are told apart first: node:tty loads node:net, 3 ms. */
export function isTerminal(fd: 0 | 1 | 2): boolean {
  return fs.fstatSync(fd).isCharacterDevice() && process.getBuiltinModule('node:tty').isatty(fd)
}
