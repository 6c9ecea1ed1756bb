// Folders that others may change, removed.
import fs from 'node:fs'
import path from 'node:path'
import { Failure } from '../core/errors.js'
import { list, lstat, orMissing, remove } from './file.js'

/** So deep may folders stand in each other that `removeTree` removes: nothing of ours is deeper than two. */
const deepestFolder = 64

/**
 * Removes a folder and all in it. Whoever owns it may change it meanwhile: each folder is entered by a descriptor and never
 * by a path, so that nothing outside is ever removed.
 */
export function removeTree(folder: string): void {
  emptyFolder(folder)
  removeFolder(folder)
}

/** Removes a folder in which nothing is; nothing is done where there is none. */
export function removeFolder(folder: string): void {
  orMissing(() => fs.rmdirSync(folder))
}

/** Removes all that is in a folder, in the same way. */
export function emptyFolder(folder: string, depth = 0): void {
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = fs.constants
  const fd = orMissing(() => fs.openSync(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW))
  if (fd === undefined) return
  try {
    const inside = `/proc/self/fd/${fd}`
    for (const name of list(inside)) {
      const entry = path.join(inside, name)
      if (lstat(entry)?.isDirectory() !== true) remove(entry)
      else if (depth < deepestFolder) {
        emptyFolder(entry, depth + 1)
        orMissing(() => fs.rmdirSync(entry))
      } else throw new Failure(`cannot remove ${fs.readlinkSync(inside)}: its folders are too deep`)
    }
  } finally {
    fs.closeSync(fd)
  }
}
