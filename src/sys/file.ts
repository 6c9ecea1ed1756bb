// Files, as nbsvm needs them: absence is a value, not an exception, and whatever is written appears whole or not at all.
import fs from 'node:fs'
import path from 'node:path'
import { errorCode } from '../core/errors.js'
import { named } from './named.js'

export type Stats = fs.Stats

/** Runs a file operation; a missing file or folder gives undefined instead of an error. */
export function orMissing<T>(operation: () => T): T | undefined {
  try {
    return operation()
  } catch (error) {
    const code = errorCode(error)
    // ESRCH: what /proc says of a process that has just ended.
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ESRCH') return undefined
    throw error
  }
}

/** The text of a file, or undefined when there is none. */
export function readText(file: string): string | undefined {
  return orMissing(() => fs.readFileSync(file, 'utf8'))
}

/**
 * The text of a regular file of at most `mostBytes`; undefined when there is none. Whatever stands at the path, this does not
 * wait: pipes and devices are not opened, and what the kernel makes up while it is read (/proc/kmsg) is cut off. Throws an
 * Error that says why it is not read.
 */
export function readRegular(file: string, mostBytes: number): string | undefined {
  return readBytes(file, mostBytes)?.toString('utf8')
}

/** The same as bytes. */
export function readBytes(file: string, mostBytes: number): Buffer | undefined {
  const { O_RDONLY, O_NONBLOCK, O_NOCTTY } = fs.constants
  const found = stat(file)
  if (found === undefined) return undefined
  if (!found.isFile()) throw new Error('it is not a regular file')
  return orMissing(() => {
    const fd = fs.openSync(file, O_RDONLY | O_NONBLOCK | O_NOCTTY)
    try {
      // It may have been replaced since.
      if (!fs.fstatSync(fd).isFile()) throw new Error('it is not a regular file')
      const bytes = fillFrom(fd, Buffer.alloc(Math.min(found.size, mostBytes) + 1), mostBytes + 1)
      if (bytes.length > mostBytes) throw new Error(`it is larger than ${mostBytes / 1024}K`)
      return bytes
    } finally {
      fs.closeSync(fd)
    }
  })
}

/** Reads a descriptor to its end, or up to `mostBytes`; the buffer is one byte larger than what is expected. */
function fillFrom(fd: number, buffer: Buffer, mostBytes: number): Buffer {
  let space = buffer
  let filled = 0
  for (;;) {
    const got = fs.readSync(fd, space, filled, space.length - filled, null)
    filled += got
    if (got === 0 || filled >= mostBytes) return space.subarray(0, filled)
    if (filled === space.length) space = Buffer.concat([space], Math.min(2 * space.length, mostBytes))
  }
}

/** The first `length` bytes of a file (fewer when it is shorter), or undefined when there is none. */
export function readHead(file: string, length: number, offset = 0): Buffer | undefined {
  return orMissing(() => {
    const fd = fs.openSync(file, 'r')
    try {
      return readOpen(fd, length, offset)
    } finally {
      fs.closeSync(fd)
    }
  })
}

/** `length` bytes of an open file from `offset` on; fewer where it ends. */
export function readOpen(fd: number, length: number, offset: number): Buffer {
  const buffer = Buffer.alloc(length)
  let filled = 0
  for (let got = -1; got !== 0 && filled < length; filled += got) {
    got = fs.readSync(fd, buffer, filled, length - filled, offset + filled)
  }
  return buffer.subarray(0, filled)
}

/** The last `length` bytes of a file as text, or undefined when there is none. A first line that was cut is left out. */
export function readTail(file: string, length: number): string | undefined {
  const size = stat(file)?.size
  if (size === undefined) return undefined
  const text = readHead(file, Math.min(size, length), Math.max(0, size - length))?.toString('utf8') ?? ''
  return size > length ? text.slice(text.indexOf('\n') + 1) : text
}

/** Replaces a file as a whole: readers see the old text or the new, never a part, also after a crash. */
export function writeWhole(file: string, text: string | Buffer, mode = 0o600): void {
  const temporary = `${file}.${process.pid}.tmp`
  const fd = fs.openSync(
    temporary,
    fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_TRUNC | fs.constants.O_NOFOLLOW,
    mode,
  )
  try {
    try {
      named(file, () => (fs.writeFileSync(fd, text), fs.fsyncSync(fd)))
    } finally {
      fs.closeSync(fd)
    }
    fs.renameSync(temporary, file)
  } catch (error) {
    // A full disk, above all: nothing half-written stays.
    fs.rmSync(temporary, { force: true })
    throw error
  }
}

