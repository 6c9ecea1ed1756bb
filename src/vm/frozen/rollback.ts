// A VM goes back to a checkpoint. What is below is done in steps, each of which can be done again, and a mark says from the first to the last that it is not over:
// 1. the VM is off, whatever ran is over;
// 2. the mark (`rollback`, beside the record): from here on nothing but the rollback starts it;
// 3. its drives, its record and what stands beside that become what they were;
// 4. its guest is taken in by a new QEMU, where it ran at that time; the mark goes, and it goes on.
import type { Caller } from '../../core/caller.js'
import { errorCode, Failure } from '../../core/errors.js'
import { driveName } from '../../core/name.js'
import type { Store } from '../../store/store.js'
import { lstat, makePrivateFolder, remove, rename, syncFolder, writeWhole } from '../../sys/file.js'
import { randomHex } from '../../sys/stamp.js'
import { whileStopped } from '../drive/drives.js'
import { setClockIfHeard } from '../life/clock.js'
import { planMachine } from '../life/plan.js'
import { startVm, type Started } from '../life/start.js'
import { stopVm } from '../life/stop.js'
import { isRollingBack, isSaved, markName, rollbackFolder, type Rollback } from '../record/asleep.js'
import { savedFolder, underWay, unfinishedFolder, type Frozen, type FrozenLive } from '../record/frozen.js'
import { asMachineOf, ensureRecord, recordFolder, refuseMoving, renewGeneration, updateRecord } from '../record/record.js'
import { storeOf } from '../record/stores.js'
import { vmNow, type Vm } from '../record/vm.js'
import { arriveAsItWas } from './arrive.js'
import { restoreBeside } from './beside.js'
import { findCheckpoint } from './checkpoint.js'
import { putAside, removeStates, sweepLater, withStates } from './keep.js'
import { asItWas } from './seen.js'
import { tidy, watched } from './settle.js'
import { requireQemu, requireWhole } from './wake.js'

export interface RolledBack {
  /** QEMU's process, where its guest goes on; null where the VM is off, as it was then. */
  readonly pid: number | null
  readonly atMs: number
}

export interface RollbackOptions {
  /** Its drives alone, without its RAM: it is off then. */
  readonly fresh?: boolean
  /** Gets when the checkpoint was taken, and throws to keep what is. */
  readonly confirm?: (atMs: number) => void
}

/** Makes a VM what it was at a checkpoint. What it is now is gone then, but for its other checkpoints and its template. */
export async function rollbackVm(
  vm: Vm,
  name: string,
  { fresh = false, confirm }: RollbackOptions,
  caller: Caller = {},
): Promise<RolledBack> {
  await refuseMoving(vm, 'roll back')
  const store = await storeOf(vm)
  const { signal } = caller
  return withStates(vm, { doing: `roll back ${vm.id}`, hold: 'exclusive', signal }, async () => {
    const { folder, frozen } = findCheckpoint(vm, name)
    await tidy(vm, store)
    await requireUsable(vm, store, { name, folder, frozen, fresh }, caller)
    confirm?.(frozen.atMs)
    signal?.throwIfAborted()
    await stopVm(vm, { signal }, 'rollback')
    const started = await finishRollback(vmNow(vm), store, { name, fresh }, caller).catch((error: unknown) => {
      throw isRollingBack(vm) ? cutOff(vm, name, error) : notBegun(vm, name, error)
    })
    return { pid: started?.pid ?? null, atMs: frozen.atMs }
  })
}

interface Wanted extends Rollback {
  readonly folder: string
  readonly frozen: Frozen
}

/** Throws a Failure where there is no going back, as long as nothing is lost by that. */
async function requireUsable(vm: Vm, store: Store, wanted: Wanted, caller: Caller): Promise<void> {
  const { folder, frozen, name, fresh } = wanted
  if (store.name !== frozen.store)
    throw new Failure(
      `cannot roll ${vm.id} back: its drives were in the store ${frozen.store} then, and ${store.name} is another`,
    )
  for (const { base } of frozen.drives) await store.base(base)
  const { live } = frozen
  if (live === undefined || fresh) return
  try {
    const was = asItWas(vm, live, without(vm, name))
    await requireWhole({ folder, live }, caller.signal)
    const { host } = await planMachine(was, [], {}, caller)
    requireQemu(host, live, { isFork: false })
  } catch (error) {
    throw withoutRam(vm, name, error)
  }
}

