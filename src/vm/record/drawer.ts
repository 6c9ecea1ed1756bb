import path from 'node:path'
import { errorCode, Failure } from '../../core/errors.js'
import { helperFolder } from '../../helper/command.js'
import { keeperFiles, olderOf } from '../../qemu/keeper.js'
import { qemuFiles } from '../../qemu/socket.js'
import { deadlineIn, pause } from '../../sys/clock.js'
import { ownUid } from '../../sys/environment.js'
import { giveTo, list, lstat, makePrivateFolder, setMode, stat, writeWhole } from '../../sys/file.js'
import { isLocked, type Lock } from '../../sys/lock.js'
import { emptyFolder, removeFolder, removeTree } from '../../sys/removal.js'
import { leftBy01 } from './old.js'

/**
 * The files of a VM's drawer, each named here and nowhere else (QEMU's names for its sockets are in qemu/socket.ts). The drawer
 * is nbsvm's alone, and so is all in it that nbsvm believes. One folder of it, `run`, belongs to QEMU's user: its working
 * directory, with the sockets. Nothing there is read but a picture of the screen, as a stranger's file, and a socket is connected to only where QEMU's user has made it.
 */
export interface Drawer {
  readonly folder: string
  /** QEMU's own folder. */
  readonly run: string
  /** Held by QEMU as long as it lives: who has the lock is the VM. */
  readonly lock: string
  /** QEMU's process number, written by who starts it; believed only if that process has `lock` open. */
  readonly pid: string
  /** QMP for short questions. */
  readonly qmp: string
  /** QMP for what takes long, one client at a time: who holds `jobsLock`. */
  readonly jobs: string
  /** Held by who is connected to `jobs`; says which process that is, and what it does. */
  readonly jobsLock: string
  readonly monitor: string
  readonly console: string
  /** The guest agent's, one client at a time: who holds `agentLock`. */
  readonly agent: string
  readonly agentLock: string
  /** Held by who is attached to the console; the monitor has one too. */
  readonly consoleLock: string
  readonly monitorLock: string
  /** What came out of the serial port since power-on. */
  readonly consoleLog: string
  /** How far into it `wait` has come: `INODE OFFSET` and the bytes before that, in hexadecimal. */
  readonly heard: string
  /** Where its ssh answered last, and when: `MILLISECONDS PORT HOST`, of a clock that begins with the host's boot. */
  readonly answered: string
  readonly vnc: string
  /** QEMU's events, a JSON object a line: how a VM is, and why it is gone. */
  readonly events: string
  /** What nbsvm did to it, a JSON object a line. */
  readonly journal: string
  /** What was added to the VM while it runs (added.ts), and the lock of who adds. */
  readonly added: string
  readonly addedLock: string
  /** What QEMU writes into and the log keeper reads (qemu/keeper.ts). */
  readonly consoleFifo: string
  readonly eventsFifo: string
  /** A folder with the helpers' locks; there as long as one may live. */
  readonly helpers: string
  /** QEMU's own words: why it refused to start, or died. */
  readonly qemuLog: string
  /** The command line as it was started, ready to paste. */
  readonly command: string
  /** The disk that tells the guest who it is: written at each start. */
  readonly seed: string
  /** The machine that QEMU was started as, and the settings that made it so: what a copy of its guest needs (life/started.ts). */
  readonly machine: string
  /** What its guest sees of it, where it may move to another machine while it runs (life/movable.ts). */
  readonly portable: string
  /** Where a second QEMU takes its guest's state in, as long as one does (vm/frozen/twin.ts). */
  readonly twin: string
  /** The taps that were made for it, one a line: to be removed when it is gone. */
  readonly taps: string
}

/** QEMU's own folder in a drawer. */
export const runFolder = 'run'

/** What is in a drawer only from a VM's start until it has ended and somebody has swept: `pid`, `helpers`, `taps` of a Drawer. */
export const runTraces: ReadonlySet<string> = new Set(['pid', 'helpers', 'taps'])

/** The drawer of the VM `id` in the folder of drawers. */
export function drawerOf(stateFolder: string, id: string): Drawer {
  const folder = `${stateFolder}/${id}`
  // Not path.join: a list of a thousand VMs makes ten thousand of these.
  const inside = (name: string): string => `${folder}/${name}`
  const running = (name: string): string => `${folder}/${runFolder}/${name}`
  return {
    folder,
    lock: inside('lock'),
    run: inside(runFolder),
    pid: inside('pid'),
    qmp: running(qemuFiles.qmp),
    jobs: running(qemuFiles.jobs),
    jobsLock: inside(`${qemuFiles.jobs}.lock`),
    monitor: running(qemuFiles.monitor),
    console: running(qemuFiles.console),
    agent: running(qemuFiles.agent),
    agentLock: inside(`${qemuFiles.agent}.lock`),
    consoleLock: inside(`${qemuFiles.console}.lock`),
    monitorLock: inside(`${qemuFiles.monitor}.lock`),
    consoleLog: inside(keeperFiles.console),
    heard: inside('heard'),
    answered: inside('ssh-answered'),
    vnc: running(qemuFiles.vnc),
    events: inside(keeperFiles.events),
    journal: inside('journal.jsonl'),
    added: inside('added.json'),
    addedLock: inside('added.lock'),
    consoleFifo: inside(keeperFiles.consoleFifo),
    eventsFifo: inside(keeperFiles.eventsFifo),
    helpers: inside(helperFolder),
    qemuLog: inside(keeperFiles.words),
    command: inside('command'),
    seed: inside('seed.iso'),
    machine: inside('machine.json'),
    portable: inside('portable.json'),
    twin: inside('twin'),
    taps: inside('taps'),
  }
}