/** Adds text at the end of a file that exists or is made. */
export function appendText(file: string, text: string): void {
  const fd = open(file, 'append')
  try {
    named(file, () => fs.writeFileSync(fd, text))
  } finally {
    fs.closeSync(fd)
  }
}

/** The names in a folder, sorted; none when there is no such folder. */
export function list(folder: string): string[] {
  return (orMissing(() => fs.readdirSync(folder)) ?? []).toSorted()
}

/** The names of the folders in a folder, links to folders not among them; none when there is no such folder. */
export function listFolders(folder: string): string[] {
  const entries = orMissing(() => fs.readdirSync(folder, { withFileTypes: true })) ?? []
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
}

/** What the path leads to, links followed, or undefined when there is nothing. */
export function stat(file: string): Stats | undefined {
  return orMissing(() => fs.statSync(file, { throwIfNoEntry: false }))
}

/** What stands at the path itself, links not followed, or undefined when there is nothing. */
export function lstat(file: string): Stats | undefined {
  return orMissing(() => fs.lstatSync(file, { throwIfNoEntry: false }))
}

/** Makes a folder that only its owner can enter, and its parents where they are missing. */
export function makePrivateFolder(folder: string): void {
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
}

/** Removes a file; says whether there was one. */
export function remove(file: string): boolean {
  return orMissing(() => (fs.unlinkSync(file), true)) ?? false
}

/** Moves a file over whatever had the name, in one step. */
export function rename(from: string, to: string): void {
  fs.renameSync(from, to)
}

/** What a file takes on the disk: holes take nothing. 0 for one that is not there. */
export function bytesOnDisk(found: Stats | undefined): number {
  // Blocks of stat(2) have 512 bytes, whatever the file system.
  return 512 * (found?.blocks ?? 0)
}

/** Makes what was renamed, linked or removed in a folder survive a power cut. */
export function syncFolder(folder: string): void {
  const fd = fs.openSync(folder, 'r')
  try {
    named(folder, () => fs.fsyncSync(fd))
  } finally {
    fs.closeSync(fd)
  }
}

/** Makes a file's bytes survive a power cut. */
export function syncFile(file: string): void {
  syncFolder(file)
}

/** Sets who may do what with a file: `0o400`. */
export function setMode(file: string, mode: number): void {
  fs.chmodSync(file, mode)
}

/** Whether a block device is mounted or otherwise claimed by the kernel: then an exclusive open is refused with EBUSY. */
export function isClaimed(device: string): boolean {
  try {
    fs.closeSync(fs.openSync(device, fs.constants.O_RDONLY | fs.constants.O_EXCL))
    return false
  } catch (error) {
    if (errorCode(error) === 'EBUSY') return true
    throw error
  }
}

/**
 * Opens a file for a child process or a lock. `new` fails where the name is taken; nothing follows a symbolic link.
 * Returns the descriptor; `close` gives it back.
 */
export function open(file: string, how: 'read' | 'write' | 'append' | 'truncate' | 'new' | 'lock' | 'fifo'): number {
  const { O_RDONLY, O_RDWR, O_WRONLY, O_CREAT, O_APPEND, O_TRUNC, O_EXCL, O_NOFOLLOW } = fs.constants
  const flags = {
    read: O_RDONLY,
    write: O_RDWR,
    append: O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW,
    truncate: O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW,
    new: O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW,
    lock: O_RDWR | O_CREAT | O_NOFOLLOW,
    // One that somebody reads.
    fifo: O_WRONLY | O_NOFOLLOW,
  }[how]
  return fs.openSync(file, flags, 0o600)
}

/** Names a file or folder without opening it; a symbolic link is followed only on request. */
export function openPath(file: string, how?: 'follow'): number {
  // Node has no name for O_PATH.
  return fs.openSync(file, 0o10000000 | (how === 'follow' ? 0 : fs.constants.O_NOFOLLOW))
}

/** What a descriptor leads to. */
export function statOpen(fd: number): Stats {
  return fs.fstatSync(fd)
}

