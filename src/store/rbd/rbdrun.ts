// What the pool itself knows of a VM: which machine runs it, since when, and as whom Ceph sees it; and of one that starts, so that of two
// machines that start one VM at the same moment one is refused.
import { asObject, integer, list, object, text } from '../../core/check.js'
import { Failure } from '../../core/errors.js'
import { machineName } from '../../sys/environment.js'
import { fateOf, processMark } from '../../sys/mark.js'
import type { LastRun } from '../store.js'
import { ask, type Cluster, exitOf, read, tryAsk } from './rbdcall.js'

/** A QEMU that has drives of the pool, as who started it wrote it down. */
export interface Run extends LastRun {
  /** As whom Ceph sees it. */
  readonly addresses: readonly string[]
}

const runObject = (id: string): string => `nbsvm_run.${id}`

/** Writes down who runs a VM, for those whom it refuses. */
export async function noteRun(cluster: Cluster, id: string, { pid, addresses }: { pid: number; addresses: readonly string[] }) {
  const run: Run = { host: machineName(), mark: processMark(pid), sinceMs: Date.now(), addresses }
  const words = ['rados', '--pool', cluster.pool, 'put', runObject(id), '-']
  await ask(cluster, `write down who runs ${id}`, words, { input: JSON.stringify(run) })
}

/** Who has run a VM last; undefined where nobody knows. */
export async function lastRun(cluster: Cluster, id: string): Promise<Run | undefined> {
  const result = await tryAsk(cluster, ['rados', '--pool', cluster.pool, 'get', runObject(id), '-'])
  if (result.status !== 0) return undefined
  try {
    return object({ host: text, mark: text, sinceMs: integer, addresses: list(text) })(JSON.parse(result.stdout), '')
  } catch {
    return undefined
  }
}

/** Forgets it, with the VM's last drive. */
export async function forgetRun(cluster: Cluster, id: string): Promise<void> {
  await tryAsk(cluster, ['rados', '--pool', cluster.pool, 'rm', runObject(id)])
}

/** Longer than any start takes; the cluster itself ends a lease that is older. */
const leaseSeconds = 120

const leaseObject = (id: string): string => `nbsvm_start.${id}`

const leaseLock = 'nbsvm'

/** Holds a VM's start. Throws a Failure when another machine, or another place of this one, starts it. Returns what ends it. */
export async function takeLease(cluster: Cluster, id: string): Promise<() => Promise<void>> {
  const doing = `start ${id}`
  const about = ['--pool', cluster.pool, 'lock']
  const how = ['--lock-cookie', cluster.mark, '--lock-duration', String(leaseSeconds), '--lock-description', machineName()]
  const get = ['rados', ...about, 'get', leaseObject(id), leaseLock, ...how]
  const taken = await tryAsk(cluster, get)
  if (taken.status !== 0 && !/\(16\)/.test(taken.stderr)) await ask(cluster, doing, get)
  if (taken.status !== 0) {
    const holder = await holderOf(cluster, doing, id)
    if (holder !== undefined && fateOf(holder.cookie) !== 'ended') throw refused(doing, holder)
    if (holder !== undefined) {
      const whose = [leaseObject(id), leaseLock, holder.name, '--lock-cookie', holder.cookie]
      await tryAsk(cluster, ['rados', ...about, 'break', ...whose])
    }
    await ask(cluster, doing, get)
  }
  const takenMs = Date.now()
  return async () => {
    // It may be another's by now.
    if (Date.now() - takenMs < (leaseSeconds - 20) * 1000) {
      await tryAsk(cluster, ['rados', '--pool', cluster.pool, 'rm', leaseObject(id)])
    }
  }
}

interface Holder {
  readonly name: string
  readonly cookie: string
  readonly description: string
}

async function holderOf(cluster: Cluster, doing: string, id: string): Promise<Holder | undefined> {
  const info = await tryAsk(cluster, ['rados', '--pool', cluster.pool, 'lock', 'info', leaseObject(id), leaseLock])
  if (info.status === exitOf.denied || info.status === exitOf.missing) return undefined
  return read(doing, info.stdout, (json) => {
    const { lockers } = asObject(JSON.parse(json)) ?? {}
    return list(object({ name: text, cookie: text, description: text }))(lockers ?? [], 'lockers')[0]
  })
}

function refused(doing: string, { description }: Holder): Failure {
  return new Failure(`cannot ${doing}: it is being started on ${description || 'another machine'}`, {
    code: 'BUSY',
    hints: [`if that has died meanwhile: this ends by itself after ${leaseSeconds} s`],
  })
}
