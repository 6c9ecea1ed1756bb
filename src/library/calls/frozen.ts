// Templates, and the VMs that are forked from them.
import { forkVm } from '../../vm/frozen/fork.js'
import { freezeVm } from '../../vm/frozen/freeze.js'
import { removeTemplate } from '../../vm/frozen/template.js'
import type { Call } from './call.js'
import { callerOf, opened, running } from './opened.js'

/** A VM is a template. */
export interface Froze {
  /** How long its guest stood still, as it was seen from outside; null where it was paused. */
  readonly stoodStillMs: number | null
}

/** A VM goes on where another was frozen. */
export interface Forked {
  /** QEMU's process. */
  readonly pid: number
  /** The VM that it was forked from. */
  readonly template: string
}

export const calls = {
  async freeze(call: Call): Promise<Froze> {
    const onProgress = call.told('onProgress')
    const { stoodStillMs } = await freezeVm(await running(call), { ...callerOf(call), onProgress })
    return { stoodStillMs }
  },
  async fork(call: Call): Promise<Forked> {
    const { pid, template } = await forkVm(await opened(call, { needs: 'nothing' }), callerOf(call))
    return { pid, template }
  },
  removeTemplate: async (call: Call) => removeTemplate(await running(call), callerOf(call)),
}
