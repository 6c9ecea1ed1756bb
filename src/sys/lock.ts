// Locks that live as long as somebody holds the descriptor: flock(2), taken by flock(1) because Node has no call for it.
// The lock belongs to the open file description, so it stays when flock(1) ends and goes to QEMU with the descriptor.
import { deadlineIn, monotonicMs, type Deadline } from './clock.js'
import { close, list, open, readHead, readText, rewrite, stat } from './file.js'
import { hasOpen, openers, run, runSync, tied } from './process.js'

/** `exclusive`: one holder alone. `shared`: many at once, and nobody who has it exclusively. */
export type Hold = 'exclusive' | 'shared'

const flags: Record<Hold, string> = { exclusive: '-x', shared: '-s' }

export interface Lock {
  readonly fd: number
  /** Lets go, unless a child that inherited the descriptor still holds it; only once, however often it is called. */
  release(): void
}

/** Takes the lock of a file, which is made where it is missing. Undefined when another holds it. `doing` is for `holderOf`. */
export function tryLock(file: string, doing?: string): Lock | undefined {
  for (;;) {
    const fd = open(file, 'lock')
    if (!lockOpen(fd, 'exclusive')) {
      close(fd)
      return undefined
    }
    // Somebody may have removed the file between open and flock: a lock on a file without a name locks nothing.
    if (isNameOf(file, fd)) return held(fd, doing)
    close(fd)
  }
}

interface WaitOptions {
  readonly doing?: string
  readonly signal?: AbortSignal | undefined
}

/**
 * Takes a lock, waiting for it. Undefined when it is still held after `timeoutMs`. The kernel does the waiting, in a child:
 * many waiters that try again and again would keep this process from ever finishing what they wait for. `doing` is for `holderOf`.
 */
export async function waitLock(
  file: string,
  timeoutMs: number,
  hold: Hold = 'exclusive',
  { doing, signal }: WaitOptions = {},
): Promise<Lock | undefined> {
  const deadline = deadlineIn(timeoutMs)
  for (;;) {
    const fd = open(file, 'lock')
    let isOurs = false
    try {
      isOurs = lockOpen(fd, hold) || (await waitOpen(fd, hold, deadline, signal))
      if (isOurs && isNameOf(file, fd)) return held(fd, doing)
    } catch (error) {
      close(fd)
      throw error
    }
    close(fd)
    if (!isOurs) return undefined
  }
}

interface Joint {
  readonly hold: Hold
  readonly taken: Promise<Lock | undefined>
  readonly sinceMs: number
  holders: number
  /** Whether there were ever two holders at once. */
  isShared: boolean
}

/** By their files. */
const joints = new Map<string, Joint>()

/**
 * A lock that was shared is kept for so long after its last holder, as the next may come at once; but not when it was first taken this
 * long ago. One that a single holder had goes with it: who waits without letting the event loop run must not wait for itself.
 */
const lingerMs = 20
const longestLingerMs = 200

interface JoinOptions extends WaitOptions {
  /** It is for work of a millisecond, which a line about many VMs does again and again. */
  readonly lingers?: boolean
  /** What the last holder does before it lets go. */
  readonly atEnd?: () => void
}

/**
 * Like `waitLock`, of a lock that all who want it in this process hold together: one flock(1) for fifty VMs. So it keeps out other processes
 * only; who must be alone here too does what it is for without waiting for anything.
 */
export async function joinLock(
  file: string,
  timeoutMs: number,
  hold: Hold,
  options: JoinOptions = {},
): Promise<Lock | undefined> {
  const joint = joints.get(file)
  if (joint?.hold !== hold) return beginJoint(file, timeoutMs, hold, options)
  joint.holders++
  joint.isShared = true
  const lock = await joint.taken.catch(() => undefined)
  const seat = lock === undefined ? undefined : seatAt(joint, file, lock, options)
  if (seat !== undefined && isNameOf(file, seat.fd)) return seat
  forget(joint, file)
  seat?.release()
  return joinLock(file, timeoutMs, hold, options)
}

async function beginJoint(file: string, timeoutMs: number, hold: Hold, options: JoinOptions): Promise<Lock | undefined> {
  const taken = waitLock(file, timeoutMs, hold, options)
  const joint: Joint = { hold, taken, sinceMs: monotonicMs(), holders: 1, isShared: false }
  joints.set(file, joint)
  try {
    const lock = await joint.taken
    if (lock !== undefined) return seatAt(joint, file, lock, options)
  } catch (error) {
    forget(joint, file)
    throw error
  }
  forget(joint, file)
  return undefined
}

/** One holder's part of it. */
function seatAt(joint: Joint, file: string, lock: Lock, { lingers = false, atEnd }: JoinOptions): Lock {
  let isHeld = true
  const end = (): void => {
    if (joint.holders > 0) return
    forget(joint, file)
    atEnd?.()
    lock.release()
  }
  const release = (): void => {
    if (!isHeld) return
    isHeld = false
    joint.holders--
    if (lingers && joint.isShared && monotonicMs() - joint.sinceMs < longestLingerMs) setTimeout(end, lingerMs).unref()
    else end()
  }
  return { fd: lock.fd, release }
}

function forget(joint: Joint, file: string): void {
  if (joints.get(file) === joint) joints.delete(file)
}

/** The child ends with this process: one that was left behind would take the lock from whoever waits next. */
async function waitOpen(fd: number, hold: Hold, { leftMs }: Deadline, signal: AbortSignal | undefined): Promise<boolean> {
  if (leftMs <= 0) return false
  const waiting = { pass: [fd], timeoutMs: Math.ceil(leftMs), ...(signal === undefined ? {} : { signal }) }
  return (await run(tied(['flock', flags[hold], '3'], { isBrief: true }), waiting)).status === 0
}

function held(fd: number, doing: string | undefined): Lock {
  if (doing !== undefined) note(fd, `${process.pid} ${doing}\n`)
  let isHeld = true
  const release = (): void => {
    // Later the number may be another file's.
    if (!isHeld) return
    isHeld = false
    // While it is still ours: whoever has it next says so there too.
    if (doing !== undefined) note(fd, '')
    close(fd)
  }
  return { fd, release }
}

/** In the lock's own file, as who is attached to a console says it. */
function note(fd: number, text: string): void {
  try {
    rewrite(fd, text)
  } catch {
    // The disk is full, above all: the lock holds without a note.
  }
}

/** An nbsvm that has a lock. */
export interface Holder {
  readonly pid: number
  /** What for: `remove foo`. */
  readonly doing: string
}

/**
 * The nbsvm that has a lock and says so. Undefined when the one that said so last does not have it any more, cannot be seen, or is
 * another user's: a QEMU that its guest has taken over could write there too.
 */
export function holderOf(file: string): Holder | undefined {
  const lock = stat(file)
  const [, number, doing] = /^(\d+) (.+)/.exec(lock === undefined ? '' : (readHead(file, 300)?.toString('utf8') ?? '')) ?? []
  const pid = Number(number)
  if (lock === undefined || doing === undefined || stat(`/proc/${pid}`)?.uid !== lock.uid) return undefined
  return hasOpen(pid, lock) ? { pid, doing } : undefined
}

/** Takes the lock of a file that is open already. Says whether it did. */
function lockOpen(fd: number, hold: Hold): boolean {
  return runSync(['flock', '-n', flags[hold], '3'], [fd]) === 0
}

function isNameOf(file: string, fd: number): boolean {
  return stat(file)?.ino === stat(`/proc/self/fd/${fd}`)?.ino
}

/**
 * Says whether somebody has the lock exclusively, by trying to share it for a moment: two who ask at once do not take each
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
