// What goes on there while this machine's nbsvm has something to do with it, or after it has ended.
import path from 'node:path'
import type { Caller } from '../core/caller.js'
import { Failure } from '../core/errors.js'
import { quoteWords } from '../core/words.js'
import { pause } from '../sys/clock.js'
import { environment } from '../sys/environment.js'
import { openFifo } from '../sys/fifo.js'
import { close, open, readText, remove } from '../sys/file.js'
import { hold, type Held } from '../sys/held.js'
import { startDetached } from '../sys/process.js'
import { connect as connectTo } from '../sys/socket.js'
import { randomHex } from '../sys/stamp.js'
import { connectionLost, judged, quiet } from './call.js'
import { remoteCommand } from './command.js'
import { closeLeads, closingWords, connect, isConnected, openLeads, sshWords, type Lead, type Machine } from './connection.js'

/** A line that goes on there. */
function lineWords(machine: Machine, words: readonly string[]): string[] {
  const command = remoteCommand({ words, host: machine.host, terminals: [], isWatched: true })
  return sshWords(machine, ['-T', ...quiet], [command])
}

/** What came of a line that is to go on: its exit status where it has ended, and what it said of errors. */
export interface Ended {
  readonly status: number | undefined
  readonly errors: string
}

export interface Kept extends Pick<Held, 'ended'> {
  /** Its exit status, 0 while it goes on. Throws a Failure where the connection is lost. */
  status(): Promise<number>
  close(): Promise<void>
}

/**
 * Runs a line there that prints something when it is ready, and opens then what leads to it, until `close`; `leadsTo` gets the first
 * line that it prints. Resolves to how it ended where it does not come to that. Throws a Failure where the machine cannot be reached, or
 * nothing can be led there.
 */
export async function keepThere(
  machine: Machine,
  words: readonly string[],
  leadsTo: (line: string) => { readonly leads: readonly Lead[]; readonly hints?: readonly string[] },
  caller: Caller,
): Promise<Kept | Ended> {
  await connect(machine, caller)
  const held = await hold(lineWords(machine, words), caller)
  const { line, ended } = held
  if (line === undefined) return { status: await judged(machine, await ended, caller), errors: held.errors() }
  try {
    const { leads, hints } = leadsTo(line)
    await openLeads(machine, leads, hints)
    let over: number | undefined
    void ended.then((status) => (over = status))
    return {
      ended,
      status: async () => {
        if (over === undefined && (await isConnected(machine)) === false) throw connectionLost(machine)
        return over === undefined ? 0 : judged(machine, over, caller)
      },
      close: async () => void (await Promise.all([closeLeads(machine, leads), held.release()])),
    }
  } catch (error) {
    await held.release()
    throw error
  }
}

/** A new socket here that leads to one there. Throws a Failure for what is not the path of one. */
export function socketLead({ host, sockets }: Machine, there: string): Lead {
  // What comes from there becomes a word of ours.
  if (!/^\/[^\p{Cc}:]{1,107}$/u.test(there)) throw new Failure(`${host} does not say where it serves`)
  return { here: path.join(sockets, `s${randomHex(7)}`), there }
}

/** So long the first bytes may take. */
const answerMs = 10_000

/** Throws a Failure where nothing comes from the other end, as where its sshd lets nothing through. */
export async function requireAnswer({ host }: Machine, socketPath: string): Promise<void> {
  const socket = await connectTo(socketPath)
  const answers = await new Promise<boolean>((resolve) => {
    socket
      .once('data', () => resolve(true))
      .once('close', () => resolve(false))
      .on('error', () => {})
    setTimeout(() => resolve(false), answerMs).unref()
  })
  socket.destroy()
  if (answers) return
  throw new Failure(`nothing comes through the connection to ${host}`, {
    hints: ['its sshd_config must let it: AllowStreamLocalForwarding yes, and no DisableForwarding'],
  })
}

const lookEveryMs = 20

/**
 * Runs a line there that prints something when it is ready, and leaves it running for as long as the connection is there; `leads` are
 * open meanwhile. Resolves when all is so, or the line has ended. Throws a Failure, with nothing left
 * behind, where the machine cannot be reached, or what is to be opened here is taken.
 */
export async function leaveThere(
  machine: Machine,
  words: readonly string[],
  { leads, hints }: { readonly leads: readonly Lead[]; readonly hints: readonly string[] },
  caller: Caller,
): Promise<Ended> {
  await connect(machine, caller)
  const own = (name: string): string => path.join(machine.sockets, `${name}${randomHex(6)}`)
  const [output, errors, input] = [own('o'), own('e'), own('i')]
  const fds = [open(output, 'new'), open(errors, 'new')] as const
  const { guard, reader } = await openFifo(input)
  try {
    // The end of its stdin would end it. When it has ended, for whatever reason, nothing is to lead there any more.
    const script = `${quoteWords(lineWords(machine, words))} <&3 2>&4; status=$?; [ ! -s /proc/self/fd/1 ] || ${quoteWords(closingWords(machine, leads))} >&4 2>&4; exit $status`
    const left = startDetached(['sh', '-c', script], { cwd: '/', output: fds[0], pass: [guard, fds[1]], env: ownEnvironment() })
    let status: number | undefined
    void left.ended.then((ended) => (status = ended))
    const saysNothing = (): boolean => status === undefined && !(readText(output) ?? '').includes('\n')
    try {
      while (saysNothing()) await pause(lookEveryMs, caller.signal)
      if (status === undefined) await openLeads(machine, leads, hints)
      else await judged(machine, status, caller)
      return { status, errors: readText(errors) ?? '' }
    } catch (error) {
      left.kill()
      throw error
    }
  } finally {
    for (const fd of [...fds, guard, reader]) close(fd)
    for (const file of [output, errors, input]) remove(file)
  }
}

function ownEnvironment(): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
}
