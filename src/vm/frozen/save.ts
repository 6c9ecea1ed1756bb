// A VM sleeps on the disk: its RAM in a file, its drives as they are.
import { Failure } from '../../core/errors.js'
import { undoMigration } from '../../qemu/migration.js'
import { withQmp } from '../../qemu/qmp.js'
import { syncFolder } from '../../sys/file.js'
import { stopVm } from '../life/stop.js'
import { isUp, requireRunning } from '../life/up.js'
import { isSaved, refuseAsleep } from '../record/asleep.js'
import { savedFolder, type Frozen } from '../record/frozen.js'
import { markState } from '../record/marks.js'
import { refuseMoving } from '../record/record.js'
import { isRunning } from '../record/state.js'
import { storeOf } from '../record/stores.js'
import type { Vm } from '../record/vm.js'
import { keepSeed } from './beside.js'
import { capture, type CaptureCaller } from './capture.js'
import { makeState, withStates } from './keep.js'
import { tidy, watched } from './settle.js'

const qmpTimeoutMs = 30_000

/** Saves a running VM, which has ended when this resolves. Where it fails, it goes on as it was. */
export async function saveVm(vm: Vm, caller: CaptureCaller = {}): Promise<Frozen> {
  if (!isUp(vm)) refuseAsleep(vm, `save ${vm.id}`)
  requireRunning(vm, 'save')
  await refuseMoving(vm, 'save')
  const { place, id, drawer } = vm
  const store = await storeOf(vm)
  return withStates(vm, { doing: `save ${id}`, hold: 'exclusive', signal: caller.signal }, async () => {
    await tidy(vm, store)
    return watched(vm, async () => {
      let ran: boolean | undefined
      let frozen: Frozen
      try {
        frozen = await makeState(
          vm,
          store,
          () => savedFolder(place, id),
          async (folder, token) => {
            const captured = await capture(vm, store, { folder, token, after: 'off', verb: 'save' }, caller)
            ran = captured.frozen.live?.ran === true
            keepSeed(drawer, folder)
            syncFolder(folder)
            markState(place, id, 'saved')
            await requireStill(vm)
            caller.signal?.throwIfAborted()
            return captured.frozen
          },
        )
      } catch (error) {
        const how = ran === undefined ? undefined : { ran }
        // Where its state has its name nevertheless, its guest is in there.
        if (how !== undefined && isRunning(drawer) && !isSaved(vm))
          await withQmp(drawer.qmp, { timeoutMs: qmpTimeoutMs }, (qmp) => undoMigration(qmp, how)).catch(() => {})
        throw error
      }
      // From here on its guest is in the file.
      await stopVm(vm, {}, 'save')
      return frozen
    })
  })
}

/** What somebody has let go on meanwhile has changed its drives. */
async function requireStill({ id, drawer }: Vm): Promise<void> {
  const { status } = await withQmp(drawer.qmp, { timeoutMs: qmpTimeoutMs }, (qmp) => qmp.execute('query-status'))
  if (status === 'running') throw new Failure(`cannot save ${id}: somebody has let it go on meanwhile`, { code: 'BUSY' })
}
