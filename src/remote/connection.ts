// A connection to another machine, by the system's OpenSSH. The first line to a machine makes it, later ones go through it: a command
// takes milliseconds then. It ends by itself when nobody has used it for a minute.
import path from 'node:path'
import { eitherSignal, type Caller } from '../core/caller.js'
import { Failure } from '../core/errors.js'
import { gate } from '../core/sidebyside.js'
import { sshName } from '../core/target.js'
import { lstat, makePrivateFolder, remove } from '../sys/file.js'
import { isTerminal } from '../sys/output.js'
import { run, type RunResult } from '../sys/process.js'
import { hashHex } from '../sys/stamp.js'

export interface Machine {
  /** As the user calls it: `me@box2`. */
  readonly host: string
  /** The folder of the sockets by which a connection is shared. */
  readonly sockets: string
}

/** The folder of the sockets of connections, within that of drawers; no VM can be called so. */
export function socketsIn(state: string): string {
  return path.join(state, '.ssh')
}

/** A connection that is not used is kept for so long. */
const persistSeconds = 60

/** A socket's path may have 107 bytes, and ssh adds a name of its own while it makes one. */
const longestPath = 107 - 17

/** After so long without an answer a machine is taken for gone. */
const connectSeconds = 15
const [aliveSeconds, aliveTries] = [15, 4]

/** ssh's own limit ends before it knows who is there: a machine that falls silent after that is given up too, later where somebody may be typing a password. */
const [connectMs, longestTypingMs] = [60_000, 120_000]

/** So many are made at once: less than the ten that an sshd lets knock at its door, should all be behind one (`MaxStartups`, ProxyJump). */
export const mostLogins = 8

const door = gate(mostLogins)

/**
 * Whatever the user's configuration has for a login of their own: nothing there needs the keys, the screen or the ports of this machine,
 * and one of these may be taken.
 */
const ownSettings = ['ForwardAgent=no', 'ForwardX11=no', 'RemoteCommand=none', 'ClearAllForwardings=yes']

/** What ssh says of a connection that ends is for whoever makes one. */
export const quiet = ['-o', 'LogLevel=ERROR']

/** What ssh ends with when it has failed itself. */
export const sshFailed = 255

/** The command that runs `words` there: ssh with its options. After `connect`, which is where a password can be asked for. */
export function sshWords({ host, sockets }: Machine, options: readonly string[], words: readonly string[]): string[] {
  const socket = socketOf({ host, sockets })
  const shared =
    socket === undefined
      ? ['ControlPath=none']
      : ['ControlMaster=auto', `ControlPath="${socket.replaceAll('%', '%%')}"`, `ControlPersist=${persistSeconds}`]
  const settings = [
    ...shared,
    `ConnectTimeout=${connectSeconds}`,
    `ServerAliveInterval=${aliveSeconds}`,
    `ServerAliveCountMax=${aliveTries}`,
    ...(options[0] === '-O' ? [] : ownSettings),
  ]
  // What is asked of a connection that is there needs no configuration, and ports that it opens would be asked for too.
  const config = options[0] === '-O' ? ['-F', '/dev/null'] : []
  return ['ssh', ...config, ...settings.flatMap((setting) => ['-o', setting]), ...options, '--', sshName(host), ...words]
}

/** A name that is no longer stands in its socket's. */
const longestName = 32

/** Options by which ssh goes through the connection that there is, or fails: another would know nothing of what this one has there. */
export function joined(machine: Machine): string[] {
  return socketOf(machine) === undefined ? [] : ['-o', 'ProxyCommand=false']
}

/**
 * Where the connection is shared, by the machine's name where that is short and plain; undefined where no socket can have such a path:
 * then each line makes its own. The completion scripts look there too.
 */
export function socketOf({ host, sockets }: Machine): string | undefined {
  const isPlain = /^[\w.@-]+$/.test(host) && host.length <= longestName
  const named = path.join(sockets, `to-${host}`)
  // A hash is looked up where it must be: node:crypto takes 5 ms to load.
  const socket = isPlain && isFit(named) ? named : path.join(sockets, hashHex(host).slice(0, 16))
  return isFit(socket) ? socket : undefined
}

function isFit(socket: string): boolean {
  return Buffer.byteLength(socket) <= longestPath && !socket.includes('"')
}

