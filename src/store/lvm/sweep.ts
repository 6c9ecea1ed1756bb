import { parseDriveName } from '../../core/name.js'
import { hasEnded } from '../../sys/mark.js'
import { tryLvm, type Group } from './group.js'
import { baseTag, isBaseName, isTemporaryName, makerOf, unfinishedTag } from './name.js'
import { untag } from './unfinished.js'
import { listVolumes, snapshotsOf, type Volume } from './volume.js'

/**
 * Removes what killed commands left behind: half-made volumes whose maker has ended, and bases that no snapshot needs any
 * more. What is in use is left for the next time. Returns the volumes that are there afterwards.
 */
export async function sweep(group: Group): Promise<Volume[]> {
  const volumes = await listVolumes(group)
  const commands = volumes.map((volume) => cleaning(group, volume, volumes)).filter((command) => command !== undefined)
  for (const command of commands) await tryLvm(group, command)
  return commands.length === 0 ? volumes : listVolumes(group)
}

/** The command that a leftover needs, or undefined for what is none. */
function cleaning(group: Group, volume: Volume, volumes: readonly Volume[]): string[] | undefined {
  const { name, tags, open } = volume
  if (!open && isUnneeded(volume, volumes)) return ['lvremove', '--force', `${group.vg}/${name}`]
  const maker = leftBy(tags)
  return maker !== undefined && parseDriveName(name) !== undefined ? untag(group, name, maker) : undefined
}

function isUnneeded(volume: Volume, volumes: readonly Volume[]): boolean {
  const { name, tags } = volume
  if (isTemporaryName(name)) return leftBy(tags) !== undefined
  return isBaseName(name) && tags.includes(baseTag) && snapshotsOf(volume, volumes).length === 0
}

/** The mark of the process that left a volume unfinished; undefined while it may still be at work. */
function leftBy(tags: readonly string[]): string | undefined {
  const maker = makerOf(tags)
  return tags.includes(unfinishedTag) && maker !== undefined && hasEnded(maker) ? maker : undefined
}