/** Gives what a descriptor of `openPath` names to another user. Only root can. */
export function giveOpen(fd: number, { uid, gid }: { readonly uid: number; readonly gid: number }): void {
  fs.chownSync(`/proc/self/fd/${fd}`, uid, gid)
}

/** Sets who may do what with what a descriptor of `openPath` names. */
export function setModeOpen(fd: number, mode: number): void {
  fs.chmodSync(`/proc/self/fd/${fd}`, mode)
}

export function close(fd: number): void {
  fs.closeSync(fd)
}

/** Copies a file by reference (reflink), in no time. Says false where the file system cannot. */
export function reflink(from: string, to: string): boolean {
  try {
    fs.copyFileSync(from, to, fs.constants.COPYFILE_FICLONE_FORCE | fs.constants.COPYFILE_EXCL)
    return true
  } catch (error) {
    const code = errorCode(error)
    if (code === 'EEXIST' || code === 'ENOENT' || code === 'EACCES' || code === 'ENOSPC') throw error
    // libuv leaves the empty file that it made for the copy.
    fs.rmSync(to, { force: true })
    return false
  }
}

/** Copies a small file. Fails where the name is taken. */
export function copyNew(from: string, to: string): void {
  fs.copyFileSync(from, to, fs.constants.COPYFILE_EXCL)
}

export function readLink(file: string): string | undefined {
  return orMissing(() => fs.readlinkSync(file))
}

/** The path with every link followed, or undefined when it leads nowhere. */
export function realPath(file: string): string | undefined {
  return orMissing(() => fs.realpathSync.native(file))
}

/** Bytes that an ordinary user can still write on the file system of a path. */
export function freeBytes(folder: string): number {
  const { bavail, bsize } = fs.statfsSync(folder)
  return bavail * bsize
}

/** The full path of a file that a relative name leads to from the folder we are in; undefined for any other name. */
export function hereFull(name: string): string | undefined {
  return path.isAbsolute(name) || !fs.existsSync(name) ? undefined : path.resolve(name)
}

/** Whether we may read and write a file or device. */
export function canOpen(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.R_OK | fs.constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** Finds a program: a path as it is, a bare name in `searchPath`. Undefined when it is not there or may not be run. */
export function findProgram(name: string): string | undefined {
  const places = name.includes('/') ? [path.resolve(name)] : searchPath().map((folder) => path.join(folder, name))
  return places.find(isProgram)
}

/**
 * The folders that programs are found in: `PATH`, then those of the system's own programs (lvm, ip, losetup), which a user's
 * `PATH` lacks on Debian. What nbsvm runs is run with the same.
 */
export function searchPath(): string[] {
  const folders = (process.env['PATH'] || '/usr/bin:/bin').split(':')
  return [...folders, ...['/usr/sbin', '/sbin'].filter((folder) => !folders.includes(folder))]
}

function isProgram(file: string): boolean {
  try {
    // First what throws nothing: most folders of PATH do not have it.
    if (fs.statSync(file, { throwIfNoEntry: false })?.isFile() !== true) return false
    fs.accessSync(file, fs.constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Writes a file in place: for what is locked, where a new file would not be, or what a crash may have half. */
export function writeInto(file: string, text: string): void {
  const fd = open(file, 'truncate')
  try {
    named(file, () => fs.writeFileSync(fd, text))
  } finally {
    fs.closeSync(fd)
  }
}

/** Replaces what is in an open file. */
export function rewrite(fd: number, text: string): void {
  fs.ftruncateSync(fd)
  fs.writeSync(fd, text, 0)
}

/** A name for a file of our own in the system's folder for temporary files. */
export function temporaryName(prefix: string): string {
  const { tmpdir } = process.getBuiltinModule('node:os')
  return path.join(tmpdir(), `${prefix}-${process.pid}-${Math.random().toString(36).slice(2)}`)
}

/** Makes a new file with these bytes; fails where the name is taken. */
export function writeBytes(file: string, bytes: Buffer, mode = 0o600): void {
  fs.writeFileSync(file, bytes, { flag: 'wx', mode })
}

/** Gives a file or folder to another user; a symbolic link is not followed. Only root can. */
export function giveTo(file: string, { uid, gid }: { readonly uid: number; readonly gid: number }): void {
  fs.lchownSync(file, uid, gid)
}
