// How near a volume is to running full: a classic snapshot that does is lost, a full thin pool stops all its volumes.
import { Failure } from '../../core/errors.js'
import { formatSize } from '../../core/size.js'
import type { Health } from '../store.js'
import type { Group } from './group.js'
import type { Volume } from './volume.js'

/** From here on the user is warned, in percent. */
const fillingPercent = 80

/** How a volume stands. */
export function healthOf(group: Group, volume: Volume, volumes: readonly Volume[]): Health {
  const pool = volumes.find(({ name }) => name === volume.pool)
  if (volume.kind === 'snapshot') return snapshotHealth(group, volume)
  return pool === undefined ? fine : poolHealth(group, pool)
}

const fine: Health = { state: 'fine', words: '', hints: [] }

function snapshotHealth(group: Group, volume: Volume): Health {
  const { name, usedPercent = 0, ownBytes } = volume
  if (volume.invalid) {
    return {
      state: 'lost',
      usedPercent: 100,
      words: `snapshot ${name} ran full at ${formatSize(ownBytes)} and is invalid: what was in it is lost`,
      hints: ['remove it and make a new one, with a larger snapshot_size, or with none for as much as the origin has'],
    }
  }
  if (usedPercent < fillingPercent) return { ...fine, usedPercent }
  return {
    state: 'filling',
    usedPercent,
    words: `snapshot ${name} has used ${usedPercent} % of its ${formatSize(ownBytes)}; when it runs full it is lost`,
    hints: [`give it more: sudo lvextend -L +${formatSize(ownBytes)} ${group.vg}/${name}`],
  }
}

/** How a thin pool stands: the fuller of its data and its metadata decides. */
export function poolHealth(group: Group, pool: Volume): Health {
  const { name, ownBytes, health } = pool
  const data = pool.usedPercent ?? 0
  const metadata = pool.metadataPercent ?? 0
  const usedPercent = Math.max(data, metadata)
  const what = metadata > data ? 'room for metadata' : formatSize(ownBytes)
  const option = metadata > data ? `--poolmetadatasize +${formatSize(64 * 2 ** 20)}` : `-L +${formatSize(ownBytes)}`
  const hints = [`give it more: sudo lvextend ${option} ${group.vg}/${name}`]
  if (health !== '' || usedPercent >= 100) {
    const fault = health === '' ? '' : ` (${health})`
    return { state: 'full', usedPercent, words: `thin pool ${name} is full${fault}: writes to its volumes fail`, hints }
  }
  if (usedPercent < fillingPercent) return { ...fine, usedPercent }
  const words = `thin pool ${name} has used ${usedPercent} % of its ${what}; when it is full, writes to its volumes fail`
  return { state: 'filling', usedPercent, words, hints }
}

/** Refuses what is lost or has no room, and tells the user what soon will. */
export function checkHealth(health: Health, doing: string, onNote?: (text: string) => void): void {
  if (health.state === 'lost' || health.state === 'full')
    throw new Failure(`cannot ${doing}: ${health.words}`, { hints: health.hints })
  if (health.state === 'filling') onNote?.(`${health.words}; ${health.hints.join('; ')}`)
}
