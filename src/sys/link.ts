// Names of files that must be free: what is there is never overwritten.
import fs from 'node:fs'
import { errorCode } from '../core/errors.js'
import { lstat } from './file.js'

/** Gives a file one more name. Says false, and does nothing, where that name is taken already. */
export function linkNew(file: string, name: string): boolean {
  try {
    fs.linkSync(file, name)
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    throw error
  }
}

/**
 * Moves a file to a name that must be free: says false, and does nothing, where it is taken. In one step, but on file systems
 * without hard links (exFAT, some of FUSE and SMB), where the caller sees to it that nobody takes the name meanwhile.
 */
export function moveNew(file: string, name: string): boolean {
  try {
    if (!linkNew(file, name)) return false
  } catch (error) {
    if (!hasNoLinks(error)) throw error
    if (lstat(name) !== undefined) return false
    fs.renameSync(file, name)
    return true
  }
  try {
    fs.unlinkSync(file)
  } catch {
    // It has its name; the other one is a temporary's, which is swept one day.
  }
  return true
}

/** Whether the file system cannot give a file a second name: link(2) says EPERM there, but also ENOTSUP, ENOSYS, EMLINK. */
export function hasNoLinks(error: unknown): boolean {
  return ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(errorCode(error) ?? '')
}

/** Makes a symbolic link that leads to `target`, or leads it there anew: whoever looks finds the old one or the new one. */
export function setLink(target: string, file: string): void {
  const temporary = `${file}.${process.pid}`
  fs.symlinkSync(target, temporary)
  fs.renameSync(temporary, file)
}
