// The states of a VM that it goes back to, or on from.
import { checkpointVm, listCheckpoints, removeCheckpoint, type Checkpoint } from '../../vm/frozen/checkpoint.js'
import { rollbackVm, type RolledBack } from '../../vm/frozen/rollback.js'
import { saveVm } from '../../vm/frozen/save.js'
import type { Call } from './call.js'
import type { Froze } from './frozen.js'
import { callerOf, opened, running } from './opened.js'

export const calls = {
  async checkpoint(call: Call, name: string): Promise<Froze> {
    const { stoodStillMs } = await checkpointVm(await opened(call), name, {
      ...callerOf(call),
      onProgress: call.told('onProgress'),
    })
    return { stoodStillMs }
  },
  checkpoints: async (call: Call): Promise<Checkpoint[]> => listCheckpoints(await opened(call)),
  removeCheckpoint: async (call: Call, name: string): Promise<void> => removeCheckpoint(await opened(call), name, callerOf(call)),
  rollback: async (call: Call, name: string, fresh: boolean): Promise<RolledBack> =>
    rollbackVm(await opened(call), name, { fresh }, callerOf(call)),
  async save(call: Call): Promise<void> {
    await saveVm(await running(call), { ...callerOf(call), onProgress: call.told('onProgress') })
  },
}
