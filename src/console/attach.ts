// Joining a terminal, or pipes, to a socket of a VM.
import { Failure } from '../core/errors.js'
import { readLink } from '../sys/file.js'
import { lockHolders, tryLock } from '../sys/lock.js'
import { hangupStatus, isTerminal } from '../sys/output.js'
import { throughPipes } from './pipes.js'
import { openConnection, type Attachment, type Connection, type End } from './relay.js'
import { onTerminal } from './session.js'

/**
 * Joins this terminal, or stdin and stdout where stdin is none, to a VM's socket. Nothing is sent to the guest but what
 * comes in. Throws a Failure that tells who has it when another nbsvm is attached (QEMU serves one client a socket and lets
 * others hang), one when nobody listens on the socket, and one when the terminal has gone.
 */
export async function attach(attachment: Attachment): Promise<'left' | 'gone'> {
  const { id, kind, lockPath } = attachment
  const lock = tryLock(lockPath)
  if (lock === undefined) throw attachedAlready(attachment)
  try {
    const connection = await reach(attachment)
    const how: End = await (isTerminal(0) ? onTerminal(attachment, connection) : throughPipes(attachment, connection))
    if (how === 'hung up') throw new Failure(`the terminal at ${id}'s ${kind} has hung up`, { exitStatus: hangupStatus })
    if (how === 'gone') attachment.note(`${id} has ended`)
    else if (isTerminal(0)) attachment.note(`left ${id}'s ${kind}`)
    return how
  } finally {
    lock.release()
  }
}

/** Says who by looking who holds the lock, as far as we may see. */
export function attachedAlready({ id, kind, lockPath }: Pick<Attachment, 'id' | 'kind' | 'lockPath'>): Failure {
  const holders = lockHolders(lockPath)
  const who = holders.map((pid) => `pid ${pid}${terminalOf(pid)}`).join(', ') || 'a process that we may not look at'
  const hints = ['leave it there with Ctrl-]', ...holders.map((pid) => `or end that one: kill ${pid}`)]
  return new Failure(`${id}'s ${kind} is attached already, by ${who}`, { code: 'CONSOLE_BUSY', hints })
}

/** ` on pts/3`; nothing where it has none. */
function terminalOf(pid: number): string {
  const name = /^\/dev\/(pts\/\d+|tty\w+)$/.exec(readLink(`/proc/${pid}/fd/0`) ?? '')?.[1]
  return name === undefined ? '' : ` on ${name}`
}

/** Connects to the socket. Throws a Failure when nobody listens there. */
export async function reach({ id, kind, socketPath }: Pick<Attachment, 'id' | 'kind' | 'socketPath'>): Promise<Connection> {
  try {
    return await openConnection(socketPath)
  } catch (error) {
    throw new Failure(`cannot attach to ${id}'s ${kind}: nobody listens on ${socketPath}`, {
      code: 'VM_NOT_RUNNING',
      cause: error,
      hints: [`does it run? nbsvm ${id} status`],
    })
  }
}
