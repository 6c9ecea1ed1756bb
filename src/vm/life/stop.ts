// How a VM is ended, at once or by its power button.
import type { Caller } from '../../core/caller.js'
import { Failure } from '../../core/errors.js'
import { longerSeconds } from '../../core/patience.js'
import { journalLine } from '../../qemu/journal.js'
import { withQmp, type Qmp } from '../../qemu/qmp.js'
import { deadlineIn, pause } from '../../sys/clock.js'
import { appendText, stat } from '../../sys/file.js'
import { holderOf } from '../../sys/lock.js'
import { openers } from '../../sys/process.js'
import type { Drawer } from '../record/drawer.js'
import { refuseMoving } from '../record/record.js'
import { endingOf, isRunning, qemuPid } from '../record/state.js'
import { killQemu } from './kill.js'
import { sweepStopped } from './sweep.js'
import { isUp } from './up.js'
import { endOwnUser, endSurvivors } from '../record/user.js'
import type { Vm } from '../record/vm.js'

/** How long QEMU gets until it can be told to quit: it may be starting still, or be asked something by another. */
const reachTimeoutMs = 5000
/** How long it gets after that, its drives written out, before it is killed. */
const quitTimeoutMs = 5000
const killTimeoutMs = 5000

/** What became of a request to end a VM. */
export type Stopped = 'was not running' | 'stopped' | 'killed'

/** Of a VM that was asked to shut down, for so long, and did not: `end` says why nobody waits longer. */
export function stillRunning({ id, call }: Vm, end: string, waitedMs: number): Failure {
  return new Failure(`${id} is still running ${end}: the guest was asked to shut down`, {
    code: 'TIMEOUT',
    hints: [`end it now: ${call} stop`, `wait longer: ${call} timeout=${longerSeconds(waitedMs)} shutdown`],
  })
}

/** Ends a VM now: asks QEMU to quit, kills it if it does not. Throws when it cannot be known which process it is. `by`: as `status` tells it. */
export async function stopVm(vm: Vm, caller: Caller = {}, by = 'stop'): Promise<Stopped> {
  const { drawer } = vm
  const { signal } = caller
  if (!isUp(vm, caller)) return swept(vm, 'was not running')
  if ((await quit(drawer, by, signal)) && (await isGone(drawer, quitTimeoutMs, signal))) return swept(vm, 'stopped')
  // It may have ended meanwhile, or whoever was starting it has given up.
  if (!isUp(vm, caller)) return swept(vm, 'stopped')
  // One that its guest has taken over may call itself what it likes, but not be another user.
  const killed = [...killQemu(vm, () => noteStopping(drawer, by)), ...(await endOwnUser(vm))]
  // One that is on its way out has no descriptors to be seen any more, and its lock for a while: on a busy machine for seconds.
  if ((killed.length > 0 || holders(drawer).length === 0) && (await isGone(drawer, killTimeoutMs, signal)))
    return swept(vm, killed.length > 0 ? 'killed' : 'stopped')
  throw cannotStop(vm, killed)
}

/** What became of a request to shut down; `why` as `status` tells it. */
export type Shutdown =
  | { readonly result: 'was not running' | 'still running' }
  | { readonly result: 'ended'; readonly why: string }

/**
 * Presses the power button until the VM is gone: a guest that boots hears nobody. One that does not listen is asked once through
 * its agent. It is still running when it has not ended after
 * `timeoutMs`. One that is paused or asleep goes on first. Throws when its guest cannot hear any more.
 */
export async function shutdownVm(vm: Vm, { timeoutMs }: { readonly timeoutMs: number }, caller: Caller = {}): Promise<Shutdown> {
  const { drawer } = vm
  if (!isUp(vm, caller)) {
    await swept(vm, undefined)
    return { result: 'was not running' }
  }
  const { signal } = caller
  const deadline = deadlineIn(timeoutMs)
  let isFirst = true
  const listens = deadlineIn(deafAfterMs)
  let isAsked = false
  do {
    try {
      await withQmp(drawer.qmp, { timeoutMs: pressTimeoutMs, signal }, (qmp) => press(vm, qmp, caller))
    } catch (error) {
      signal?.throwIfAborted()
      // It may go down in the midst of it. A guest that stops for good is told, whenever it does.
      if (isRunning(drawer) && (isFirst || error instanceof Unable)) throw error
    }
    isFirst = false
    if (!isAsked && listens.isOver) {
      isAsked = true
      const { askToShutDown } = await import('./agent.js')
      if (await askToShutDown(vm, caller)) caller.note?.(`${vm.id} does not listen to its power button, so its agent was asked`)
    }
    if (await isGone(drawer, Math.min(pressAgainMs, deadline.leftMs), signal)) {
      // The log keeper writes down what QEMU has said last.
      await swept(vm, undefined)
      const why = endingOf(drawer).words
      return { result: 'ended', why }
    }
  } while (!deadline.isOver)
  return { result: 'still running' }
}

