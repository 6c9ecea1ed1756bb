// How the pool stands: full, filling, or without word. Ceph counts what its disks hold; a pool has no room of its own.
import { list, object, text } from '../../core/check.js'
import type { Health } from '../store.js'
import { type Cluster, lookSeconds, read, tryAsk } from './rbdcall.js'

export interface PoolState {
  readonly isFull: boolean
  readonly isFilling: boolean
}

/** Asks the monitors; undefined where they do not answer. */
export async function poolState(cluster: Cluster): Promise<PoolState | undefined> {
  const words = ['ceph', 'osd', 'pool', 'ls', 'detail', '--format', 'json']
  const { status, stdout } = await tryAsk(cluster, words, { seconds: lookSeconds })
  return status === 0 ? read(`look at pool ${cluster.pool}`, stdout, (json) => parsePoolState(json, cluster.pool)) : undefined
}

/** The flags of a pool in what `ceph osd pool ls detail --format json` writes. */
export function parsePoolState(json: string, pool: string): PoolState {
  const pools = list(object({ pool_name: text, flags_names: text }))(JSON.parse(json), '')
  const flags = new Set(pools.find(({ pool_name }) => pool_name === pool)?.flags_names.split(','))
  return { isFull: flags.has('full') || flags.has('full_quota'), isFilling: flags.has('nearfull') }
}

/** The same for `status`. */
export async function poolHealth(cluster: Cluster): Promise<Health | undefined> {
  const state = await poolState(cluster)
  if (state === undefined) return undefined
  const { isFull, isFilling } = state
  const { pool } = cluster
  const hints = ['see what takes the room: ceph df']
  if (isFull) return { state: 'full', words: `pool ${pool} is full: its drives wait with every write`, hints }
  if (isFilling)
    return { state: 'filling', words: `pool ${pool} is nearly full; when it is, its drives wait with every write`, hints }
  return { state: 'fine', words: '', hints: [] }
}
