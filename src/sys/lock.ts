// Locks that live as long as somebody holds the descriptor: flock(2), taken by flock(1) because Node has no call for it.
// The lock belongs to the open file description, so it stays when flock(1) ends and goes to QEMU with the descriptor.
import { deadlineIn } from './clock.js'
import { close, list, open, readText, stat } from './file.js'
import { openers, run, runSync, tied } from './process.js'

/** `exclusive`: one holder alone. `shared`: many at once, and nobody who wants it exclusive. */
export type Hold = 'exclusive' | 'shared'

const flags: Record<Hold, string> = { exclusive: '-x', shared: '-s' }

export interface Lock {
  readonly fd: number
  /** Lets go, unless a child that inherited the descriptor still holds it. */
  release(): void
}

/** Takes the lock of a file, which is made where it is missing. Undefined when another holds it. */
export function tryLock(file: string): Lock | undefined {
  for (;;) {
    const fd = open(file, 'lock')
    if (!lockOpen(fd, 'exclusive')) {
      close(fd)
      return undefined
    }
    // Somebody may have removed the file between open and flock: a lock on a file without a name locks nothing.
    if (stat(file)?.ino === inode(fd)) return { fd, release: () => close(fd) }
    close(fd)
  }
}

/**
 * Takes a lock, waiting for it. Undefined when it is still held after `timeoutMs`. The kernel does the waiting, in a child:
 * many waiters that try again and again would keep this process from ever finishing what they wait for.
 */
export async function waitLock(file: string, timeoutMs: number, hold: Hold = 'exclusive'): Promise<Lock | undefined> {
  const deadline = deadlineIn(timeoutMs)
  for (;;) {
    const fd = open(file, 'lock')
    const { leftMs } = deadline
    const wait = () => run(tied(['flock', flags[hold], '3']), { pass: [fd], timeoutMs: Math.ceil(leftMs) })
    const isOurs = lockOpen(fd, hold) || (leftMs > 0 && (await wait()).status === 0)
    if (isOurs && stat(file)?.ino === inode(fd)) return { fd, release: () => close(fd) }
    close(fd)
    if (!isOurs) return undefined
  }
}

/** Takes the lock of a file that is open already. Says whether it did. */
function lockOpen(fd: number, hold: Hold): boolean {
  return runSync(['flock', '-n', flags[hold], '3'], [fd]) === 0
}

function inode(fd: number): number | undefined {
  return stat(`/proc/self/fd/${fd}`)?.ino
}

/**
 * Says whether somebody has the exclusive lock, by trying to share it for a moment: two who ask at once do not take each
 * other for the holder. The truth, for decisions.
 */
export function isLocked(file: string): boolean {
  if (stat(file) === undefined) return false
  const fd = open(file, 'read')
  try {
    return !lockOpen(fd, 'shared')
  } finally {
    close(fd)
  }
}

/**
 * The processes that hold the lock of a file, as far as we may see: the kernel says so of each open file (proc(5), fdinfo). What
 * a file says of its holder anybody may have written. Reads all of /proc: for messages.
 */
export function lockHolders(file: string): number[] {
  const stats = stat(file)
  if (stats === undefined) return []
  const held = new RegExp(`^lock:.*FLOCK .*:${stats.ino} `, 'm')
  const holds = (pid: number): boolean =>
    list(`/proc/${pid}/fdinfo`).some((fd) => held.test(readText(`/proc/${pid}/fdinfo/${fd}`) ?? ''))
  return openers(stats)
    .map(({ pid }) => pid)
    .filter(holds)
}

/** The inode numbers of all files that somebody holds a lock on. */
export type LockedInodes = ReadonlySet<number>

/**
 * Reads the kernel's table of locks once for a whole list (proc(5): `1: FLOCK ADVISORY WRITE 4711 fe:00:131 0 EOF`).
 * Only a hint: under heavy churn a read can miss a held lock, and an inode number may belong to another file system (the
 * device there is not what stat says on btrfs and overlayfs). `isLocked` and `hasOpen` tell the truth. The first reader
 * waits some 10 ms until the kernel has stopped all other users of the table.
 */
export function readLockedInodes(): LockedInodes {
  const inodes = new Set<number>()
  for (const match of (readText('/proc/locks') ?? '').matchAll(/FLOCK .*?:(\d+) \d+ \S+$/gm)) inodes.add(Number(match[1]))
  return inodes
}