const without = ({ call }: Vm, name: string): string => `${call} rollback ${name} --fresh`

function withoutRam(vm: Vm, name: string, error: unknown): unknown {
  if (!(error instanceof Failure)) return error
  return new Failure(`cannot let ${vm.id} go on from ${name}: ${error.message}`, {
    code: error.code,
    cause: error.cause,
    hints: [...error.hints, `its drives alone, without RAM: ${without(vm, name)}`],
  })
}

/**
 * Does what is left of a rollback, or all of it. Undefined where the VM is off then, as it was at that time. The caller is in `withStates`, and
 * the VM does not run.
 */
export async function finishRollback(vm: Vm, store: Store, rollback: Rollback, caller: Caller): Promise<Started | undefined> {
  const { place, id } = vm
  const { folder, frozen } = findCheckpoint(vm, rollback.name)
  const live = rollback.fresh ? undefined : frozen.live
  await whileStopped(
    vm,
    `roll back ${id}`,
    async () => {
      await ensureRecord(vm)
      writeMark(vm, { name: rollback.name, fresh: rollback.fresh }, live)
      if (isSaved(vm)) await removeStates(vm, store, [savedFolder(place, id)])
      const options = caller.note === undefined ? {} : { onNote: caller.note }
      for (const { number, base } of frozen.drives)
        await store.restore({ name: driveName(id, number), number }, await store.base(base), options)
      if (frozen.live === undefined) await restoreBeside(vm, folder)
      await updateRecord(place, id, (now) => renewGeneration(asMachineOf(now, frozen.record)))
      if (live === undefined) putAside(vm, rollbackFolder(place, id))
    },
    { mayBeAsleep: true },
  )
  if (live === undefined) {
    await sweepLater(vm, store, caller.note)
    return undefined
  }
  const wake = {
    folder,
    frozen,
    live,
    cutsLinks: false,
    onTaken: () => putAside(vm, rollbackFolder(place, id)),
  }
  const { vm: was, arriving } = arriveAsItWas(vm, wake, `${vm.call} start --fresh`)
  const started = await watched(vm, () => startVm(was, [], caller, arriving)).catch((error: unknown) => {
    throw unwoken(vm, rollback.name, error)
  })
  if (live.ran) await setClockIfHeard(vmNow(vm), caller)
  await sweepLater(vm, store, caller.note)
  return started
}

/** What the system refuses may well be possible later. */
function cutOff({ id, call }: Vm, name: string, error: unknown): unknown {
  if (error instanceof Failure || errorCode(error) === undefined) return error
  return new Failure(`the rollback of ${id} to ${name} was cut off`, { cause: error, hints: [`finish it: ${call} start`] })
}

/** It was ended for this. */
function notBegun({ id, call }: Vm, name: string, error: unknown): unknown {
  if (errorCode(error) === undefined && !(error instanceof Failure)) return error
  const hints = error instanceof Failure ? error.hints : []
  return new Failure(`${id} was ended, but is not at ${name}`, {
    cause: error,
    code: error instanceof Failure ? error.code : 'FAILED',
    hints: [...hints, `try again: ${call} rollback ${name}`],
  })
}

/** Its drives are those of the checkpoint by now. */
function unwoken(vm: Vm, name: string, error: unknown): unknown {
  if (!(error instanceof Failure)) return error
  return new Failure(`${vm.id} has the drives of ${name} again, but its guest does not go on: ${error.message}`, {
    code: error.code,
    cause: error.cause,
    hints: [...error.hints, `try again: ${vm.call} start`, `or boot it without its RAM: ${vm.call} start --fresh`],
  })
}

/** In one step. One that is there is for this rollback then. */
function writeMark({ place, id }: Vm, rollback: Rollback, live: FrozenLive | undefined): void {
  const there = rollbackFolder(place, id)
  const isThere = lstat(there) !== undefined
  const folder = isThere ? there : unfinishedFolder(place, id, randomHex(8))
  makePrivateFolder(folder)
  // Where this is there its guest goes on when the mark has gone.
  if (live?.ran === true) writeWhole(underWay(folder), '')
  else remove(underWay(folder))
  writeWhole(`${folder}/${markName}`, `${JSON.stringify(rollback)}\n`)
  syncFolder(folder)
  if (!isThere) rename(folder, there)
  syncFolder(recordFolder(place, id))
}
