// What goes on there while this machine's nbsvm has something to do with it, or after it has ended.
import path from 'node:path'
import type { Caller } from '../core/caller.js'
import { quoteWords } from '../core/words.js'
import { monotonicMs, pause } from '../sys/clock.js'
import { environment } from '../sys/environment.js'
import { closeFifo, openFifos, readWaiting } from '../sys/fifo.js'
import { close, open, remove, rewrite } from '../sys/file.js'
import { hold, type Held } from '../sys/held.js'
import { startDetached } from '../sys/process.js'
import { randomHex } from '../sys/stamp.js'
import { connectionLost, judged } from './call.js'
import { cutAtMark, longestGreeting, mark, remoteCommand } from './command.js'
import { connect, isConnected, quiet, sshWords, type Machine } from './connection.js'
import { closeLeads, closingWords, openLeads, requireLeave, type Lead } from './leads.js'

/** A line that goes on there. */
function lineWords(machine: Machine, words: readonly string[]): string[] {
  const command = remoteCommand({ words, host: machine.host, terminals: [], isWatched: true, isMarked: true })
  return sshWords(machine, ['-T', ...quiet], [command])
}

/** What nbsvm there has said of errors: ssh, or the login, may have said something before. */
function errorsIn(stderr: string): string {
  const { before, after } = cutAtMark(stderr)
  return after ?? before
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
  const beganMs = monotonicMs()
  const held = await hold(lineWords(machine, words), { signal: caller.signal, after: mark })
  const { line, ended } = held
  const readyMs = monotonicMs() - beganMs
  if (line === undefined) return { status: await judged(machine, await ended, caller), errors: errorsIn(held.errors()) }
  try {
    const { leads, hints } = leadsTo(line)
    await openLeads(machine, leads, hints)
    await requireLeave(machine, leads, readyMs, caller)
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
  // Nobody reads what is said later: then these are full, and that machine waits.
  const [output, errors, input] = [own('o'), own('e'), own('i')]
  const [out, err, stdin] = await openFifos([output, errors, input])
  const isOpen = own('l')
  const flag = open(isOpen, 'new')
  try {
    // The end of its stdin would end it. When it has ended, for whatever reason, nothing is to lead there any more.
    const script = `${quoteWords(lineWords(machine, words))} <&3 2>&4; status=$?; [ ! -s /proc/self/fd/5 ] || ${quoteWords(closingWords(machine, leads))} >&4 2>&4; exit $status`
    const pass = [stdin.guard, err.guard, flag]
    const left = startDetached(['sh', '-c', script], { cwd: '/', output: out.guard, pass, env: ownEnvironment() })
    let status: number | undefined
    let said = ''
    void left.ended.then((ended) => (status = ended))
    const waits = (): boolean =>
      status === undefined &&
      !(cutAtMark((said = (said + readWaiting(output)).slice(0, 2 * longestGreeting))).after ?? '').includes('\n')
    try {
      const beganMs = monotonicMs()
      while (waits()) await pause(lookEveryMs, caller.signal)
      if (status === undefined) {
        rewrite(flag, 'open')
        await openLeads(machine, leads, hints)
        await requireLeave(machine, leads, monotonicMs() - beganMs, caller)
      } else await judged(machine, status, caller)
      return { status, errors: errorsIn(readWaiting(errors)) }
    } catch (error) {
      left.kill()
      throw error
    }
  } finally {
    for (const fifo of [out, err, stdin]) closeFifo(fifo)
    close(flag)
    for (const file of [output, errors, input, isOpen]) remove(file)
  }
}

function ownEnvironment(): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
}
