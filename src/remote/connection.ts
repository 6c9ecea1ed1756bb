// A connection to another machine, by the system's OpenSSH. The first line to a machine makes it, later ones go through it: a command
// takes milliseconds then. It ends by itself when nobody has used it for a minute.
import path from 'node:path'
import type { Caller } from '../core/caller.js'
import { Failure } from '../core/errors.js'
import { sshName } from '../core/target.js'
import { lstat, makePrivateFolder, remove } from '../sys/file.js'
import { isTerminal } from '../sys/output.js'
import { run } from '../sys/process.js'
import { connect as connectTo } from '../sys/socket.js'
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
const [connectMs, typingMs] = [60_000, 120_000]

/** Whatever the user's configuration has for a login of their own: nothing there needs the keys or the screen of this machine. */
const ownSettings = ['ForwardAgent=no', 'ForwardX11=no', 'RemoteCommand=none']

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
    ...ownSettings,
  ]
  return ['ssh', ...settings.flatMap((setting) => ['-o', setting]), ...options, '--', sshName(host), ...words]
}

/** Where the connection is shared; undefined where no socket can have such a path: then each line makes its own. */
function socketOf({ host, sockets }: Machine): string | undefined {
  const short = 16
  const socket = path.join(sockets, hashHex(host).slice(0, short))
  return Buffer.byteLength(socket) > longestPath || socket.includes('"') ? undefined : socket
}

/**
 * Sees to it that there is a connection. ssh asks for a password, or whether a key is right, at the terminal; without one that is an
 * error. Throws a Failure with ssh's own words where the machine cannot be reached.
 */
export async function connect(machine: Machine, { signal }: Caller = {}, silenceMs = connectMs): Promise<void> {
  makePrivateFolder(machine.sockets)
  const socket = socketOf(machine)
  if (socket !== undefined && (await answers(socket))) return
  const canAsk = isTerminal(0) || isTerminal(2)
  const command = sshWords(machine, ['-T', ...(canAsk ? [] : ['-o', 'BatchMode=yes'])], ['true'])
  const limitMs = canAsk ? Math.max(typingMs, silenceMs) : silenceMs
  const limit = AbortSignal.timeout(limitMs)
  const either = signal === undefined ? limit : AbortSignal.any([signal, limit])
  const { status, stderr } = await run(command, { signal: either, endedBy: 'SIGTERM' }).catch((error: unknown) => {
    throw limit.aborted && signal?.aborted !== true ? silent(machine.host, limitMs) : error
  })
  if (status !== 0) throw unreachable(machine.host, stderr, canAsk)
}

/** Whether somebody holds the connection. What one that was killed has left is removed: ssh would complain of it at each line. */
async function answers(socket: string): Promise<boolean> {
  if (lstat(socket) === undefined) return false
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
    hints: [`try it alone: ssh ${sshName(host)}`],
  })
}

/** A way through the connection: `ADDRESS:PORT` or a socket's path at both ends, as `ssh -L` has them. */
export interface Lead {
  readonly here: string
  readonly there: string
}

/**
 * Opens ways through the connection, all or none. Throws a Failure, with `hints`, where something here is taken, and where no connection
 * is shared.
 */
export async function openLeads(machine: Machine, leads: readonly Lead[], hints: readonly string[] = []): Promise<void> {
  if (socketOf(machine) === undefined)
    throw new Failure(`no connection to ${machine.host} can be kept: the path ${machine.sockets} is too long for its socket`, {
      hints: ['a shorter one: NBSVM_HOME=DIR'],
    })
  const { status } = await run(sshWords(machine, ['-O', 'forward', ...leadWords(leads)], []))
  if (status === 0) return
  await closeLeads(machine, leads)
  const places = leads.map(({ here }) => here).join(' and ')
  throw new Failure(`cannot listen on ${places} of this machine, for the connection to ${machine.host}`, { hints })
}

/** Closes those of them that are there. */
export async function closeLeads(machine: Machine, leads: readonly Lead[]): Promise<void> {
  await run(closingWords(machine, leads))
}

/** The command that does so. */
export function closingWords(machine: Machine, leads: readonly Lead[]): string[] {
  return sshWords(machine, ['-O', 'cancel', ...leadWords(leads)], [])
}

function leadWords(leads: readonly Lead[]): string[] {
  return leads.flatMap(({ here, there }) => ['-L', `${here}:${there}`])
}

function unreachable(host: string, stderr: string, canAsk: boolean): Failure {
  const words = lastLines(stderr)
  const hints = hintsFor(words, host)
  if (/Permission denied/.test(words) && !canAsk) hints.push('there is no terminal here, so nobody can be asked for a password')
  return new Failure(`cannot reach ${host} by ssh${words === '' ? '' : `: ${words}`}`, { hints })
}

/** ssh's reason is what it says last; before it comes whatever the machine greets with. */
function lastLines(text: string): string {
  const lines = text.trim().split('\n')
  return lines.slice(-mostLines).join('\n')
}

const mostLines = 20

function hintsFor(words: string, host: string): string[] {
  const name = sshName(host)
  if (/Could not resolve hostname/.test(words)) return ['is it spelt right? machines with another name: ~/.ssh/config']
  if (/IDENTIFICATION HAS CHANGED|Host key verification failed/.test(words))
    return [`if you know why its key is another, or to see it the first time: ssh ${name}`]
  if (/Permission denied/.test(words)) return [`let a key of yours in: ssh-copy-id ${name}`]
  return [`try it alone: ssh ${name}`]
}
