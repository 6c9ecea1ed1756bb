// A VM's life: started, ended, looked at.
import type { System } from '../../qemu/export/system.js'
import { disableVm, enableVm, unitHost } from '../../service/enable.js'
import { removeVm } from '../../service/remove.js'
import { beginVm } from '../../vm/frozen/begin.js'
import { explainVm } from '../../vm/life/explain.js'
import { exportVm } from '../../vm/life/export.js'
import { startIfNeeded } from '../../vm/life/ifneeded.js'
import { consoleLog } from '../../vm/life/log.js'
import { pauseVm, resetVm, resumeVm } from '../../vm/life/power.js'
import { statusOf } from '../../vm/life/status.js'
import { shutdownVm, stillRunning, stopVm } from '../../vm/life/stop.js'
import type { Call } from './call.js'
import { callerOf, opened, outsideOf, running } from './opened.js'

/** A VM that runs since then, or ran before. */
export interface Started {
  /** QEMU's process. */
  readonly pid: number
  /** It ran before; only with `ifNeeded`. */
  readonly wasRunning: boolean
}

/** How a shutdown ended; `why` as `status` tells it. */
export type ShutDown = { readonly result: 'was not running' } | { readonly result: 'ended'; readonly why: string }

export const calls = {
  async start(call: Call, options: readonly string[], ifNeeded: boolean): Promise<Started> {
    const vm = await opened(call, { needs: 'bootable', options })
    const start = () => beginVm(vm, options, callerOf(call))
    const started = await (ifNeeded ? startIfNeeded(vm, start, call.signal) : start())
    return typeof started === 'number' ? { pid: started, wasRunning: true } : { pid: started.pid, wasRunning: false }
  },
  stop: async (call: Call) => stopVm(await running(call), callerOf(call)),
  async shutdown(call: Call, timeoutMs: number | undefined): Promise<ShutDown> {
    const vm = await running(call)
    const waitMs = timeoutMs ?? vm.settings.timeout * 1000
    const ended = await shutdownVm(vm, { timeoutMs: waitMs }, callerOf(call))
    if (ended.result === 'ended') return ended
    if (ended.result === 'was not running') return { result: ended.result }
    throw stillRunning(vm, `after ${waitMs / 1000} seconds`, waitMs)
  },
  pause: async (call: Call) => pauseVm(await running(call), callerOf(call)),
  resume: async (call: Call) => resumeVm(await running(call), callerOf(call)),
  reset: async (call: Call) => resetVm(await running(call), callerOf(call)),
  status: async (call: Call) => statusOf(await running(call), callerOf(call)),
  log: async (call: Call) => consoleLog(await running(call)),
  explain: async (call: Call, options: readonly string[]) =>
    explainVm(await opened(call, { needs: 'nothing' }), options, callerOf(call)),
  export: async (call: Call, system: System) => exportVm(await opened(call, { needs: 'bootable' }), system, callerOf(call)),
  async enable(call: Call) {
    const outside = outsideOf(call)
    return enableVm(await opened(call, { needs: 'bootable' }), outside, unitHost(outside))
  },
  async disable(call: Call) {
    return (await disableVm(await opened(call, { needs: 'nothing' }), unitHost(outsideOf(call)))) ?? null
  },
  rm: async (call: Call) => removeVm(await opened(call), { outside: outsideOf(call) }, callerOf(call)),
}
