import { Failure } from '../core/errors.js'
import { holderOf, tryLock } from '../sys/lock.js'
import { withQmp, type ConnectOptions } from './qmp.js'
import type { Qmp } from './qmpsession.js'

/** What takes long: the socket for it, the lock that goes with it, and what is done, `move foo`, for whoever comes second. */
export interface Job {
  readonly socket: string
  readonly lock: string
  readonly doing: string
}

/**
 * A session on the socket that is kept for what takes long: a migration, a block job, the stream of events. The short questions
 * of others go on meanwhile. Throws a Failure that says who has it when it is taken: QEMU would let a second client hang.
 */
export async function withJobs<T>(
  { socket, lock, doing }: Job,
  options: ConnectOptions,
  action: (qmp: Qmp) => Promise<T>,
): Promise<T> {
  const held = tryLock(lock, doing)
  if (held === undefined) throw taken(lock, doing)
  try {
    return await withQmp(socket, options, action)
  } finally {
    held.release()
  }
}

function taken(lock: string, doing: string): Failure {
  const holder = holderOf(lock)
  const who = holder === undefined ? 'another nbsvm' : `pid ${holder.pid} (${holder.doing})`
  const hints = holder === undefined ? [`see who: fuser -v ${lock}`] : [`wait for it, or end it: kill ${holder.pid}`]
  return new Failure(`cannot ${doing}: ${who} is at work on that VM`, { code: 'BUSY', hints })
}
