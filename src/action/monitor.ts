import { attachMonitor } from '../vm/life/attach.js'
import type { Verb } from './verb.js'

export const monitor: Verb = {
  help: `Attaches this terminal to QEMU's own monitor. Ctrl-] leaves; the VM goes on. Type help there to see its commands.

  nbsvm foo monitor
  echo info block | nbsvm foo monitor`,

  async run({ vm, note, signal }) {
    await attachMonitor(vm, { note, signal })
  },
}
