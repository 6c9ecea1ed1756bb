// A running VM becomes a template as well: what others are forked from.
import { messageOf } from '../../core/errors.js'
import { requireRunning } from '../life/up.js'
import { templateFolder, templateFolders } from '../record/frozen.js'
import { markState } from '../record/marks.js'
import { refuseMoving } from '../record/record.js'
import { storeOf } from '../record/stores.js'
import type { Vm } from '../record/vm.js'
import { capture, type CaptureCaller, type Captured } from './capture.js'
import { makeState, removeStates, withStates } from './keep.js'
import { tidy, watched } from './settle.js'

/** Freezes a VM that runs. It goes on; what was frozen of it before is gone, but for those that were forked from that. */
export async function freezeVm(vm: Vm, caller: CaptureCaller = {}): Promise<Captured> {
  requireRunning(vm, 'freeze')
  await refuseMoving(vm, 'freeze')
  const store = await storeOf(vm)
  const { place, id } = vm
  return withStates(vm, { doing: `freeze ${id}`, hold: 'exclusive', signal: caller.signal }, async () => {
    await tidy(vm, store)
    const nameOf = (token: string): string => templateFolder(place, id, token)
    const captured = await makeState(vm, store, nameOf, async (folder, token) => {
      const made = await watched(vm, () => capture(vm, store, { folder, token, after: 'on', verb: 'freeze' }, caller))
      markState(place, id, 'templates')
      return made
    })
    const made = nameOf(captured.frozen.token)
    const before = templateFolders(place, id).filter((folder) => folder !== made)
    // The newest counts, whatever stays beside it.
    await removeStates(vm, store, before, caller.note).catch((error: unknown) => caller.note?.(messageOf(error)))
    return captured
  })
}
