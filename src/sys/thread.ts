// Threads: https://nodejs.org/api/worker_threads.html
import type * as threads from 'node:worker_threads'
import type { Environment } from './environment.js'

const load = (): typeof threads => process.getBuiltinModule('node:worker_threads')

/** A thread that this one has started, as whoever talks to it sees it. */
export interface Thread {
  post(message: unknown, moved?: readonly ArrayBuffer[]): void
  /** Whether it keeps this process from ending. */
  hold(isNeeded: boolean): void
}

export interface ThreadOptions {
  /** The variables that it sees; without them those of this process, as they are at each moment. */
  readonly environment: Environment | undefined
  readonly onMessage: (message: unknown) => void
  /** Called once, with why it is gone. */
  readonly onEnd: (error: Error) => void
}

/** Starts a file as a thread that says nothing on the terminal, gets no options of this process's, and keeps nobody from ending. */
export function startThread(file: string, { environment, onMessage, onEnd }: ThreadOptions): Thread {
  const { Worker, SHARE_ENV } = load()
  const env: NodeJS.ProcessEnv | typeof threads.SHARE_ENV =
    environment === undefined ? (SHARE_ENV as typeof threads.SHARE_ENV) : { ...environment }
  const worker = new Worker(file, { env, execArgv: [], stdin: false, stdout: true, stderr: true, name: 'nbsvm' })
  let isOver = false
  const end = (error: Error): void => {
    if (!isOver) onEnd(error)
    isOver = true
  }
  worker.on('message', onMessage)
  worker.once('error', end)
  worker.once('exit', (status) => end(new Error(`the thread of nbsvm has ended with ${status}`)))
  worker.unref()
  return {
    post: (message, moved = []) => worker.postMessage(message, [...moved]),
    hold: (isNeeded) => (isNeeded ? worker.ref() : worker.unref()),
  }
}

/** The thread that started this one. */
export interface Starter {
  post(message: unknown, moved?: readonly ArrayBuffer[]): void
  onMessage(take: (message: unknown) => void): void
}

/** In a thread: who started it. */
export function starter(): Starter {
  const { parentPort } = load()
  if (parentPort === null) throw new Error('this is no thread')
  return {
    post: (message, moved = []) => parentPort.postMessage(message, [...moved]),
    onMessage: (take) => void parentPort.on('message', take),
  }
}
