import { attach } from '../console/attach.js'
import { requireRunning } from '../vm/life/up.js'
import type { Verb } from './verb.js'

export const monitor: Verb = {
  help: `Attaches this terminal to QEMU's own monitor. Ctrl-] leaves; the VM goes on. Type help there to see its commands.

  nbsvm foo monitor
  echo info block | nbsvm foo monitor`,

  async run({ vm, note, signal }) {
    const { drawer, id } = vm
    requireRunning(vm, 'attach to')
    await attach({
      id,
      kind: 'monitor',
      socketPath: drawer.monitor,
      lockPath: drawer.monitorLock,
      before: '',
      note,
      signal,
    })
  },
}
