import fs from 'node:fs'
import { errorCode, Failure } from '../core/errors.js'
import { deadlineIn } from './clock.js'
import { isEmbedded } from './embedded.js'

/** As a shell says of what SIGHUP ended. */
export const hangupStatus = 129

export function hungUp(): Failure {
  return new Failure('the terminal has hung up', { exitStatus: hangupStatus })
}

/**
 * Writes to stdout (1) or stderr (2), whole and in order. `console.log` would load 3.5 ms of streams for it. A pipe
 * whose reader is slow is waited for; one whose reader is gone ends the program quietly, as SIGPIPE would. A stdout that
 * cannot be written is a Failure; a stderr that cannot, which nobody can be told of, is ignored.
 */
export function write(fd: 1 | 2, text: string | Buffer): void {
  if (isStuck && (fd === 2 || isTerminal(fd))) {
    writeBriefly(fd, text.toString())
    return
  }
  try {
    writeBytes(fd, typeof text === 'string' ? Buffer.from(text) : text)
  } catch (error) {
    if (errorCode(error) === 'EPIPE') process.exit(141)
    if (fd === 1 && errorCode(error) === 'EIO' && fs.fstatSync(fd).isCharacterDevice()) throw hungUp()
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
      sleepSync(1)
    }
  }
}

/** Nobody reads what is written, or very slowly. Notes and a terminal are not waited for any more. */
let isStuck = false

/** Says that it is so: whoever leaves stops waiting for it. */
export function stopWaiting(): void {
  isStuck = true
}

const patienceMs = 1000
const pollMs = 5

/** Writes to a terminal, as much as it takes within a second: what is said when its reader may have stopped reading. */
export function writeBriefly(fd: 0 | 1 | 2, text: string): void {
  const own = openAgain(fd)
  const bytes = Buffer.from(text)
  try {
    const deadline = deadlineIn(isStuck ? 0 : patienceMs)
    for (let at = 0; at < bytes.length;) {
      at += own === undefined ? fs.writeSync(fd, bytes, at) : writeSome(own, bytes.subarray(at))
      if (at === bytes.length) return
      isStuck ||= deadline.isOver
      if (isStuck) return
      sleepSync(pollMs)
    }
  } catch {
    // Nobody is there to read it.
  } finally {
    if (own !== undefined) fs.closeSync(own)
  }
}

/** Waits, and lets nothing else happen: for a moment, where nothing else may. */
export function sleepSync(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

/** A descriptor of the same terminal or pipe that does not wait; undefined where there can be none. */
export function openAgain(fd: 0 | 1 | 2): number | undefined {
  const stats = fs.fstatSync(fd)
  if (!stats.isFIFO() && !isTerminal(fd)) return undefined
  const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = fs.constants
  try {
    return fs.openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY)
  } catch {
    return undefined
  }
}

/** Writes what is taken at once; says how many bytes that was. */
export function writeSome(fd: number, bytes: Buffer): number {
  try {
    return fs.writeSync(fd, bytes)
  } catch (error) {
    if (errorCode(error) === 'EAGAIN') return 0
    throw error
  }
}

/** Whether a descriptor is a terminal of nbsvm's own. Pipes and files are told apart first: node:tty loads node:net, 3 ms. */
export function isTerminal(fd: 0 | 1 | 2): boolean {
  // Nothing is drawn, and nobody asked, where another program is at the terminal.
  return !isEmbedded() && fs.fstatSync(fd).isCharacterDevice() && process.getBuiltinModule('node:tty').isatty(fd)
}

/** The major number of /dev/null and its like. */
const memoryDevices = 1

/**
 * To be called when the program ends. A terminal that has hung up (its window was closed, its line cut) refuses to be set back,
 * and Node aborts, with a core file, when it tries that at its end; it leaves alone what is closed.
 * https://github.com/nodejs/node/blob/v20.20.0/src/node.cc (ResetStdio)
 */
export function letGoOfDeadTerminals(): void {
  for (const fd of [0, 1, 2] as const) {
    try {
      const stats = fs.fstatSync(fd)
      if (!stats.isCharacterDevice() || stats.rdev >> 8 === memoryDevices) continue
      if (!isTerminal(fd)) fs.closeSync(fd)
    } catch {
      // Closed already.
    }
  }
}
