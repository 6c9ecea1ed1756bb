// How much RAM the guest of a running VM has: it gives some back by its balloon, and can have it again.
import type { Caller } from '../../core/caller.js'
import { Failure } from '../../core/errors.js'
import { formatSize } from '../../core/size.js'
import { QmpError, withQmp, type Qmp } from '../../qemu/qmp.js'
import { deadlineIn, pause } from '../../sys/clock.js'
import { requireRunning } from '../life/up.js'
import { journalOf } from '../record/state.js'
import type { Vm } from '../record/vm.js'

const qmpTimeoutMs = 5000

/** How long a guest may take to hand over what it has free, as long as it goes on. */
const idleTimeoutMs = 3000

/** A guest with less can do nothing, not even give it back. */
const leastBytes = 32 * 1024 ** 2

export interface Ballooned {
  /** What the VM was started with: it never has more. */
  readonly memBytes: number
  /** What its guest has now. */
  readonly memNowBytes: number
}

/**
 * Asks the guest to make do with `wantedBytes` of RAM, and waits as long as it works on that: it may keep what it needs, which
 * the result tells. Throws a Failure for more than the VM was started with, and where there is no balloon.
 */
export async function balloonTo(vm: Vm, wantedBytes: number, { signal }: Caller = {}): Promise<Ballooned> {
  requireRunning(vm, 'change the memory of')
  const { id, call, drawer } = vm
  const { started } = journalOf(drawer)
  const memBytes = started?.memBytes ?? vm.settings.mem
  if (started?.from !== undefined) throw standsOnFile(vm, started.forkedFrom)
  if (wantedBytes > memBytes) {
    throw new Failure(`${id} was started with ${formatSize(memBytes)}, and its guest can have no more while it runs`, {
      hints: [`with the next start: ${call} mem=${formatSize(wantedBytes)} stop start`],
    })
  }
  if (wantedBytes < leastBytes) throw new Failure(`a guest needs ${formatSize(leastBytes)} at least`)
  return withQmp(drawer.qmp, { timeoutMs: qmpTimeoutMs, signal }, async (qmp) => {
    try {
      await qmp.execute('balloon', { value: wantedBytes })
    } catch (error) {
      if (!(error instanceof QmpError) || error.class !== 'DeviceNotActive') throw error
      throw new Failure(`${id} has no balloon`, {
        code: 'DEVICE_MISSING',
        hints: [`with the next start: ${call} balloon=yes stop start`],
        cause: error,
      })
    }
    // QEMU may have a little more than it was asked for (qemu/ram.ts).
    return { memBytes, memNowBytes: Math.min(memBytes, await settled(qmp, wantedBytes, signal)) }
  })
}

/** QEMU 8.2 and later give nothing back of a private mapping of a file, those before would cut it out of the file (qemu/shield.ts). */
function standsOnFile({ id, call }: Vm, forkedFrom: string | undefined): Failure {
  const whose = forkedFrom === undefined ? 'the state that it goes on from' : `the template ${forkedFrom}`
  return new Failure(`${id} has its RAM from the file of ${whose}: what its guest gave back, this machine would not get`, {
    hints: [`with RAM of its own, booted anew: ${call} shutdown start`],
  })
}

/** What the guest has when it has it, or does not come nearer any more. */
async function settled(qmp: Qmp, wantedBytes: number, signal: AbortSignal | undefined): Promise<number> {
  let deadline = deadlineIn(idleTimeoutMs)
  for (let last = -1; ; await pause(100, signal)) {
    const { actual } = await qmp.execute('query-balloon')
    if (actual === wantedBytes || deadline.isOver) return actual
    if (actual !== last) deadline = deadlineIn(idleTimeoutMs)
    last = actual
  }
}
