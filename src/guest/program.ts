// Programs that are run in a guest by its agent: https://www.qemu.org/docs/master/interop/qemu-ga-ref.html#command-QGA-qapi-schema.guest-exec
import { Failure } from '../core/errors.js'
import { deadlineIn, pause } from '../sys/clock.js'
import { AgentRefused, type Agent, type Turn } from './agent.js'
import { killScript } from './script.js'

export interface Program {
  /** The program, looked for in the guest's PATH, and its arguments. */
  readonly words: readonly string[]
  /** Its standard input; without it, nothing. Better not more than `quickInputBytes`, and never more than `mostInputBytes`. */
  readonly input?: Buffer | undefined
}

export interface ProgramLimits {
  /** It is ended after that. */
  readonly timeoutMs?: number | undefined
  /** Aborting ends it in the guest, and rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** How a program ended. */
export interface Ended {
  /** Its exit status; 128 + the signal's number where a signal ended it; 126, 127 where it could not be run, as a shell says it. */
  readonly status: number
  readonly stdout: Buffer
  readonly stderr: Buffer
  /** The agent has kept only the first 16 MiB of stdout or stderr. */
  readonly isCut: boolean
  /** It was ended because its time was up. */
  readonly isTimedOut: boolean
}

/** So much an agent takes in one command: its parser ends at 64 MiB of base64, and takes long before. */
export const mostInputBytes = 16 * 1024 ** 2

/**
 * An agent that takes or gives more than this at once is deaf to others meanwhile, for minutes on a busy machine, and what it gives
 * takes it a time that grows with the square of it (10 MB: seven times as long as by a file in the guest).
 */
export const quickInputBytes = 1024 ** 2

/** So much of each stream an agent keeps (GUEST_EXEC_MAX_OUTPUT). */
const capturedBytes = 16 * 1024 ** 2

/** Two streams of that, in base64, and what stands around them. */
const statusBytes = Math.ceil((2 * capturedBytes * 4) / 3) + 64 * 1024

/** The first look comes back after some ms, later ones after a tenth of the time that has passed. */
const firstPauseMs = 2
const longestPauseMs = 500
/** As long as that an agent is kept from others while a program runs. */
const keptMs = 300
/** A program that was told to end gets so long until it is killed, and so long after that until nobody waits for it. */
const graceMs = 2000
const killedMs = 3000

/** Runs a program to its end; nothing of what it says comes before that. Others have their turns meanwhile. */
export async function runProgram(turn: Turn, program: Program, { timeoutMs, signal }: ProgramLimits = {}): Promise<Ended> {
  signal?.throwIfAborted()
  const deadline = timeoutMs === undefined ? undefined : deadlineIn(timeoutMs)
  const isOver = (): boolean => signal?.aborted === true || deadline?.isOver === true
  let pid: number | undefined
  try {
    const first = await turn(async (agent) => {
      const started = await startProgram(agent, program)
      if (typeof started !== 'number') return started
      pid = started
      return lookFor(agent, pid, { waitMs: keptMs, isOver, signal })
    })
    if (first !== undefined) return first
    const started = pid ?? 0
    for (let pauseMs = keptMs / 10; !isOver(); pauseMs = Math.min(pauseMs * 1.1, longestPauseMs)) {
      await pause(Math.min(pauseMs, deadline?.leftMs ?? pauseMs), signal)
      const ended = await turn((agent) => look(agent, started, signal))
      if (ended !== undefined) return ended
    }
  } catch (error) {
    if (signal?.aborted !== true) throw error
  }
  const ended = pid === undefined ? undefined : await endProgram(turn, pid)
  signal?.throwIfAborted()
  return { ...(ended ?? saidNothing), status: 124, isTimedOut: true }
}

const saidNothing = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0), isCut: false }

