// How the pool stands: full, filling, or without word. Ceph counts what its disks hold; a pool has no room of its own.
import type { Health } from '../store.js'
import { type Cluster, poolState } from './rbdcall.js'

/** How it stands, for `status`; undefined where the monitors do not answer. */
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