const pressTimeoutMs = 5000

/** A guest that has heard the button once takes no harm from the next. */
const pressAgainMs = 4000

/** A guest that has not gone down by then may not listen to the button. */
const deafAfterMs = 8000

/** The guest cannot go down by itself. */
class Unable extends Failure {
  override readonly code = 'VM_NOT_RUNNING'
}

/** RunState of query-status: what can be made to go on, and how; the rest can not. */
const goesOn: Readonly<Record<string, 'cont' | 'system_wakeup'>> = {
  paused: 'cont',
  prelaunch: 'cont',
  'io-error': 'cont',
  watchdog: 'cont',
  suspended: 'system_wakeup',
}

async function press(vm: Vm, qmp: Qmp, { note }: Caller): Promise<void> {
  const { status } = await qmp.execute('query-status')
  const command = goesOn[status]
  if (command !== undefined) {
    await refuseMoving(vm, 'shut down')
    note?.(
      `${vm.id} was ${status === 'suspended' ? 'asleep, so it is woken' : `not running (${status}), so it goes on`} to shut down`,
    )
    await qmp.execute(command)
  } else if (status !== 'running') {
    throw new Unable(`cannot shut down ${vm.id}: its guest does not run any more (${status})`, {
      hints: [`end it: ${vm.call} stop`],
    })
  }
  await qmp.execute('system_powerdown')
}

/** Tells QEMU to quit. Says false when it cannot be told. */
async function quit(drawer: Drawer, by: string, signal: AbortSignal | undefined): Promise<boolean> {
  // Whoever waits for the socket of a QEMU that ends meanwhile waits in vain.
  const ended = new AbortController()
  const gone = isGone(drawer, reachTimeoutMs, ended.signal).catch(() => false)
  try {
    await withQmp(drawer.qmp, { timeoutMs: reachTimeoutMs, signal, ended: untilTrue(gone) }, async (qmp) => {
      noteStopping(drawer, by)
      await qmp.execute('quit')
    })
    return true
  } catch {
    signal?.throwIfAborted()
    // `quit` may have been done before the answer came.
    return await gone
  } finally {
    ended.abort()
  }
}

/** Settles only when it is true. */
function untilTrue(answer: Promise<boolean>): Promise<void> {
  return new Promise((resolve) => void answer.then((isTrue) => (isTrue ? resolve() : undefined)))
}

/** Removes what is left of a VM that has ended. What was killed for it changes the result. */
async function swept<R>(vm: Vm, result: R): Promise<R | 'killed'> {
  const hadSurvivors = await endSurvivors(vm)
  await sweepStopped(vm.drawer)
  return hadSurvivors ? 'killed' : result
}

/** Who can be seen to have the lock open: `pid 4711 (sleep)`. */
function holders({ lock }: Drawer): string[] {
  const found = stat(lock)
  return (found === undefined ? [] : openers(found)).map(({ pid, name }) => `pid ${pid} (${name})`)
}

function cannotStop({ id, drawer, call }: Vm, killed: readonly number[]): Failure {
  if (killed.length > 0) {
    const hints = ['a process that hangs in the kernel, on a disk that does not answer, ends when that does']
    return new Failure(`cannot stop ${id}: pid ${killed.join(', ')} was killed, and its lock is still held`, {
      code: 'BUSY',
      hints,
    })
  }
  const holder = holderOf(drawer.lock)
  if (holder !== undefined) {
    const hints = [`end that: kill ${holder.pid}`, `then: ${call} stop`]
    return new Failure(`cannot stop ${id}: pid ${holder.pid} is at work on it: ${holder.doing}`, { code: 'BUSY', hints })
  }
  const others = holders(drawer)
  const who =
    others.length === 0 ? 'a process that cannot be seen from here' : `${others.join(', ')}, which is no QEMU of its own`
  return new Failure(`cannot stop ${id}: its lock is held by ${who}`, {
    code: 'BUSY',
    hints: [`see who: fuser -v ${drawer.lock}`],
  })
}

/** So that `status` can tell this end from an accident. */
function noteStopping(drawer: Drawer, by: string): void {
  try {
    appendText(drawer.journal, journalLine({ nbsvm: 'stopping', at: Date.now(), by }))
  } catch {
    // On a disk that is full or read-only a VM must still be stopped.
  }
}

/** Waits until nobody holds the VM's lock. Rejects with the signal's reason. */
async function isGone(drawer: Drawer, timeoutMs: number, signal: AbortSignal | undefined): Promise<boolean> {
  const deadline = deadlineIn(timeoutMs)
  for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 1.5, 100)) {
    // The pid is a cheap look; only the lock is proof.
    if (qemuPid(drawer) === undefined && !isRunning(drawer)) return true
    if (deadline.isOver) return false
    await pause(Math.min(pauseMs, deadline.leftMs), signal)
  }
}
