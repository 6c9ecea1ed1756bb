// Programs that nbsvm runs. node:child_process takes 5 ms to load, so it is loaded when the first one is run.
import type * as childProcess from 'node:child_process'
import fs from 'node:fs'
import { Failure } from '../core/errors.js'
import { formatSize } from '../core/size.js'
import { quoteWords } from '../core/words.js'
import { pause } from './clock.js'
import { isEmbedded } from './embedded.js'
import { close, findProgram, list, open, readText, searchPath } from './file.js'

const load = (): typeof childProcess => process.getBuiltinModule('node:child_process')

export interface RunOptions {
  /** Text for its standard input; nothing without it. */
  readonly input?: string
  readonly cwd?: string
  /** Descriptors that it inherits from number 3 on. */
  readonly pass?: readonly number[]
  /** Aborting kills it. */
  readonly signal?: AbortSignal
  /** Called with each piece of its standard output as it comes. */
  readonly onOutput?: (text: string) => void
  /** The same for its standard error. */
  readonly onErrorOutput?: (text: string) => void
  readonly timeoutMs?: number
  /** It is ended when it has said more, in characters; `mostSaid` where nothing is given. */
  readonly mostSaid?: number
  /** What ends it when it is given up: SIGTERM for one that has changed the terminal and must put it back. Else SIGKILL. */
  readonly endedBy?: 'SIGTERM'
  /** What it makes is for its owner alone: sockets above all. */
  readonly isPrivate?: boolean
}

export interface RunResult {
  /** Exit status; 128 + the signal's number where a signal ended it, as a shell says it. */
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs one program to its end. What changes the machine gets this passed in, so that a test can record the lines. */
export type Run = (command: readonly string[], options?: RunOptions) => Promise<RunResult>

/** More than any program says of which all is read: what a guest has a hand in, an ssh above all, could go on for ever. */
const usualMostSaid = 64 * 1024 ** 2

/** Runs a program, without a shell, and returns how it ended. Throws only when it could not be started, or says too much. */
export const run: Run = (command, options = {}) => {
  const [program = ''] = command
  const { spawn } = load()
  return new Promise((resolve, reject) => {
    const begin = ([first = '', ...args]: readonly string[]) =>
      spawn(first, args, {
        cwd: options.cwd,
        env: { ...process.env, PATH: searchPath().join(':') },
        signal: options.signal,
        killSignal: options.endedBy ?? 'SIGKILL',
        timeout: options.timeoutMs,
        stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', ...(options.pass ?? [])],
      })
    const child = options.isPrivate === true ? privately(command, begin) : begin(command)
    let stdout = ''
    let stderr = ''
    // What it has started may live on and hold the pipes open: nobody waits for that.
    const giveUp = (reason: unknown): void => {
      child.stdout?.destroy()
      child.stderr?.destroy()
      reject(reason)
    }
    const { mostSaid = usualMostSaid } = options
    const endTalker = (): void => {
      if (stdout.length + stderr.length <= mostSaid) return
      child.kill('SIGKILL')
      giveUp(new Failure(`${program} says more than ${formatSize(mostSaid)}, and was ended`, { code: 'OUTPUT_CUT' }))
    }
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
      options.onOutput?.(text)
      endTalker()
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
      options.onErrorOutput?.(text)
      endTalker()
    })
    child.on('error', (error) => giveUp(options.signal?.aborted === true ? options.signal.reason : startFailure(program, error)))
    child.on('close', (code, signal) => resolve({ status: exitStatus(code, signal), stdout, stderr }))
    // A program that ends before it has read all its input is judged by its exit status, not by the broken pipe.
    child.stdin?.on('error', () => {}).end(options.input)
  })
}

/** What takes a program's stdout or stderr, which else is this process's own. */
export interface Takers {
  readonly 1?: ((bytes: Buffer) => void) | undefined
  readonly 2?: ((bytes: Buffer) => void) | undefined
}

/**
 * Runs a program on this process's own stdin, stdout and stderr, to its end; returns its exit status. Ctrl-C reaches it by itself, on
 * the terminal that both have; what else aborts `signal` is handed on.
 */
export function runHere(command: readonly string[], signal?: AbortSignal, takers: Takers = {}): Promise<number> {
  return runAttached(command, { stdin: 'inherit', takers }, (child) => child.kill('SIGTERM'), signal)
}

/**
 * The same in a session of its own, so that Ctrl-C at this terminal does not reach it. Its stdin is a pipe that carries nothing, and
 * ends when `signal` is aborted: that is how it is told.
 */
export function runApart(command: readonly string[], signal?: AbortSignal, takers: Takers = {}): Promise<number> {
  return runAttached(command, { stdin: 'pipe', takers }, (child) => child.stdin?.end(), signal)
}

