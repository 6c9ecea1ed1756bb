import { pause } from '../../sys/clock.js'
import { isRunning, qemuPid } from '../record/state.js'
import type { Vm } from '../record/vm.js'

/** As long as somebody else may start it, or work on its drives. */
const waitMs = 10_000
const pauseMs = 50

/**
 * Starts a VM unless it runs: the pid of the QEMU that is there, or what `start` resolves to. A VM that somebody else is starting is
 * waited for. Rejects with what `start` rejects with where the VM does not run after it.
 */
export async function startIfNeeded<T>(vm: Vm, start: () => Promise<T>, signal?: AbortSignal): Promise<T | number> {
  const until = performance.now() + waitMs
  for (;;) {
    const pid = qemuPid(vm.drawer)
    if (pid !== undefined) return pid
    try {
      return await start()
    } catch (error) {
      // Whoever has the lock may be starting it.
      if (!isRunning(vm.drawer) || performance.now() > until || signal?.aborted === true) throw error
    }
    await pause(pauseMs, signal)
  }
}
