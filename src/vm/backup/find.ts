// Which backup is meant.
import { Failure } from '../../core/errors.js'
import { quote } from '../../core/quote.js'
import { quoteWord } from '../../core/words.js'
import { findFolder, requireDir, type BackupFolder } from './folder.js'
import { readBackups, readManifest, type Backup } from './manifest.js'
import { backupNames } from './folder.js'

/** The folder of a VM's backups. Throws a Failure where there is none, with `hint`. */
export function requireFolder(dir: string, id: string, hint?: string): BackupFolder {
  const folder = findFolder(dir, id)
  if (folder !== undefined) return folder
  requireDir(dir)
  throw new Failure(`there is no backup of ${id} in ${dir}`, {
    code: 'BACKUP_MISSING',
    hints: [`see what is there: ls ${quoteWord(dir)}`, ...(hint === undefined ? [] : [hint])],
  })
}

/** The newest backup whose name begins so: `20261128`; without that the newest of all. Throws a Failure where there is none. */
export function findBackup(folder: BackupFolder, when = ''): Backup {
  // One that is damaged can be named, and then it is told what is wrong with it.
  if (backupNames(folder).includes(when)) return { name: when, manifest: readManifest(folder, when) }
  const { backups } = readBackups(folder)
  const found = backups.findLast(({ name }) => name.startsWith(when))
  if (found !== undefined) return found
  const names = backups.map(({ name }) => name)
  throw new Failure(`there is no backup ${when === '' ? '' : `${quote(when)} `}in ${folder.path}`, {
    code: 'BACKUP_MISSING',
    hints: names.length === 0 ? [] : [`there are: ${names.slice(-5).join(' ')}`],
  })
}
