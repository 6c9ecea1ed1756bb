// The helpers of one VM: started before its QEMU, alive as long as their lock is held, ended when QEMU is gone.
import { Failure } from '../core/errors.js'
import type { Helper, HelperState } from '../model/helper.js'
import { deadlineIn, pause } from '../sys/clock.js'
import { closeFifo, openFifos, type Fifo } from '../sys/fifo.js'
import { close, list, makePrivateFolder, open, readTail, readText, remove, stat, writeInto } from '../sys/file.js'
import { isLocked } from '../sys/lock.js'
import { hasOpen, signalGroup, startDetached, type Detached } from '../sys/process.js'
import { removeTree } from '../sys/removal.js'
import { helperCommand, helperFolder, lockOf, scriptOf } from './command.js'

/** How long a helper may take until it serves. */
const readyTimeoutMs = 5000

/** How long a helper gets to end by itself: the log keeper writes down what QEMU has said last. */
const endTimeoutMs = 2000
const killTimeoutMs = 5000

/** How often is looked for what takes milliseconds. */
const lookEveryMs = 2

/** Enough of a helper's log to hold the reason why it gave up. */
const wordsBytes = 4096

/** A helper that cannot run; `why` are its own words. */
export class HelperFailure extends Failure {
  override readonly code = 'QEMU_REFUSED'
  readonly helper: string
  readonly why: string

  constructor(helper: string, why: string) {
    super(`${helper} cannot run: ${why}`)
    this.helper = helper
    this.why = why
  }
}

/** They need nothing of the caller's, and speak as their programs were written. */
const env = { LC_ALL: 'C' }

/** What is still to be done for the helpers of a VM when its QEMU has been run, or could not be. */
export interface StartedHelpers {
  /**
   * To be called when QEMU has its ends of the FIFOs: starts those that read them, which end when QEMU does. Resolves when all hold
   * their locks. Throws a HelperFailure when one has ended instead.
   */
  follow(): Promise<void>
  /** Lets go of the FIFOs, where nobody has begun to read them. */
  abandon(): void
}

/**
 * Starts the helpers of a VM one after the other, those that QEMU connects to; the next when one serves. Those that only read
 * what QEMU writes can wait until QEMU is run: their FIFOs are open, and it is QEMU that a start waits for. The caller holds the
 * VM's lock and has ended those of an earlier run. Throws a HelperFailure when one cannot run; those before it are still there then.
 */
export async function startHelpers(drawer: string, helpers: readonly Helper[]): Promise<StartedHelpers> {
  const later: { readonly helper: Helper; readonly fifos: readonly Fifo[] }[] = []
  const started: (() => Promise<void>)[] = []
  const abandon = (): void => later.splice(0).forEach(({ fifos }) => fifos.forEach(closeFifo))
  const begin = (helper: Helper, fifos: readonly Fifo[]): ((file: string) => Promise<void>) => {
    const child = start(drawer, helper, fifos)
    return (file) => waitFor(drawer, helper, child, file)
  }
  if (helpers.length > 0) makePrivateFolder(`${drawer}/${helperFolder}`)
  try {
    for (const helper of helpers) {
      if (helper.reads.length > 0) later.push({ helper, fifos: await openFifos(helper.reads.map((name) => `${drawer}/${name}`)) })
      else {
        const has = begin(helper, [])
        if (helper.ready !== undefined) await has(helper.ready)
        else started.push(() => has(lockOf(helper.name)))
      }
    }
  } catch (error) {
    abandon()
    throw error
  }
  const follow = async (): Promise<void> => {
    try {
      for (const { helper, fifos } of later) {
        const has = begin(helper, fifos)
        started.push(() => has(lockOf(helper.name)))
      }
    } finally {
      abandon()
    }
    for (const holds of started) await holds()
  }
  return { follow, abandon }
}

/** How the helpers are that were started with a VM. One that has ended as it should is not among them. */
export function helperStates(drawer: string): HelperState[] {
  return namesIn(drawer).map((name) => {
    const lock = `${drawer}/${lockOf(name)}`
    const pid = holderOf(lock)
    // A process that we may not look at is alive too.
    return { name, alive: pid !== undefined || isLocked(lock), pid: pid ?? null }
  })
}

/**
 * Ends what is left of the helpers of a VM whose QEMU is gone, and returns when they are gone too. The caller holds the VM's
 * lock, so that none of another start is met. Costs one look where there are none.
 */
export async function endHelpers(drawer: string): Promise<void> {
  const folder = `${drawer}/${helperFolder}`
  if (stat(folder) === undefined) return
  for (const name of namesIn(drawer)) await end(name, `${drawer}/${lockOf(name)}`)
  removeTree(folder)
}

