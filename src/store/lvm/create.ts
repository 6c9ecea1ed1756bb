import type { Drive } from '../../model/drive.js'
import { Failure } from '../../core/errors.js'
import type { Group } from './group.js'
import { checkHealth, poolHealth } from './health.js'
import { sweep } from './sweep.js'
import { makeDrive } from './unfinished.js'
import type { Volume } from './volume.js'

/** Makes the VM's next drive, empty: thin in the pool where one is set, else classic. */
export async function createDrive(group: Group, id: string, sizeBytes: number, onNote?: (text: string) => void): Promise<Drive> {
  const volumes = await sweep(group)
  const doing = `make the next drive of ${id}`
  const pool = group.pool === undefined ? undefined : findPool(group, group.pool, volumes)
  if (pool !== undefined) checkHealth(poolHealth(group, pool), doing, onNote)
  return makeDrive(group, id, volumes, { doing, create: newVolume(group, sizeBytes, pool) })
}

/** The lvcreate arguments of a new volume. lvm wipes the signatures that a classic one may find in its extents. */
export function newVolume({ vg }: Group, sizeBytes: number, pool: Volume | undefined): string[] {
  const size = `${Math.ceil(sizeBytes / 512) * 512}b`
  return pool === undefined ? ['--size', size, vg] : ['--virtualsize', size, '--thinpool', pool.name, vg]
}

/** The thin pool of that name. Throws a Failure that names those there are. */
export function findPool({ vg }: Group, name: string, volumes: readonly Volume[]): Volume {
  const pools = volumes.filter(({ kind }) => kind === 'pool')
  const found = pools.find((pool) => pool.name === name)
  if (found !== undefined) return found
  const others = pools.length === 0 ? 'it has none' : `it has ${pools.map((pool) => pool.name).join(', ')}`
  throw new Failure(`volume group ${vg} has no thin pool ${name}: ${others}`, {
    hints: [`make one: sudo lvcreate --type thin-pool -L 100G -n ${name} ${vg}`, `see them: sudo lvs ${vg}`],
  })
}
