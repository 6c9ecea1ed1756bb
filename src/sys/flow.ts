// A program that much goes through.
import type * as childProcess from 'node:child_process'
import { Failure } from '../core/errors.js'
import { searchPath } from './file.js'

const load = (): typeof childProcess => process.getBuiltinModule('node:child_process')

export interface Flow {
  /** What it reads, a piece at a time as it takes them. */
  readonly input?: Iterable<Buffer> | undefined
  /** Takes what it writes. */
  readonly take?: ((piece: Buffer) => void) | undefined
  /** Aborting kills it, and rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** So much of what it says of errors is kept. */
const mostErrorBytes = 64 * 1024

/**
 * Runs a program to its end, with bytes in and out. Returns its exit status, 255 where a signal ended it, and what it said of errors.
 * Rejects where it cannot be run, and with what the input or `take` throws: it is killed then.
 */
export async function flow(
  command: readonly string[],
  { input, take, signal }: Flow,
): Promise<{ readonly status: number; readonly stderr: Buffer }> {
  const [program = '', ...args] = command
  const child = load().spawn(program, args, { env: { ...process.env, PATH: searchPath().join(':') }, stdio: 'pipe' })
  const errors: Buffer[] = []
  let errorBytes = 0
  child.stderr.on('data', (piece: Buffer) => {
    errorBytes += piece.length
    if (errorBytes <= mostErrorBytes) errors.push(piece)
  })
  const stop = (): void => void child.kill('SIGKILL')
  signal?.addEventListener('abort', stop, { once: true })
  if (signal?.aborted === true) stop()
  let fault: { readonly error: unknown } | undefined
  const fail = (error: unknown): void => {
    fault ??= { error }
    stop()
  }
  child.stdout.on('data', (piece: Buffer) => {
    try {
      if (fault === undefined) take?.(piece)
    } catch (error) {
      fail(error)
    }
  })
  const closed = new Promise<number>((resolve, reject) => {
    child.on('error', (error) => reject(new Failure(`cannot run ${program}`, { cause: error })))
    child.on('close', (code) => resolve(code ?? 255))
  })
  try {
    // One that ends before it has read all is judged by its status.
    child.stdin.on('error', () => {})
    feed(child.stdin, input ?? [], closed).catch(fail)
    const status = await closed
    signal?.throwIfAborted()
    if (fault !== undefined) throw fault.error
    return { status, stderr: Buffer.concat(errors) }
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}

async function feed(stream: NodeJS.WritableStream, input: Iterable<Buffer>, closed: Promise<unknown>): Promise<void> {
  const over = closed.then(
    () => true,
    () => true,
  )
  for (const piece of input) {
    if (stream.write(piece)) continue
    const drained = new Promise<boolean>((resolve) => stream.once('drain', () => resolve(false)))
    if (await Promise.race([drained, over])) return
  }
  stream.end()
}
