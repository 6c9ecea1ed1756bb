// Lines of the command line that this page has asked for, and what became of them.
import { messageOf } from '../../core/errors.js'
import { quoteWords } from '../../core/words.js'
import type { RunFrame, WireFailure } from '../../web/protocol.js'
import { lineReader } from '../pure/frames.js'
import { readJson } from '../pure/plain.js'
import { post, Refusal } from './api.js'
import { cell } from './cell.js'

export interface Job {
  readonly number: number
  /** The VM that it is about. */
  readonly id: string
  /** As it would be typed: `nbsvm foo start`. */
  readonly line: string
  readonly startedMs: number
  readonly state: 'running' | 'done' | 'failed'
  readonly endedMs?: number
  /** What it has said, the last lines of it. */
  readonly said: readonly string[]
  readonly progress: string | null
  readonly error: Pick<WireFailure, 'message' | 'hints'> | null
  /** Ctrl-C. */
  readonly cancel: () => void
}

/** The oldest first. */
export const jobs = cell<readonly Job[]>([])

const mostJobs = 50
const mostSaid = 200

let last = 0

export function lineOf(words: readonly string[]): string {
  return quoteWords(['nbsvm', ...words])
}

/** Runs a line, and resolves to how it ended; it never rejects. */
export async function runLine(words: readonly string[]): Promise<Job> {
  const stop = new AbortController()
  let job: Job = {
    number: ++last,
    id: words[0] ?? '',
    line: lineOf(words),
    startedMs: Date.now(),
    state: 'running',
    said: [],
    progress: null,
    error: null,
    cancel: () => stop.abort(),
  }
  const change = (to: Partial<Job>): void => {
    job = { ...job, ...to }
    jobs.set(
      [...jobs.get().filter(({ number }) => number !== job.number), job].toSorted((a, b) => a.number - b.number).slice(-mostJobs),
    )
  }
  const say = (text: string): void => change({ said: [...job.said, text].slice(-mostSaid) })
  const end = (error: Job['error'], status = 0): void => {
    const state = error === null && status === 0 ? 'done' : 'failed'
    change({ state, error: error ?? statusError(status), progress: null, endedMs: Date.now() })
  }
  change({})
  try {
    const answer = await post('run', { words }, stop.signal)
    await readFrames(answer, (frame) => {
      if (frame.kind === 'line') change({ line: `nbsvm ${frame.line.replace(/^nbsvm /, '')}` })
      else if (frame.kind === 'progress') change({ progress: frame.text })
      else if (frame.kind === 'end') end(frame.error, frame.status)
      else say(frame.text)
    })
    if (job.state === 'running') end({ message: 'the connection was cut before it ended; look at the list', hints: [] })
  } catch (error) {
    end(stop.signal.aborted ? { message: 'broken off', hints: [] } : asError(error))
  }
  return job
}

async function readFrames(answer: Response, take: (frame: RunFrame) => void): Promise<void> {
  const read = lineReader((line) => take(readJson(line) as RunFrame))
  const decoder = new TextDecoder()
  const reader = answer.body?.getReader()
  for (let piece = await reader?.read(); piece?.done === false; piece = await reader?.read()) {
    read(decoder.decode(piece.value, { stream: true }))
  }
}

function statusError(status: number): Job['error'] {
  return status === 0 ? null : { message: `it ended with status ${status}`, hints: [] }
}

function asError(error: unknown): Pick<WireFailure, 'message' | 'hints'> {
  if (error instanceof Refusal) return error
  return { message: messageOf(error), hints: [] }
}
