// The helpers of one VM: started before its QEMU, alive as long as their lock is held, ended when QEMU is gone.
import { Failure } from '../core/errors.js'
import type { Helper, HelperState } from '../model/helper.js'
import { deadlineIn, pause } from '../sys/clock.js'
import { openFifo, type Fifo } from '../sys/fifo.js'
import { close, list, makePrivateFolder, open, readTail, readText, remove, stat } from '../sys/file.js'
import { isLocked } from '../sys/lock.js'
import { hasOpen, signalGroup, startDetached, type Detached } from '../sys/process.js'
import { removeTree } from '../sys/removal.js'
import { helperCommand, helperFolder, lockOf } from './command.js'

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

export interface StartedHelpers {
  /** To be called when QEMU has its ends of the FIFOs, or will never have them: what reads them ends when QEMU does. */
  release(): void
}

/**
 * Starts the helpers of a VM one after the other; each serves before the next is started. The caller holds the VM's lock and has
 * ended those of an earlier run. Throws a HelperFailure when one cannot run; those before it are still there then.
 */
export async function startHelpers(drawer: string, helpers: readonly Helper[]): Promise<StartedHelpers> {
  const guards: number[] = []
  const release = (): void => guards.splice(0).forEach(close)
  if (helpers.length > 0) makePrivateFolder(`${drawer}/${helperFolder}`)
  try {
    for (const helper of helpers) {
      const fifos = await openFifos(drawer, helper)
      guards.push(...fifos.map(({ guard }) => guard))
      await start(drawer, helper, fifos)
    }
    return { release }
  } catch (error) {
    release()
    throw error
  }
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
  for (const name of namesIn(drawer)) {
    const lock = `${drawer}/${lockOf(name)}`
    // What has to end by itself, when it has read all, does not listen.
    if (await isEnded(lock, 'SIGTERM', endTimeoutMs)) continue
    if (await isEnded(lock, 'SIGKILL', killTimeoutMs)) continue
    throw new Failure(`cannot end ${name}, a helper program: ${lock} is still held`, { hints: [`see who: fuser -v ${lock}`] })
  }
  removeTree(folder)
}

async function openFifos(drawer: string, { reads }: Helper): Promise<Fifo[]> {
  const fifos: Fifo[] = []
  try {
    for (const name of reads) fifos.push(await openFifo(`${drawer}/${name}`))
    return fifos
  } catch (error) {
    for (const { reader, guard } of fifos) [reader, guard].forEach(close)
    throw error
  }
}

/** Starts one helper and waits until it serves. */
async function start(drawer: string, helper: Helper, fifos: readonly Fifo[]): Promise<void> {
  const { name, ready, log } = helper
  if (ready !== undefined) remove(`${drawer}/${ready}`)
  const output = log === undefined ? open('/dev/null', 'append') : open(`${drawer}/${log}`, 'truncate')
  const pass = fifos.map(({ reader }) => reader)
  try {
    const child = startDetached(helperCommand(helper), { cwd: drawer, output, pass, env })
    if (ready === undefined || (await serves(child, `${drawer}/${ready}`))) return
    child.kill()
  } finally {
    for (const fd of [output, ...pass]) close(fd)
  }
  const words = log === undefined ? '' : (readTail(`${drawer}/${log}`, wordsBytes) ?? '').trim()
  await isEnded(`${drawer}/${lockOf(name)}`, 'SIGKILL', killTimeoutMs)
  remove(`${drawer}/${lockOf(name)}`)
  throw new HelperFailure(name, words.split('\n').at(-1) || 'it ended before it served, and said nothing')
}

async function serves(child: Detached, ready: string): Promise<boolean> {
  let isOver = false
  const ended = child.ended.then(
    () => void (isOver = true),
    () => void (isOver = true),
  )
  const deadline = deadlineIn(readyTimeoutMs)
  while ((stat(ready)?.size ?? 0) === 0) {
    if (isOver || deadline.isOver) return false
    await Promise.race([ended, pause(lookEveryMs)])
  }
  return true
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

/** Tells the holder of a lock, and what it has started, to end; says whether it has. Nobody but the holder is signalled. */
async function isEnded(lock: string, signal: 'SIGTERM' | 'SIGKILL', timeoutMs: number): Promise<boolean> {
  const deadline = deadlineIn(timeoutMs)
  let told: number | undefined
  while (stat(lock) !== undefined) {
    const pid = holderOf(lock)
    // The look at a process is cheap, and only the lock is proof.
    if (pid === undefined && !isLocked(lock)) break
    if (pid !== undefined && pid !== told) signalGroup((told = pid), signal)
    if (deadline.isOver) return false
    await pause(lookEveryMs)
  }
  return true
}
