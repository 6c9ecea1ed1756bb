// Pause, resume and reset: each returns once QEMU says that it is so.
import type { Caller } from '../../core/caller.js'
import { Failure } from '../../core/errors.js'
import { withQmp, type Qmp } from '../../qemu/qmp.js'
import { deadlineIn, pause } from '../../sys/clock.js'
import { remove } from '../../sys/file.js'
import { requireRunning } from './up.js'
import { refuseAsleep } from '../record/asleep.js'
import { refuseMoving } from '../record/record.js'
import type { Vm } from '../record/vm.js'

const qmpTimeoutMs = 5000

/** Firmware that takes a guest out of its sleep is slow where it is translated. */
const effectTimeoutMs = 10_000

/** A guest that stopped because of its drive tries that again at once. */
const secondLookMs = 300

/** Stops a running VM's processors. */
export async function pauseVm(vm: Vm, { signal }: Caller = {}): Promise<void> {
  requireRunning(vm, 'pause')
  await withQmp(vm.drawer.qmp, { timeoutMs: qmpTimeoutMs, signal }, async (qmp) => {
    const before = await statusOf(qmp)
    // QEMU 9 and later would pause a guest that sleeps, earlier ones leave it asleep: the same for all.
    if (before !== 'suspended') await qmp.execute('stop')
    const status = await statusOf(qmp)
    if (status !== 'suspended' && status !== 'running') return
    const why = status === 'suspended' ? 'its guest sleeps (suspended to RAM)' : 'it runs on'
    throw new Failure(`cannot pause ${vm.id}: ${why}`, { hints: [`see it: ${vm.call}`] })
  })
}

/** What it took to let a VM run. */
export type Resumed = 'was running' | 'resumed' | 'woken'

/** Lets a VM go on that was paused or that QEMU stopped, and wakes one whose guest sleeps. Throws when it does not run after that. */
export async function resumeVm(vm: Vm, { signal }: Caller = {}): Promise<Resumed> {
  requireRunning(vm, 'resume')
  return withQmp(vm.drawer.qmp, { timeoutMs: qmpTimeoutMs, signal }, async (qmp) => {
    const before = await statusOf(qmp)
    if (before === 'running') return 'was running'
    await refuseMoving(vm, 'resume')
    refuseAsleep(vm, `resume ${vm.id}`)
    if (before !== 'suspended') await qmp.execute('cont')
    // A guest that slept when it was paused sleeps on.
    const sleeps = before === 'suspended' || (await statusOf(qmp)) === 'suspended'
    if (sleeps) await qmp.execute('system_wakeup')
    const now = await settled(qmp, sleeps ? effectTimeoutMs : 0, signal)
    if (now === 'running' && before === 'io-error') await pause(secondLookMs, signal)
    const status = before === 'io-error' ? await statusOf(qmp) : now
    if (status === 'running') return sleeps ? 'woken' : 'resumed'
    throw notRunning(vm, status)
  })
}

/** Boots the guest again. Returns whether it runs: one that is paused stays so. */
export async function resetVm(vm: Vm, { signal }: Caller = {}): Promise<{ readonly isRunning: boolean }> {
  requireRunning(vm, 'reset')
  return withQmp(vm.drawer.qmp, { timeoutMs: qmpTimeoutMs, signal }, async (qmp) => {
    await qmp.execute('system_reset')
    // What answered there does so no more.
    remove(vm.drawer.answered)
    return { isRunning: (await statusOf(qmp)) === 'running' }
  })
}

async function statusOf(qmp: Qmp): Promise<string> {
  return (await qmp.execute('query-status')).status
}

/** The state once it is `running`, or that after `timeoutMs`. */
async function settled(qmp: Qmp, timeoutMs: number, signal: AbortSignal | undefined): Promise<string> {
  const deadline = deadlineIn(timeoutMs)
  for (;;) {
    const status = await statusOf(qmp)
    if (status === 'running' || deadline.isOver) return status
    await pause(50, signal)
  }
}

function notRunning(vm: Vm, status: string): Failure {
  if (status === 'io-error') {
    return new Failure(`${vm.id} went on and stopped again: its drive cannot be read or written (${status})`, {
      code: 'DRIVE_DAMAGED',
      hints: [`see how full the disk is: df -h ${vm.place.drives}`],
    })
  }
  if (status === 'suspended') {
    return new Failure(`cannot resume ${vm.id}: its guest was woken and sleeps on (${status})`, {
      hints: [`reset it: ${vm.call} reset`],
    })
  }
  return new Failure(`cannot resume ${vm.id}: it does not run (${status})`, {
    code: 'VM_NOT_RUNNING',
    hints: [`reset it: ${vm.call} reset resume`],
  })
}
