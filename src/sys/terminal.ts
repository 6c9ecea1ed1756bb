// The user's own terminal, borrowed and given back as it was.
import type * as childProcess from 'node:child_process'
import { errorCode } from '../core/errors.js'
import { pause } from './clock.js'
import { hungUp, isTerminal, writeBriefly } from './output.js'

/** A terminal in raw mode: every key is a byte, Ctrl-C among them, and what is written is not changed. */
export interface RawTerminal {
  /** Gives it back. What the terminal still sends, answers to what a guest asked above all, is swallowed first. */
  restore(): Promise<void>
}

export interface RawOptions {
  /** Called with what is typed or pasted. */
  readonly onInput: (bytes: Buffer) => void
  /** Called when the terminal is gone: its window was closed, its line cut. */
  readonly onHangup: () => void
  /** Bytes that undo what was drawn, written when the terminal is given back, however that comes about. */
  readonly farewell: () => string
}

/** Standard input as a stream. Throws a Failure where it is a terminal that has hung up. */
export function standardInput(): NodeJS.ReadStream {
  const stdin = unlessHungUp(() => process.stdin)
  if (stdin === undefined) throw hungUp()
  return stdin
}

/** How long answers to what a guest asked may still come in: a slow line's round trip. */
const drainMs = 200

const deadly = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const

/**
 * Puts the terminal of stdin into raw mode. Whatever ends the program, it is put back: an exception, a signal (one that
 * nobody else listens to ends the program, as it would have), `process.exit`. Only SIGKILL leaves it raw, and then most
 * shells put it right.
 */
export function rawTerminal({ onInput, onHangup, farewell }: RawOptions): RawTerminal {
  const stdin = standardInput()
  const before = stty('-g')
  let hasParted = false
  const part = (): void => {
    if (!hasParted) say(farewell())
    hasParted = true
  }
  const giveBack = (): void => {
    part()
    if (before === undefined) stdin.setRawMode(false)
    else stty(before)
  }
  // Before what lets go of a terminal that is gone.
  process.prependListener('exit', giveBack)
  const forget = watchSignals()
  // First: one that is gone by now says so as it is made raw.
  stdin.on('data', onInput).on('end', onHangup).on('error', onHangup)
  // Node's own raw mode would still make CR LF of every LF, and full-screen programs move down by a bare LF.
  if (before === undefined) stdin.setRawMode(true)
  else stty('raw', '-echo', '-iexten')
  // It stands still if it was given back before, after a first console in the same line.
  stdin.resume()
  return {
    restore: async () => {
      stdin.off('data', onInput).on('data', ignore)
      part()
      if (!stdin.readableEnded && !stdin.destroyed) await pause(drainMs)
      stdin.off('data', ignore).off('end', onHangup)
      stdin.pause()
      giveBack()
      process.off('exit', giveBack)
      forget()
    },
  }
}

function ignore(): void {}

/** Lets signals that would end the program at once end it by way of `exit`. Returns what undoes that. */
function watchSignals(): () => void {
  const names = (Object.keys(deadly) as (keyof typeof deadly)[]).filter((name) => process.listenerCount(name) === 0)
  const listeners = names.map((name) => [name, () => process.exit(128 + deadly[name])] as const)
  for (const [name, listener] of listeners) process.on(name, listener)
  return () => {
    for (const [name, listener] of listeners) process.off(name, listener)
  }
}

/** Runs stty(1) on the terminal of stdin. Returns what it printed, undefined when there is no stty or no terminal. */
function stty(...words: string[]): string | undefined {
  const { spawnSync }: typeof childProcess = process.getBuiltinModule('node:child_process')
  // In the background stty would be stopped for ever.
  const limits = { timeout: 2000, killSignal: 'SIGKILL' } as const
  const { status, stdout } = spawnSync('stty', words, { encoding: 'utf8', stdio: [0, 'pipe', 'ignore'], ...limits })
  return status === 0 ? stdout.trim() : undefined
}

/** Writes to the terminal, wherever it is connected; one that is gone, or that nobody reads, is not missed. */
function say(text: string): void {
  const fd = ([1, 2, 0] as const).find(isTerminal)
  if (fd !== undefined) writeBriefly(fd, text)
}

/** The size of the terminal that stdout, or stderr, writes to, in characters; undefined where there is none. */
export function terminalSize(): { readonly rows: number; readonly columns: number } | undefined {
  const fd = ([1, 2] as const).find(isTerminal)
  if (fd === undefined) return undefined
  const { rows, columns } = unlessHungUp(() => (fd === 1 ? process.stdout : process.stderr)) ?? { rows: 0, columns: 0 }
  // A serial line, or a terminal that nobody told its size, says 0.
  return rows > 0 && columns > 0 ? { rows, columns } : undefined
}

/** Undefined where the terminal has hung up: Node opens it anew when its stream is asked for first. */
function unlessHungUp<T>(stream: () => T): T | undefined {
  try {
    return stream()
  } catch (error) {
    if (errorCode(error) !== 'ERR_TTY_INIT_FAILED') throw error
    return undefined
  }
}