/** What it says goes where this process's own words go, unless it is taken; `onAbort` tells it to end. */
function runAttached(
  command: readonly string[],
  { stdin, takers }: { readonly stdin: 'inherit' | 'pipe'; readonly takers: Takers },
  onAbort: (child: childProcess.ChildProcess) => void,
  signal: AbortSignal | undefined,
): Promise<number> {
  const [program = '', ...args] = command
  const stdio = [stdin, ...([1, 2] as const).map((fd) => (takers[fd] === undefined ? 'inherit' : 'pipe'))] as const
  return new Promise((resolve, reject) => {
    const env = { ...process.env, PATH: searchPath().join(':') }
    const child = load().spawn(program, args, { env, stdio: [...stdio], detached: stdin === 'pipe' })
    const end = (): void => onAbort(child)
    child.stdin?.on('error', () => {})
    for (const fd of [1, 2] as const) child.stdio[fd]?.on('data', (bytes: Buffer) => takers[fd]?.(bytes))
    signal?.addEventListener('abort', end)
    if (signal?.aborted === true) end()
    child.on('error', (error) => reject(startFailure(program, error)))
    child.on('close', (code, ended) => {
      signal?.removeEventListener('abort', end)
      resolve(exitStatus(code, ended))
    })
  })
}

/** SIGHUP, SIGINT and SIGTERM, as a shell says them. */
const interruptions: ReadonlySet<number> = new Set([129, 130, 143])

/** Runs a program and throws a Failure with its own words unless it ends with 0. Returns what it wrote to stdout. */
export async function runOrFail(
  what: string,
  command: readonly string[],
  options?: RunOptions & { readonly run?: Run },
): Promise<string> {
  const result = await (options?.run ?? run)(command, options)
  if (result.status === 0) return result.stdout
  // Ctrl-C reaches all of a terminal's programs at once, and the other one's end may be seen before our own signal.
  if (interruptions.has(result.status) && options?.signal?.aborted === false) await pause(20)
  options?.signal?.throwIfAborted()
  const words = result.stderr.trim() || `exit status ${result.status}`
  throw new Failure(`cannot ${what}: ${words}`, { hints: [`the command was: ${quoteWords(untied(command))}`] })
}

let canTie: boolean | undefined
const tie = ['setpriv', '--pdeathsig', 'KILL'] as const
/** A nbsvm that was killed before the tie was made is no parent any more. */
const whereParentLives = `[ $PPID = ${process.pid} ] && exec "$@"`

/**
 * The command, made to end when nbsvm ends, also by kill -9; unchanged where there is no setpriv(1) of util-linux. `isBrief`: it ends by itself so
 * soon that it need not be seen whether nbsvm has ended already.
 */
export function tied(command: readonly string[], { isBrief = false } = {}): readonly string[] {
  canTie ??= findProgram('setpriv') !== undefined && runSync([...tie, 'true']) === 0
  const look = isBrief ? [] : ['sh', '-c', whereParentLives, 'sh']
  return canTie ? [...tie, ...look, ...command] : command
}

/** What was tied, as its user would type it. */
export function untied(command: readonly string[]): readonly string[] {
  return command[1] === tie[1] ? command.slice(Math.max(tie.length, command.indexOf(whereParentLives) + 2)) : command
}

/** Runs a program while everything waits; for what takes a millisecond. Returns its exit status. */
export function runSync(command: readonly string[], pass: readonly number[] = []): number {
  const [program = '', ...args] = command
  // Of all variables only what finds it: the others need not be copied.
  const env = { PATH: searchPath().join(':') }
  const { status, signal, error } = load().spawnSync(program, args, { env, stdio: ['ignore', 'ignore', 'ignore', ...pass] })
  if (error) throw startFailure(program, error)
  return exitStatus(status, signal)
}

export interface Detached {
  readonly pid: number
  /** Settles when the program ends, with its exit status as a shell says it. */
  readonly ended: Promise<number>
  /** Ends it at once, and what it has started. Only for its parent, who knows that the pid is still its own child's. */
  kill(): void
}

/**
 * Starts a program that outlives nbsvm: in a session of its own, with `env` and PATH for its environment, and without a descriptor of
 * nbsvm's caller. Descriptors: 0 nothing, 1 and 2 `output`, then `pass`.
 */
export function startDetached(
  command: readonly string[],
  options: {
    readonly cwd: string
    readonly output: number
    readonly pass: readonly number[]
    readonly env: Readonly<Record<string, string>>
  },
): Detached {
  const [program = ''] = command
  const nothing = open('/dev/null', 'read')
  const child = privately(command, ([first = '', ...args]) =>
    load().spawn(first, args, {
      cwd: options.cwd,
      env: { ...options.env, PATH: searchPath().join(':') },
      detached: true,
      stdio: withoutInherited(['ignore', options.output, options.output, ...options.pass], nothing),
    }),
  )
  close(nothing)
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', (error) => reject(startFailure(program, error)))
    child.on('exit', (code, signal) => resolve(exitStatus(code, signal)))
  })
  ended.catch(() => {})
  child.unref()
  const kill = (): void => {
    // Whoever kills it waits for its end: without this Node would end first, with nothing said.
    child.ref()
    // All of its process group: a script that QEMU is run through may wait for it.
    const isOver = child.exitCode !== null || child.signalCode !== null
    if (isOver || child.pid === undefined || !signalProcess(-child.pid, 'SIGKILL')) child.kill('SIGKILL')
  }
  return { pid: child.pid ?? 0, ended, kill }
}

