// What a VM is doing, found by looking: the lock says whether it runs, QEMU's journal what happened to it.
import { lastState, parseJournal, whyEnded, type Ending, type Journal, type Started } from '../../qemu/journal.js'
import { olderOf } from '../../qemu/keeper.js'
import { bootId } from '../../sys/environment.js'
import { readTail, readText, stat } from '../../sys/file.js'
import { holderOf, isLocked } from '../../sys/lock.js'
import { hasOpen } from '../../sys/process.js'
import { isAdopted, readAdded } from './added.js'
import type { Drawer } from './drawer.js'

/** `busy`: somebody holds the lock and it is no QEMU: the VM is starting, or its drives are being worked on. */
export type State = 'running' | 'paused' | 'busy' | 'stopped'

/** Enough of a journal's end: the log keeper keeps only events that change a VM's state, and the last of them tells it. */
const journalTailBytes = 64 * 1024

export interface Glance {
  readonly state: State
  /** QEMU's process number, where it runs and can be seen. */
  readonly pid: number | undefined
  /** What is known of a VM that runs: since when it is in this state, and what it was started with. */
  readonly running?: { readonly sinceMs: number | undefined; readonly started: Started | undefined }
}

/**
 * A quick look for lists: whether the VM's QEMU is there. A VM that is just starting looks stopped, which is good enough
 * to show and not good enough to act on (`isRunning` is). /proc/locks would show every lock at once, and its first reader
 * waits 10 ms for the kernel.
 */
export function glance(drawer: Drawer): Glance {
  if (stat(drawer.pid) === undefined) return { state: 'stopped', pid: undefined }
  const pid = qemuPid(drawer)
  const journal = journalOf(drawer)
  const { state, detail, sinceMs } = lastState(journal)
  // What cannot be seen may be there: in another pid namespace, or behind a /proc that is hidden. The lock tells; it is asked, for
  // some milliseconds, only where the journal does not say that the VM or its host went down.
  const isOver = detail === 'shutdown' || (journal.started !== undefined && journal.started.bootId !== bootId())
  if (pid === undefined && (isOver || !isRunning(drawer))) return { state: 'stopped', pid }
  if (pid === undefined && isBusy(drawer)) return { state: 'busy', pid }
  return { state, pid, running: { sinceMs, started: journal.started } }
}

/**
 * Whether somebody holds the VM's lock: the truth, for whoever acts on it. A QEMU that was started by hand has no part in the
 * lock, and runs on where the process that holds it for that QEMU was killed.
 */
export function isRunning(drawer: Drawer): boolean {
  return isLocked(drawer.lock) || runsUnheld(drawer)
}

/** Whether a QEMU that was started by hand is there, which may be without the VM's lock: whoever has taken that lets it go again. */
export function runsUnheld(drawer: Pick<Drawer, 'added' | 'lock' | 'pid'>): boolean {
  return isAdopted(drawer) && qemuPid(drawer) !== undefined
}

/** Whether it is an nbsvm that holds the VM's lock, and no QEMU. For a lock that is held. */
export function isBusy(drawer: Drawer): boolean {
  return qemuPid(drawer) === undefined && holderOf(drawer.lock) !== undefined
}

/** Who is at work on a VM whose lock is held, and is no QEMU: for the end of a message. */
export function whoIsBusy({ lock }: Drawer): string {
  const holder = holderOf(lock)
  return holder === undefined
    ? 'it is starting, or its drives are being changed'
    : `pid ${holder.pid} is at work on it: ${holder.doing}`
}

/** The process that is this VM's QEMU beyond doubt: the number from the pidfile, if that process has the VM's lock open. */
export function qemuPid(drawer: Pick<Drawer, 'lock' | 'pid'>): number | undefined {
  const lock = stat(drawer.lock)
  const pid = Number(readText(drawer.pid)?.trim())
  if (lock === undefined || !Number.isSafeInteger(pid) || pid <= 0) return undefined
  return hasOpen(pid, lock) ? pid : undefined
}

/**
 * What happened to a VM since it was last started, and what it has now: a bounded read, however long it ran and whatever it did.
 */
export function journalOf(drawer: Drawer): Journal {
  const { journal, events } = drawer
  // The newest first: what is moved to the older file between the two reads is then read twice, which does no harm.
  const newest = readTail(events, journalTailBytes) ?? ''
  const found = parseJournal({
    ours: readTail(journal, journalTailBytes) ?? '',
    events: (readTail(olderOf(events), journalTailBytes) ?? '') + newest,
  })
  return found.started === undefined ? found : { ...found, started: { ...found.started, ...readAdded(drawer) } }
}

/** Why a VM that does not run any more is gone. */
export function endingOf(drawer: Drawer): Ending {
  return whyEnded(journalOf(drawer), { bootId: bootId() })
}
