import { Failure } from '../../core/errors.js'
import { journalLine } from '../../qemu/journal.js'
import { withQmp } from '../../qemu/qmp.js'
import { appendText } from '../../sys/file.js'
import { deadlineIn, pause } from '../../sys/clock.js'
import { commandLine, signalProcess } from '../../sys/process.js'
import type { Drawer } from '../record/drawer.js'
import { endingOf, isRunning, qemuPid } from '../record/state.js'
import { sweepTaps } from './taps.js'
import type { Vm } from '../record/vm.js'

/** How long QEMU gets to end by itself, its drives written out, before it is killed. */
const quitTimeoutMs = 5000
const killTimeoutMs = 5000

/** What became of a request to end a VM. */
export type Stopped = 'was not running' | 'stopped' | 'killed'

/** Ends a VM now: asks QEMU to quit, kills it if it does not. Throws when it cannot be known which process it is. */
export async function stopVm(vm: Vm): Promise<Stopped> {
  const { drawer } = vm
  if (!isRunning(drawer)) {
    await sweepTaps(drawer)
    return 'was not running'
  }
  noteStopping(drawer)
  await withQmp(drawer.qmp, { timeoutMs: 2000 }, async (qmp) => {
    await qmp.execute('quit')
  }).catch(() => {})
  if (await isGone(drawer, quitTimeoutMs)) {
    await sweepTaps(drawer)
    return 'stopped'
  }
  const pid = qemuPid(drawer)
  // The pidfile is QEMU's to write, and numbers are given out again: what is killed must also call itself this VM.
  if (pid !== undefined && isQemuOf(vm.id, pid)) signalProcess(pid, 'SIGKILL')
  if (await isGone(drawer, killTimeoutMs)) {
    await sweepTaps(drawer)
    return 'killed'
  }
  throw new Failure(
    `cannot stop ${vm.id}: its lock is still held${pid === undefined ? ', and not by a QEMU of its own' : ` by pid ${pid}`}`,
    {
      hints: [`see who: fuser -v ${drawer.lock}`],
    },
  )
}

/**
 * Presses the power button once and waits until the VM is gone. Returns why it ended, or undefined when it is still
 * there after `timeoutMs`.
 */
export async function shutdownVm(vm: Vm, options: { timeoutMs: number; signal: AbortSignal }): Promise<string | undefined> {
  const { drawer } = vm
  await withQmp(drawer.qmp, { timeoutMs: 5000 }, async (qmp) => {
    const { status } = await qmp.execute('query-status')
    if (status === 'paused') await qmp.execute('cont')
    await qmp.execute('system_powerdown')
  })
  if (!(await isGone(drawer, options.timeoutMs, options.signal))) return undefined
  await sweepTaps(drawer)
  return endingOf(drawer).words
}

function isQemuOf(id: string, pid: number): boolean {
  return commandLine(pid).includes(`guest=${id}`)
}

/** So that `status` can tell this end from an accident. */
function noteStopping(drawer: Drawer): void {
  try {
    appendText(drawer.journal, journalLine({ nbsvm: 'stopping', at: Date.now(), by: 'stop' }))
  } catch {
    // On a disk that is full or read-only a VM must still be stopped.
  }
}

/** Waits until nobody holds the VM's lock. */
async function isGone(drawer: Drawer, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
  const deadline = deadlineIn(timeoutMs)
  for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 1.5, 100)) {
    // The pid is a cheap look; only the lock is proof.
    if (qemuPid(drawer) === undefined && !isRunning(drawer)) return true
    if (deadline.isOver || signal?.aborted) return false
    await pause(pauseMs)
  }
}
