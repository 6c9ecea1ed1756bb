import { Failure } from '../core/errors.js'
import { readLink, readText, writeInto } from '../sys/file.js'
import { tryLock, type Lock } from '../sys/lock.js'
import { isTerminal } from '../sys/output.js'
import { ownPid } from '../sys/self.js'
import type { Detached } from './ending.js'
import { openInlet, type Attachment, type Inlet } from './inlet.js'
import { throughPipes } from './pipes.js'
import { onTerminal } from './session.js'

const tendMs = 30_000

/**
 * Joins this terminal, or stdin and stdout where stdin is none, to a VM's socket. Nothing is sent to the guest but what
 * comes in. Throws a Failure that tells who has it when another nbsvm is attached (QEMU serves one client a socket and lets
 * others hang), and one when nobody listens on the socket.
 */
export async function attach(attachment: Attachment): Promise<Detached> {
  const { id, kind, lockPath, tend } = attachment
  const lock = tryLock(lockPath)
  if (lock === undefined) throw attachedAlready(attachment)
  const timer = tend === undefined ? undefined : setInterval(tend, tendMs)
  try {
    sayWhoHasIt(lockPath, whoWeAre())
    const inlet = await reach(attachment)
    const how = await (isTerminal(0) ? onTerminal(attachment, inlet) : throughPipes(attachment, inlet))
    if (how === 'gone') attachment.note(`${id} has ended`)
    else if (isTerminal(0)) attachment.note(`left ${id}'s ${kind}`)
    return how
  } finally {
    clearInterval(timer)
    letGo(lock, lockPath)
  }
}

function attachedAlready({ id, kind, lockPath }: Attachment): Failure {
  const holder = readText(lockPath)?.trim() || 'another nbsvm'
  const pid = /^pid (\d+)/.exec(holder)?.[1]
  const hints = ['leave it there with Ctrl-]', ...(pid === undefined ? [] : [`or end that one: kill ${pid}`])]
  return new Failure(`${id}'s ${kind} is attached already: ${holder}`, { hints })
}

/** `pid 4711 on pts/3 since 2026-11-24 10:32` */
function whoWeAre(): string {
  const terminal = isTerminal(0) ? readLink('/proc/self/fd/0')?.replace('/dev/', '') : undefined
  const now = new Date()
  const local = new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString().slice(0, 16).replace('T', ' ')
  return `pid ${ownPid}${terminal === undefined ? '' : ` on ${terminal}`} since ${local}\n`
}

/** The lock alone decides who is attached, but what its file says of us is true no more. */
function letGo(lock: Lock, lockPath: string): void {
  sayWhoHasIt(lockPath, '')
  lock.release()
}

function sayWhoHasIt(lockPath: string, who: string): void {
  try {
    writeInto(lockPath, who)
  } catch {
    // The disk is full, or the drawer was removed meanwhile: no reason to keep anybody from the console.
  }
}

async function reach({ id, kind, socketPath }: Attachment): Promise<Inlet> {
  try {
    return await openInlet(socketPath)
  } catch (error) {
    throw new Failure(`cannot attach to ${id}'s ${kind}: nobody listens on ${socketPath}`, {
      cause: error,
      hints: [`does it run? nbsvm ${id} status`],
    })
  }
}
