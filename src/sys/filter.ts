// A program that bytes go through on their way into a file, or out of one.
import type * as childProcess from 'node:child_process'
import fs from 'node:fs'
import { Failure } from '../core/errors.js'
import { pause } from './clock.js'
import { searchPath } from './file.js'
import { tied } from './process.js'

const load = (): typeof childProcess => process.getBuiltinModule('node:child_process')

/** Takes bytes one after the other. */
export interface Sink {
  /** Resolves when they are taken, and the buffer may have others. */
  readonly write: (bytes: Buffer) => Promise<void>
  /** Resolves when all is where it goes. */
  readonly end: () => Promise<void>
  /** Gives it up. */
  readonly drop: () => void
}

const busyMs = 2

/** Writes into a descriptor, a pipe among them whose reader is slow, and lets others go on meanwhile. */
export function descriptorSink(fd: number): Sink {
  const some = (bytes: Buffer): Promise<number> =>
    new Promise((resolve, reject) => {
      fs.write(fd, bytes, (error, written) => {
        if (error === null) resolve(written)
        else if (error.code === 'EAGAIN') resolve(0)
        else reject(error)
      })
    })
  return {
    write: async (bytes) => {
      for (let at = 0; at < bytes.length;) {
        const written = await some(bytes.subarray(at))
        at += written
        if (written === 0) await pause(busyMs)
      }
    },
    end: () => Promise.resolve(),
    drop: () => {},
  }
}

/** What a program makes of what is written goes into a descriptor. */
export function filterSink(command: readonly string[], fd: number): Sink {
  const [program = '', ...args] = tied(command)
  const child = load().spawn(program, args, {
    env: { ...process.env, PATH: searchPath().join(':') },
    stdio: ['pipe', fd, 'pipe'],
  })
  const ended = endOf(command, child)
  ended.catch(() => {})
  const { stdin } = child
  if (stdin === null) throw new Error('its stdin is no pipe')
  stdin.on('error', () => {})
  const lost = ended.then(() => {
    throw new Failure(`${command[0]} has ended too early`)
  })
  lost.catch(() => {})
  return {
    write: async (bytes) => {
      // Who has ended takes nothing more, and what was under way comes back with an error.
      await new Promise<void>((resolve) => stdin.write(bytes, () => resolve()))
      if (stdin.destroyed) return lost
    },
    end: async () => {
      stdin.end()
      await ended
    },
    drop: () => void child.kill('SIGKILL'),
  }
}

/** What a program makes of what comes, or of a file. Rejects where it fails; it is killed where nobody wants more. */
export async function* filtered(
  command: readonly string[],
  input: AsyncIterable<Buffer> | { readonly file: string },
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  const [program = '', ...args] = tied(command)
  const env = { ...process.env, PATH: searchPath().join(':') }
  // It reads a file by itself: nothing of it goes through here.
  const fd = 'file' in input ? fs.openSync(input.file, 'r') : undefined
  const child = load().spawn(program, args, { env, stdio: [fd ?? 'pipe', 'pipe', 'pipe'] })
  if (fd !== undefined) fs.closeSync(fd)
  const { stdin, stdout } = child
  if (stdout === null) throw new Error('its stdout is no pipe')
  const ended = endOf(command, child)
  ended.catch(() => {})
  stdin?.on('error', () => {})
  const stop = (): void => void child.kill('SIGKILL')
  signal?.addEventListener('abort', stop, { once: true })
  let fault: { readonly error: unknown } | undefined
  const over = ended.then(
    () => true,
    () => true,
  )
  const feed = async (): Promise<void> => {
    if (stdin === null || 'file' in input) return
    for await (const piece of input) {
      if (stdin.destroyed) return
      if (stdin.write(piece)) continue
      if (await Promise.race([new Promise<boolean>((resolve) => stdin.once('drain', () => resolve(false))), over])) return
    }
    stdin.end()
  }
  const fed = feed().catch((error: unknown) => {
    fault = { error }
    stop()
  })
  try {
    yield* stdout as AsyncIterable<Buffer>
    signal?.throwIfAborted()
    if (fault !== undefined) throw fault.error
    await ended
    await fed
  } finally {
    signal?.removeEventListener('abort', stop)
    stop()
  }
}

const mostErrorChars = 4000

/** Resolves when it has ended well. */
function endOf(command: readonly string[], child: childProcess.ChildProcess): Promise<void> {
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(0, mostErrorChars)))
  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new Failure(`cannot run ${command[0]}`, { cause: error })))
    child.on('close', (status) => {
      if (status === 0) resolve()
      else reject(new Failure(`${command[0]} failed: ${said.trim() || `exit status ${status ?? 'none'}`}`))
    })
  })
}
