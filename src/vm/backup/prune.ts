// Backups that go, and chunks that no backup needs any more.
import type { Caller } from '../../core/caller.js'
import { Failure, messageOf } from '../../core/errors.js'
import { findFolder, hasLeftovers, putAside, sweepFolder, withFolder, type BackupFolder } from './folder.js'
import { readBackups, readIndex, type Backup } from './manifest.js'
import { findBackup, requireFolder } from './find.js'

/** Removes what somebody who was killed has left, and chunks that nobody needs. The folder's lock is held. */
export function sweepBackups(folder: BackupFolder, note: Caller['note']): void {
  if (!hasLeftovers(folder)) return
  try {
    sweepFolder(folder, neededChunks(folder))
  } catch (error) {
    note?.(`what is left of backups that were cut off stays in ${folder.path}: ${messageOf(error)}`)
  }
}

/** Throws a Failure where a backup cannot be read: which chunks it needs nobody knows then. */
function neededChunks(folder: BackupFolder): Set<string> {
  const { backups, damaged } = readBackups(folder)
  const [first] = damaged
  if (first !== undefined)
    throw new Failure(`no chunk is removed as long as the backup ${first.name} is damaged: ${first.fault}`, {
      code: 'BACKUP_DAMAGED',
      hints: [`if it is not needed: rm -r ${folder.path}/${first.name}`],
    })
  const needed = new Set<string>()
  for (const { name, manifest } of backups)
    for (const drive of manifest.drives) for (const { hex } of readIndex(folder, name, drive).chunks) needed.add(hex)
  return needed
}

/** Keeps the newest backups, so many; all others go. Returns their names. */
export async function pruneBackups(dir: string, id: string, keep: number, caller: Caller): Promise<string[]> {
  const folder = findFolder(dir, id)
  if (folder === undefined) return []
  return withFolder(folder, { doing: `remove backups of ${id}`, hold: 'exclusive', signal: caller.signal }, async () => {
    const { backups } = readBackups(folder)
    return removeThem(folder, backups.slice(0, Math.max(0, backups.length - keep)), caller)
  })
}

/** Removes one backup. All others stay as they are. */
export async function removeBackup(dir: string, id: string, when: string, caller: Caller): Promise<string> {
  const folder = requireFolder(dir, id)
  return withFolder(folder, { doing: `remove a backup of ${id}`, hold: 'exclusive', signal: caller.signal }, async () => {
    const backup = findBackup(folder, when)
    removeThem(folder, [backup], caller)
    return backup.name
  })
}

function removeThem(folder: BackupFolder, backups: readonly Backup[], { note }: Caller): string[] {
  for (const { name } of backups) putAside(folder, name)
  sweepBackups(folder, note)
  return backups.map(({ name }) => name)
}