/** Ends one of the helpers of a VM that goes on. Throws a Failure where it does not end. */
export async function endHelper(drawer: string, name: string): Promise<void> {
  const lock = `${drawer}/${lockOf(name)}`
  await end(name, lock)
  remove(lock)
}

async function end(name: string, lock: string): Promise<void> {
  // What has to end by itself, when it has read all, does not listen.
  if (await isEnded(lock, 'SIGTERM', endTimeoutMs)) return
  if (await isEnded(lock, 'SIGKILL', killTimeoutMs)) return
  throw new Failure(`cannot end ${name}, a helper program: ${lock} is still held`, {
    code: 'BUSY',
    hints: [`see who: fuser -v ${lock}`],
  })
}

function start(drawer: string, helper: Helper, fifos: readonly Fifo[]): Detached {
  const { name, ready, log, script } = helper
  for (const file of [lockOf(name), ready, log]) if (file !== undefined) remove(`${drawer}/${file}`)
  if (script !== undefined) writeInto(`${drawer}/${scriptOf(name)}`, script)
  // A helper may have the same file open a second time, as its log.
  const output = open(log === undefined ? '/dev/null' : `${drawer}/${log}`, 'append')
  const pass = fifos.map(({ reader }) => reader)
  try {
    return startDetached(helperCommand(helper), { cwd: drawer, output, pass, env })
  } finally {
    close(output)
  }
}

/** Waits until a helper has written into the file which says that it is there. Throws, and leaves nothing, where it does not. */
async function waitFor(
  drawer: string,
  { name, log, readyWithinMs = readyTimeoutMs }: Helper,
  child: Detached,
  file: string,
): Promise<void> {
  let status: number | undefined
  const ended = child.ended.catch(() => 127).then((code) => void (status = code))
  const deadline = deadlineIn(readyWithinMs)
  while (!isReady(`${drawer}/${file}`)) {
    // QEMU was so fast to end that all is written down already.
    if (status === 0 && file === lockOf(name)) return
    if (status !== undefined || deadline.isOver) {
      const fault = status === undefined ? `it did not serve within ${readyWithinMs / 1000} s` : 'it ended before it served'
      child.kill()
      await isEnded(`${drawer}/${lockOf(name)}`, 'SIGKILL', killTimeoutMs)
      remove(`${drawer}/${lockOf(name)}`)
      throw new HelperFailure(name, wordsOf(drawer, log) ?? `${fault}, and said nothing`)
    }
    await Promise.race([ended, pause(lookEveryMs)])
  }
}

function isReady(file: string): boolean {
  const found = stat(file)
  return found !== undefined && (found.isSocket() || found.size > 0)
}

/** The last line that a helper has said. */
function wordsOf(drawer: string, log: string | undefined): string | undefined {
  const words = log === undefined ? '' : (readTail(`${drawer}/${log}`, wordsBytes) ?? '').trim()
  return words.split('\n').at(-1) || undefined
}

function namesIn(drawer: string): string[] {
  return list(`${drawer}/${helperFolder}`).flatMap((file) => (file.endsWith('.lock') ? [file.slice(0, -'.lock'.length)] : []))
}

/** The process that holds a helper's lock beyond doubt: the number that it has written there, if that process has it open. */
function holderOf(lock: string): number | undefined {
  const file = stat(lock)
  const pid = Number(readText(lock)?.trim())
  if (file === undefined || !Number.isSafeInteger(pid) || pid <= 0) return undefined
  return hasOpen(pid, file) ? pid : undefined
}

/** Waits until a helper that ends by itself has ended; says whether it has. */
export function waitForEnd(drawer: string, name: string): Promise<boolean> {
  return isEnded(`${drawer}/${lockOf(name)}`, undefined, endTimeoutMs)
}

/** Tells the holder of a lock, and what it has started, to end; says whether it has. Nobody but the holder is signalled. */
async function isEnded(lock: string, signal: 'SIGTERM' | 'SIGKILL' | undefined, timeoutMs: number): Promise<boolean> {
  const deadline = deadlineIn(timeoutMs)
  let told: number | undefined
  while (stat(lock) !== undefined) {
    const pid = holderOf(lock)
    // The look at a process is cheap, and only the lock is proof.
    if (pid === undefined && !isLocked(lock)) break
    if (signal !== undefined && pid !== undefined && pid !== told) signalGroup((told = pid), signal)
    if (deadline.isOver) return false
    await pause(lookEveryMs)
  }
  return true
}
