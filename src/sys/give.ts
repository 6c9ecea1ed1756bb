// A folder that another user may change, given to a third.
import fs from 'node:fs'
import path from 'node:path'
import { list, orMissing } from './file.js'

/**
 * Gives a folder, and the files in it, from its owner to another user; nothing is done where he has it. Only root can. Its owner
 * may have laid anything there: of files only his own are given, no link is followed, and folders in it are left as they are.
 */
export function giveFolder(folder: string, { uid, gid }: { readonly uid: number; readonly gid: number }): void {
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = fs.constants
  const fd = fs.openSync(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  try {
    const before = fs.fstatSync(fd)
    if (before.uid === uid && before.gid === gid) return
    const inside = `/proc/self/fd/${fd}`
    for (const name of list(inside)) {
      const entry = path.join(inside, name)
      if (orMissing(() => fs.lstatSync(entry))?.isFile() !== true) continue
      const file = fs.openSync(entry, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
      try {
        const stats = fs.fstatSync(file)
        // Another name of somebody else's file is in his folder by hard link.
        if (stats.isFile() && stats.uid === before.uid) fs.fchownSync(file, uid, gid)
      } finally {
        fs.closeSync(file)
      }
    }
    fs.fchownSync(fd, uid, gid)
  } finally {
    fs.closeSync(fd)
  }
}