/** Past this number Node leaves descriptors that it was called with as they are, after the first that is free. */
const lastClosedFd = 15

/**
 * What a child gets as descriptors, with `nothing`, which leads nowhere, in place of those that nbsvm was called with: else a
 * script's lock (`exec 200>lock`) would be held, and its pipe be open, as long as the child lives.
 * https://docs.libuv.org/en/v1.x/process.html#c.uv_disable_stdio_inheritance
 */
function withoutInherited(stdio: ('ignore' | number)[], nothing: number): ('ignore' | number)[] {
  for (const fd of inheritedFds()) {
    // Between them stand those that close themselves, which libuv leaves alone.
    while (stdio.length < fd) stdio.push('ignore')
    if (stdio.length === fd) stdio.push(nothing)
  }
  return stdio
}

/** The descriptors of this process that its children would have too: those without O_CLOEXEC. */
function inheritedFds(): number[] {
  return list('/proc/self/fd')
    .map(Number)
    .filter((fd) => fd > lastClosedFd && !isClosedOnExec(fd))
    .toSorted((a, b) => a - b)
}

function isClosedOnExec(fd: number): boolean {
  const flags = /^flags:\s*([0-7]+)/m.exec(readText(`/proc/self/fdinfo/${fd}`) ?? '')?.[1]
  // The one by which this list was read is gone, and O_CLOEXEC is 0o2000000.
  return flags === undefined || (Number.parseInt(flags, 8) & 0o2000000) !== 0
}

/** Whatever the program makes that `begin` starts is for its owner only: sockets above all. */
function privately<T>(command: readonly string[], begin: (command: readonly string[]) => T): T {
  // The umask is the whole process's, so it is left alone where that is not nbsvm's own.
  if (isEmbedded()) return begin(['sh', '-c', 'umask 077; exec "$@"', 'sh', ...command])
  const umask = process.umask(0o077)
  try {
    return begin(command)
  } finally {
    process.umask(umask)
  }
}

function startFailure(program: string, error: Error): Failure {
  const missing = 'code' in error && error.code === 'ENOENT'
  return missing
    ? new Failure(`cannot run ${program}: it is not installed`, { code: 'NOT_INSTALLED' })
    : new Failure(`cannot run ${program}`, { cause: error })
}

function exitStatus(code: number | null, signal: NodeJS.Signals | null): number {
  if (code !== null) return code
  const { constants } = process.getBuiltinModule('node:os')
  return 128 + (signal === null ? 0 : constants.signals[signal])
}

/** Whether the process has this very file open: the proof that a pid is still the QEMU that holds a VM's lock. */
export function hasOpen(pid: number, file: { dev: number; ino: number }): boolean {
  return descriptorOf(pid, file) !== undefined
}

/** The number of the descriptor by which a process has this very file or folder open; undefined where it has not. */
export function descriptorOf(pid: number, file: { dev: number; ino: number }): string | undefined {
  try {
    return fs.readdirSync(`/proc/${pid}/fd`).find((fd) => {
      const stats = fs.statSync(`/proc/${pid}/fd/${fd}`, { throwIfNoEntry: false })
      return stats?.ino === file.ino && stats.dev === file.dev
    })
  } catch {
    return undefined
  }
}

/** The processes that have this very file open, as far as we may see. Reads all of /proc: for messages, not for lists. */
export function openers(file: { dev: number; ino: number }): { pid: number; name: string }[] {
  const pids = list('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid && hasOpen(pid, file))
  return pids.map((pid) => ({ pid, name: readText(`/proc/${pid}/comm`)?.trim() ?? '' }))
}

/** The processes that run as a user. Those that have ended, and are not reaped yet, do not count. */
export function processesAs(uid: number): number[] {
  const isAs = (pid: string): boolean => {
    const status = quietly(`/proc/${pid}/status`)
    return !/^State:\s*[ZX]/m.test(status) && new RegExp(`^Uid:.*\\b${uid}\\b`, 'm').test(status)
  }
  const pids = list('/proc').filter((name) => /^\d+$/.test(name))
  return pids.filter(isAs).map(Number)
}

/** A file of /proc; empty when its process has ended meanwhile. */
function quietly(file: string): string {
  try {
    return readText(file) ?? ''
  } catch {
    return ''
  }
}

/** The words that a process was started with; none when there is no such process. */
export function commandLine(pid: number): string[] {
  return (readText(`/proc/${pid}/cmdline`) ?? '').split('\0').slice(0, -1)
}

/** What /proc/PID/stat says from its third field on, the state: the name before that may hold blanks and brackets (proc(5)). */
export function statFields(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

/** Sends a signal. Says false when there is no such process any more. */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}

/** Sends a signal to a process that leads a group, and to all in the group; to the process alone where it leads none. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  if (!signalProcess(-pid, signal)) signalProcess(pid, signal)
}