/** What the last run has left, which is removed when the next one starts. */
export function historyIn(drawer: Drawer): string[] {
  const { pid, journal, added, heard, answered, machine, portable, consoleLog, events, qemuLog } = drawer
  return [
    pid,
    journal,
    added,
    heard,
    answered,
    machine,
    portable,
    ...[consoleLog, events, qemuLog].flatMap((file) => [file, olderOf(file)]),
  ]
}

/**
 * The drawer of a VM as it is now. The QEMU of one that nbsvm 0.1 started, and that still runs, has its sockets beside its lock,
 * and none for what takes long.
 */
export function drawerNow(stateFolder: string, id: string): Drawer {
  const drawer = drawerOf(stateFolder, id)
  const beside = (name: string): string => `${drawer.folder}/${name}`
  if (lstat(drawer.run) !== undefined || lstat(beside(qemuFiles.qmp)) === undefined) return drawer
  const { qmp, monitor, console, vnc } = qemuFiles
  return { ...drawer, qmp: beside(qmp), monitor: beside(monitor), console: beside(console), vnc: beside(vnc) }
}

/**
 * Makes a VM's drawer where there is none, and makes sure that it is ours alone: whoever may write there could lead us to any
 * file. Throws a Failure for one that is another user's, above all where root is asked to run a user's VM.
 */
export function claimDrawer({ folder }: Pick<Drawer, 'folder'>): void {
  const uid = ownUid()
  const parent = path.dirname(folder)
  const home = stat(parent)
  if (home !== undefined && home.uid !== uid) throw foreign(parent, home.uid)
  makePrivateFolder(folder)
  const found = lstat(folder)
  if (found === undefined || !found.isDirectory()) throw new Failure(`${folder} is not a folder`)
  if (found.uid === uid) {
    if ((found.mode & 0o077) !== 0) setMode(folder, 0o700)
    return
  }
  if (uid !== 0) throw foreign(folder, found.uid)
  // Up to 0.1 root gave the drawer to QEMU's user: nothing in it can be believed. As long as it is so, its owner tells that.
  refuseRunning(folder)
  giveTo(folder, { uid: 0, gid: 0 })
  try {
    setMode(folder, 0o700)
    refuseRunning(folder)
  } catch (error) {
    giveTo(folder, found)
    throw error
  }
  const kept = leftBy01(folder)
  emptyFolder(folder)
  for (const [name, text] of Object.entries(kept)) writeWhole(`${folder}/${name}`, text)
}

/** Throws a Failure where a VM of nbsvm 0.1 runs in a drawer. */
function refuseRunning(folder: string): void {
  const lock = `${folder}/lock`
  if (lstat(lock)?.isFile() === true && isLocked(lock)) throw runsSince01(folder)
}

/** Throws a Failure where a VM that runs was started by nbsvm 0.1: its drives are not what ours are to QEMU. */
export function refuseSince01({ folder, run }: Pick<Drawer, 'folder' | 'run'>): void {
  if (lstat(run) === undefined) throw runsSince01(folder)
}

function runsSince01(folder: string): Failure {
  const id = path.basename(folder)
  return new Failure(`${id} was started by an earlier nbsvm, and still runs`, {
    code: 'VM_RUNNING',
    hints: [`end it first: nbsvm ${id} shutdown`],
  })
}

/** How long a file system may take to forget a file that was open when it was removed. */
const forgetMs = 2000

/**
 * Removes a drawer, whose lock is held until it is gone. On NFS and FUSE a file that is open, as the lock is, stays in its
 * folder under another name, and the folder with it: there the lock is let go first. Whoever makes the drawer again
 * meanwhile keeps it.
 */
export async function removeDrawer({ folder }: Pick<Drawer, 'folder'>, lock: Lock): Promise<void> {
  const deadline = deadlineIn(forgetMs)
  try {
    removeTree(folder)
  } catch (error) {
    if (!isNotEmpty(error)) throw error
    lock.release()
    while (!removeEmptied(folder, deadline.isOver)) await pause(20)
  }
}

/** Says whether the folder is gone, or somebody's again. */
function removeEmptied(folder: string, isLate: boolean): boolean {
  try {
    if (list(folder).includes('lock')) return true
    removeFolder(folder)
    return true
  } catch (error) {
    if (isLate || !isNotEmpty(error)) throw error
    return false
  }
}

function isNotEmpty(error: unknown): boolean {
  return ['ENOTEMPTY', 'EEXIST', 'EBUSY'].includes(errorCode(error) ?? '')
}

/** Root is asked to write where a user has his own; undefined where that is not so. */
export function foreignTo(folder: string): Failure | undefined {
  const found = stat(folder)
  return ownUid() === 0 && found !== undefined && found.uid !== 0 ? foreign(folder, found.uid) : undefined
}

function foreign(folder: string, uid: number): Failure {
  return new Failure(`${folder} belongs to another user (uid ${uid})`, {
    code: 'NOT_ALLOWED',
    hints: [`run nbsvm as that user: sudo -u '#${uid}' nbsvm ...`, 'or keep your own elsewhere: NBSVM_HOME=DIR'],
  })
}

/** Makes QEMU's folder of a drawer again, empty, for the user that QEMU will run as. */
export function makeRun({ run }: Pick<Drawer, 'run'>, owner: { readonly uid: number; readonly gid: number }): void {
  removeTree(run)
  makePrivateFolder(run)
  if (owner.uid !== ownUid()) giveTo(run, owner)
}
