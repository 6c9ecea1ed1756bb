// A VM that sleeps on the disk goes on, and a rollback that was cut off is finished.
import type { Caller } from '../../core/caller.js'
import { Failure, messageOf, UsageError } from '../../core/errors.js'
import type { Words } from '../../model/machine.js'
import type { Store } from '../../store/store.js'
import { setClockIfHeard } from '../life/clock.js'
import { startVm, type Started } from '../life/start.js'
import { isSaved, readRollback } from '../record/asleep.js'
import { readFrozen, savedFolder, type Frozen } from '../record/frozen.js'
import { refuseMoving } from '../record/record.js'
import { storeOf } from '../record/stores.js'
import { vmNow, type Vm } from '../record/vm.js'
import { arriveAsItWas } from './arrive.js'
import { putAside, removeStates, sweepLater, withStates } from './keep.js'
import { finishRollback } from './rollback.js'
import { tidy, watched } from './settle.js'
import { requireWhole } from './wake.js'

/** Undefined where it is to boot: what was saved of it is given up, or a rollback has come to its end that leaves it off. */
export async function wakeVm(
  vm: Vm,
  options: Words,
  caller: Caller,
  { fresh }: { readonly fresh: boolean },
): Promise<Started | undefined> {
  await refuseMoving(vm, 'start')
  const { id } = vm
  const store = await storeOf(vm)
  return withStates(vm, { doing: `start ${id}`, hold: 'exclusive', signal: caller.signal }, async () => {
    await tidy(vm, store)
    const rollback = readRollback(vm)
    if (rollback !== undefined) {
      caller.note?.(`finishing the rollback of ${id} to ${rollback.name}, which was cut off`)
      return finishRollback(vm, store, { ...rollback, fresh: rollback.fresh || fresh }, caller)
    }
    if (!isSaved(vm)) return undefined
    if (!fresh) return wakeSaved(vm, store, options, caller)
    await removeStates(vm, store, [savedFolder(vm.place, id)], caller.note)
    return undefined
  })
}

async function wakeSaved(vm: Vm, store: Store, options: Words, caller: Caller): Promise<Started> {
  const { place, id, call } = vm
  const without = `${call} start --fresh`
  const hint = `boot it without its RAM, as after a power cut: ${without}`
  if (options.length > 0)
    throw new UsageError(`${id} is saved, and its guest goes on with the hardware that it has: leave ${options.join(' ')} out`, {
      hints: [`or ${hint}`],
    })
  const folder = savedFolder(place, id)
  try {
    const frozen = readFrozen(folder)
    const live = frozen?.live
    if (frozen === undefined || live === undefined) throw new Failure(`${folder} is not whole`, { code: 'VM_DAMAGED' })
    await requireWhole({ folder, live }, caller.signal)
    await requireDrives(vm, store, frozen)
    await requireLastRun(vm, store, frozen)
    // The step that decides: from here on it runs. Where it stands still nevertheless, whoever finds it lets it go on.
    const onTaken = (): (() => void) => putAside(vm, folder)
    const { vm: was, arriving } = arriveAsItWas(vm, { folder, frozen, live, cutsLinks: false, onTaken }, without)
    const started = await watched(vm, () => startVm(was, [], caller, arriving))
    if (live.ran) await setClockIfHeard(vmNow(vm), caller)
    await sweepLater(vm, store, caller.note)
    return started
  } catch (error) {
    caller.signal?.throwIfAborted()
    if (error instanceof UsageError || !isSaved(vm)) throw error
    throw new Failure(`cannot wake ${id}: ${messageOf(error)}`, {
      code: error instanceof Failure ? error.code : 'FAILED',
      cause: error instanceof Failure ? error.cause : error,
      hints: [...(error instanceof Failure ? error.hints : []), hint],
    })
  }
}

/** Whoever has started it elsewhere did not know that it sleeps here. */
async function requireLastRun({ id }: Vm, store: Store, { lastRun: own }: Frozen): Promise<void> {
  const last = own === undefined ? undefined : await store.lastRun?.(id)
  if (last === undefined || (last.mark === own?.mark && last.sinceMs === own.sinceMs)) return
  throw new Failure(`it was started on ${last.host} meanwhile, and its drives are not what its guest counts on`, {
    code: 'VM_DAMAGED',
  })
}

/** Those that its guest had are all that are changed by nobody while it sleeps. */
async function requireDrives({ id }: Vm, store: Store, frozen: Frozen): Promise<void> {
  const there = new Set((await store.drives(id)).map(({ number }) => number))
  const gone = frozen.drives.filter(({ number }) => !there.has(number)).map(({ number }) => number)
  if (gone.length > 0) throw new Failure(`its drive ${gone.join(', ')} is not there any more`, { code: 'DRIVE_MISSING' })
}