/**
 * Sees to it that there is a connection. ssh asks for a password, or whether a key is right, at the terminal; without one that is an
 * error. Throws a Failure with ssh's own words where the machine cannot be reached.
 */
export async function connect(machine: Machine, { signal }: Caller = {}): Promise<void> {
  makePrivateFolder(machine.sockets)
  const socket = socketOf(machine)
  if (socket !== undefined && (await answers(socket))) return
  const { status, stdout, stderr } = await logIn((options, typingMs) =>
    door(() => {
      const limitMs = Math.max(typingMs, connectMs)
      const limit = AbortSignal.timeout(limitMs)
      const command = sshWords(machine, ['-T', ...options], ['true'])
      return run(command, { signal: eitherSignal(limit, signal), endedBy: 'SIGTERM' }).catch((error: unknown) => {
        throw limit.aborted && signal?.aborted !== true ? silent(machine.host, limitMs) : error
      })
    }),
  )
  if (status !== 0) throw unreachable(machine.host, stderr.trim() || stdout)
}

/** Of several machines one asks at a time: two programs at one terminal would take each other's answers. */
const question = gate(1)

/**
 * Logs in by an ssh with these options, which may be silent for so much longer as somebody may be typing: without a question first, and
 * once more, with questions, where an answer may help and somebody is there.
 */
export async function logIn(attempt: (options: readonly string[], typingMs: number) => Promise<RunResult>): Promise<RunResult> {
  const result = await attempt(['-o', 'BatchMode=yes'], 0)
  const mayHelp = result.status === sshFailed && /Permission denied|Host key verification failed/.test(result.stderr)
  return mayHelp && canAsk() ? question(() => attempt([], longestTypingMs)) : result
}

/** Whether somebody may be there whom ssh can ask. */
function canAsk(): boolean {
  return isTerminal(0) || isTerminal(2)
}

/** Whether somebody holds the connection. What one that was killed has left is removed: ssh would complain of it at each line. */
async function answers(socket: string): Promise<boolean> {
  if (lstat(socket) === undefined) return false
  // A question needs no socket here.
  const { connect: connectTo } = await import('../sys/socket.js')
  try {
    ;(await connectTo(socket)).destroy()
    return true
  } catch {
    remove(socket)
    return false
  }
}

/** Whether the connection that was there still is; undefined where none is shared. */
export async function isConnected(machine: Machine): Promise<boolean | undefined> {
  if (socketOf(machine) === undefined) return undefined
  return (await run(sshWords(machine, ['-O', 'check'], []))).status === 0
}

/** A machine that says nothing. */
export function silent(host: string, timeoutMs: number): Failure {
  return new Failure(`${host} has not answered within ${timeoutMs / 1000} seconds`, {
    code: 'HOST_UNREACHABLE',
    hints: [`try it alone: ssh ${sshName(host)}`],
  })
}

/** A machine that lets nobody in; what it or ssh has said of that is told. */
export function unreachable(host: string, stderr: string): Failure {
  const words = lastLines(stderr.replace(changedBanner, 'its host key is not the one that it had\n'))
  const hints = hintsFor(words, host)
  if (/Permission denied/.test(words) && !canAsk()) hints.push('there is no terminal here, so nobody can be asked for a password')
  return new Failure(`cannot reach ${host} by ssh${words === '' ? '' : `: ${words}`}`, { code: 'HOST_UNREACHABLE', hints })
}

/** ssh's reason is what it says last; before it comes whatever the machine greets with. */
function lastLines(text: string): string {
  const lines = text.trim().split('\n')
  return lines.slice(-mostLines).join('\n')
}

const mostLines = 20

/** The three lines with which ssh begins when a machine has another key than it had. */
const changedBanner = /@{20,}\r?\n@.*IDENTIFICATION HAS CHANGED.*\r?\n@{20,}\r?\n/

function hintsFor(words: string, host: string): string[] {
  const name = sshName(host)
  if (/Could not resolve hostname/.test(words)) return ['is it spelt right? machines with another name: ~/.ssh/config']
  if (/Host key verification failed/.test(words))
    return [`if you know why its key is another, or to see it the first time: ssh ${name}`]
  if (/Permission denied/.test(words)) return [`let a key of yours in: ssh-copy-id ${name}`]
  return [`try it alone: ssh ${name}`]
}
