// A program that is kept beside this one for as long as it is needed.
import type * as childProcess from 'node:child_process'
import { Failure } from '../core/errors.js'
import { pause } from './clock.js'
import { searchPath } from './file.js'

const load = (): typeof childProcess => process.getBuiltinModule('node:child_process')

export interface Held {
  /** The first line that it said, after `after` where that is given; undefined where it has ended without one. */
  readonly line: string | undefined
  /** What it has said of errors so far. */
  errors(): string
  /** Resolves to its exit status, 255 where a signal ended it. */
  readonly ended: Promise<number>
  /** Ends its stdin, which is how it is told to end, and waits for that; after some seconds it is killed. */
  release(): Promise<void>
}

export interface HoldOptions {
  readonly signal?: AbortSignal | undefined
  /** A line that comes before what it has to say. */
  readonly after?: string
}

/** A program that is told to end may take so long. */
const patienceMs = 5000

/** More than one line, and more than any complaint. */
const mostSaid = 64 * 1024

/**
 * Starts a program that says a line when it is ready and goes on until its stdin ends, which it does with this process too, however
 * that ends. Ctrl-C at the terminal does not reach it. Resolves when it has said the line, or ended; rejects where it cannot be run,
 * and with the reason of `signal` where that is aborted by then.
 */
export function hold(command: readonly string[], { signal, after }: HoldOptions): Promise<Held> {
  const [program = '', ...args] = command
  const env = { ...process.env, PATH: searchPath().join(':') }
  const child = load().spawn(program, args, { env, detached: true, stdio: 'pipe' })
  let said = ''
  let complained = ''
  child.stdin.on('error', () => {})
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complained = (complained + text).slice(0, mostSaid)))
  const ended = new Promise<number>((resolve) => child.on('close', (status) => resolve(status ?? 255)))
  const errors = (): string => complained
  const release = async (): Promise<void> => {
    child.stdin.end()
    const isOver = await Promise.race([ended.then(() => true), pause(patienceMs).then(() => false)])
    if (!isOver) child.kill('SIGKILL')
  }
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      child.kill('SIGKILL')
      reject(signal?.reason as Error)
    }
    signal?.addEventListener('abort', stop, { once: true })
    if (signal?.aborted === true) stop()
    child.on('error', (error) => reject(new Failure(`cannot run ${program}`, { cause: error })))
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(0, mostSaid)
      const line = firstLine(said, after)
      if (line === undefined) return
      signal?.removeEventListener('abort', stop)
      resolve({ line, ended, errors, release })
    })
    child.on('close', () => {
      signal?.removeEventListener('abort', stop)
      resolve({ line: undefined, ended, errors, release })
    })
  })
}

function firstLine(said: string, after: string | undefined): string | undefined {
  const [line, end] = (after === undefined ? said : (said.split(`${after}\n`, 2)[1] ?? '')).split('\n', 2)
  return end === undefined ? undefined : line
}
