import { tell } from '../vm/life/power.js'
import type { Verb } from './verb.js'

export const resume: Verb = {
  help: `Lets a paused VM go on: one that was paused, or that QEMU stopped because the host's disk was full.`,

  async run({ vm, note }) {
    await tell(vm, 'resume', 'cont')
    note(`resumed ${vm.id}`)
  },
}
