import { Failure } from '../../core/errors.js'
import { deviceUsers } from '../../sys/block.js'
import type { Volume } from './volume.js'

/** Refuses to touch a volume that somebody has open, and names who. */
export function refuseInUse(volume: Volume, doing: string): void {
  if (!volume.open) return
  const users = deviceUsers(volume.path)
  const words = users.length === 0 ? 'in use by another process' : users.join(', ')
  throw new Failure(`cannot ${doing}: ${volume.name} is ${words}`, { hints: hintsFor(volume, users) })
}

function hintsFor({ path }: Volume, users: readonly string[]): string[] {
  if (users.some((user) => user.startsWith('mounted'))) return [`take it off the host first: umount ${path}`]
  return [`see who has it: sudo fuser -v ${path}`]
}
