import { resumeVm } from '../vm/life/power.js'
import type { Verb } from './verb.js'

export const resume: Verb = {
  help: `Lets a VM go on that was paused, or that QEMU stopped because the host's disk was full, and wakes one whose guest sleeps
(suspended to RAM). It fails when the VM does not run after that.`,

  async run({ vm, note, signal }) {
    const result = await resumeVm(vm, { note, signal })
    note(result === 'was running' ? `${vm.id} was running` : `${result} ${vm.id}`)
  },
}
