// What a VM is doing, found by looking: the lock says whether it runs, QEMU's journal what happened to it.
import { lastState, parseJournal, whyEnded, type Ending } from '../qemu/journal.js'
import { bootId } from '../sys/environment.js'
import { readTail, readText, stat } from '../sys/file.js'
import { isLocked, type LockedInodes } from '../sys/lock.js'
import { hasOpen } from '../sys/process.js'
import type { Drawer } from './drawer.js'

/** `busy`: somebody holds the lock and it is no QEMU: the VM is starting, or its drives are being worked on. */
export type State = 'running' | 'paused' | 'busy' | 'stopped'

/** Enough of a journal's end to hold the last events of any VM. */
const journalTailBytes = 64 * 1024

export interface Glance {
  readonly state: State
  /** QEMU's process number, where it runs. */
  readonly pid: number | undefined
}

/**
 * A quick look for lists. `locked` is the kernel's table of locks, read once for all: a VM that it misses looks stopped,
 * which is good enough to show and not good enough to act on (`isRunning` is).
 */
export function glance(drawer: Drawer, locked: LockedInodes): Glance {
  const lock = stat(drawer.lock)
  if (lock === undefined || !locked.has(lock.ino)) return { state: 'stopped', pid: undefined }
  const pid = qemuPid(drawer)
  if (pid === undefined) return { state: isLocked(drawer.lock) ? 'busy' : 'stopped', pid: undefined }
  return { state: lastState(parseJournal(readTail(drawer.events, journalTailBytes) ?? '')).state, pid }
}

/** Whether somebody holds the VM's lock: the truth, for whoever acts on it. */
export function isRunning(drawer: Drawer): boolean {
  return isLocked(drawer.lock)
}

/** The process that is this VM's QEMU beyond doubt: the number from the pidfile, if that process has the VM's lock open. */
export function qemuPid(drawer: Drawer): number | undefined {
  const lock = stat(drawer.lock)
  const pid = Number(readText(drawer.pid)?.trim())
  if (lock === undefined || !Number.isSafeInteger(pid) || pid <= 0) return undefined
  return hasOpen(pid, lock) ? pid : undefined
}

/** Why a VM that does not run any more is gone. */
export function endingOf(drawer: Drawer): Ending {
  return whyEnded(parseJournal(readText(drawer.events) ?? ''), { bootId: bootId() })
}