/** Its number in the guest; or, where it cannot be run, what a shell would say. */
async function startProgram(agent: Agent, { words, input }: Program): Promise<number | Ended> {
  const [path = '', ...arg] = words
  const env = await environmentFor(agent)
  const silenceMs = 10_000 + (input?.length ?? 0) / 50
  const data = input === undefined ? {} : { 'input-data': input.toString('base64') }
  const args = { path, arg, ...(env === undefined ? {} : { env }), ...data, 'capture-output': true }
  try {
    return (await agent.ask('guest-exec', args, { silenceMs })).pid
  } catch (error) {
    const status = error instanceof AgentRefused ? notRunStatus(error.desc) : undefined
    if (status === undefined) throw error
    const why = status === 127 ? 'No such file or directory' : 'Permission denied'
    const stderr = Buffer.from(`cannot run ${path} in the guest: ${why}\n`)
    return { ...saidNothing, status, stderr, isTimedOut: false }
  }
}

/** `Guest agent command failed, error was 'Failed to execute child process “nosuch” (No such file or directory)'` */
function notRunStatus(desc: string): 126 | 127 | undefined {
  if (!desc.includes('Failed to execute child process')) return undefined
  const [, why] = /\(([A-Z][a-z ]+)\)'?$/.exec(desc) ?? []
  return why === 'No such file or directory' ? 127 : why === 'Permission denied' ? 126 : undefined
}

/** What a login of root's would have: an agent's own environment has no HOME. */
const rootEnvironment = [
  'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin',
  'HOME=/root',
  'USER=root',
  'LOGNAME=root',
  'SHELL=/bin/sh',
  'LANG=C.UTF-8',
]

/** None for a Windows, nor for an agent that is too old to say what it runs on: theirs stays. */
async function environmentFor(agent: Agent): Promise<readonly string[] | undefined> {
  return (await isUnix(agent)) ? rootEnvironment : undefined
}

/** Whether the guest has a shell, as far as its agent is able to say. */
export async function isUnix(agent: Agent): Promise<boolean> {
  try {
    return (await agent.ask('guest-get-osinfo')).id !== 'mswindows'
  } catch (error) {
    if (error instanceof AgentRefused) return false
    throw error
  }
}

/** How it ended, if it has. */
async function look(agent: Agent, pid: number, signal?: AbortSignal): Promise<Ended | undefined> {
  const found = await agent.ask('guest-exec-status', { pid }, { maxBytes: statusBytes, signal }).catch((error: unknown) => {
    if (!(error instanceof AgentRefused)) throw error
    throw new Failure('the guest agent has forgotten the program: the agent was started again meanwhile', {
      code: 'AGENT_SILENT',
      cause: error,
    })
  })
  if (!found.exited) return undefined
  const status = found.exitcode ?? (found.signal === undefined ? 255 : 128 + found.signal)
  // A Windows has statuses of 32 bits.
  const shown = status === 0 ? 0 : status & 0xff || 1
  const isCut = found['out-truncated'] === true || found['err-truncated'] === true
  const [stdout, stderr] = [found['out-data'] ?? Buffer.alloc(0), found['err-data'] ?? Buffer.alloc(0)]
  return { status: shown, stdout, stderr, isCut, isTimedOut: false }
}

interface Patience {
  readonly waitMs: number
  readonly isOver: () => boolean
  readonly signal?: AbortSignal | undefined
}

/** The same, waited for. */
async function lookFor(agent: Agent, pid: number, { waitMs, isOver, signal }: Patience): Promise<Ended | undefined> {
  const deadline = deadlineIn(waitMs)
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 1.2, waitMs / 10)) {
    const ended = await look(agent, pid, signal)
    if (ended !== undefined || deadline.isOver || isOver()) return ended
    await pause(pauseMs)
  }
}

/** Ends a program and what it has started. Returns how it ended, where that is known. */
async function endProgram(turn: Turn, pid: number): Promise<Ended | undefined> {
  const words = ['sh', '-c', killScript, 'sh', String(pid), String(graceMs / 1000)]
  return turn(async (agent) => {
    const killer = await startProgram(agent, { words })
    if (typeof killer !== 'number') return undefined
    return lookFor(agent, pid, { waitMs: graceMs + killedMs, isOver: () => false })
  }, 'anyway')
}
