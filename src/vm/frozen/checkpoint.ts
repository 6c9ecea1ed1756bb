// The whole state of a VM under a name, taken while it runs or is off.
import type { Caller } from '../../core/caller.js'
import { Failure, messageOf } from '../../core/errors.js'
import { checkName } from '../../core/name.js'
import { quote } from '../../core/quote.js'
import type { Store } from '../../store/store.js'
import { bytesOnDisk, list, lstat, makePrivateFolder, syncFolder } from '../../sys/file.js'
import { whileStopped } from '../drive/drives.js'
import { liveDrives } from '../drive/live.js'
import { isUp } from '../life/up.js'
import { isRollingBack, refuseAsleep } from '../record/asleep.js'
import {
  checkpointFolder,
  checkpointNames,
  checkpointsFolder,
  pinOf,
  readFrozen,
  writeFrozen,
  type Frozen,
  type FrozenDrive,
} from '../record/frozen.js'
import { ensureRecord, refuseMoving } from '../record/record.js'
import { storeOf } from '../record/stores.js'
import type { Vm } from '../record/vm.js'
import { keepBeside, keepSeed } from './beside.js'
import { capture, type CaptureCaller, type Captured } from './capture.js'
import { makeState, removeStates, withStates } from './keep.js'
import { tidy, watched } from './settle.js'

/** A checkpoint of a VM, for lists. */
export interface Checkpoint {
  readonly name: string
  /** When it was taken, in milliseconds since 1970; null where it cannot be read. */
  readonly atMs: number | null
  /** Whether its guest goes on from there; without RAM the VM is off then. */
  readonly hasRam: boolean
  /** What its files take on the host, but for what drives hold. */
  readonly allocatedBytes: number
  /** Why it cannot be used. */
  readonly fault: string | null
}

/** Takes the state of a VM, which goes on, or stays off. */
export async function checkpointVm(vm: Vm, name: string, caller: CaptureCaller = {}): Promise<Captured> {
  checkName('checkpoint', name)
  await refuseMoving(vm, 'checkpoint')
  const { place, id } = vm
  const store = await storeOf(vm)
  return withStates(vm, { doing: `checkpoint ${id}`, hold: 'exclusive', signal: caller.signal }, async () => {
    await tidy(vm, store)
    refuseThere(vm, name)
    makePrivateFolder(checkpointsFolder(place, id))
    const nameOf = (): string => checkpointFolder(place, id, name)
    return makeState(vm, store, nameOf, (folder, token) =>
      isUp(vm, caller) ? ofRunning(vm, store, { folder, token }, caller) : ofStopped(vm, store, { folder, token }, caller),
    )
  })
}

function refuseThere({ place, id, call }: Vm, name: string): void {
  if (lstat(checkpointFolder(place, id, name)) === undefined) return
  throw new Failure(`${id} has a checkpoint ${name} already`, {
    code: 'CHECKPOINT_EXISTS',
    hints: [`remove it first: ${call} checkpoints --rm=${name}`, 'or choose another name'],
  })
}

interface Made {
  readonly folder: string
  readonly token: string
}

async function ofRunning(vm: Vm, store: Store, { folder, token }: Made, caller: CaptureCaller): Promise<Captured> {
  return watched(vm, async () => {
    const captured = await capture(vm, store, { folder, token, after: 'on', verb: 'checkpoint' }, caller)
    keepSeed(vm.drawer, folder)
    syncFolder(folder)
    return captured
  })
}

/** What its drives hold, and what is beside its record. */
async function ofStopped(vm: Vm, store: Store, { folder, token }: Made, { signal, note }: CaptureCaller): Promise<Captured> {
  const { id, place } = vm
  const record = await ensureRecord(vm)
  return whileStopped(vm, `checkpoint ${id}`, async () => {
    const how = {
      live: liveDrives(place, store.layers),
      ...(signal === undefined ? {} : { signal }),
      ...(note === undefined ? {} : { onNote: note }),
    }
    const drives: FrozenDrive[] = []
    const atMs = Date.now()
    for (const drive of await store.drives(id)) {
      const { name: base, virtualBytes } = await store.freeze(drive, pinOf({ token, vm: id }), how)
      drives.push({ number: drive.number, base, virtualBytes })
    }
    await keepBeside(vm, folder)
    const frozen: Frozen = { format: 1, token, vm: id, atMs, store: store.name, drives, record }
    writeFrozen(folder, frozen)
    syncFolder(folder)
    return { frozen, stoodStillMs: null }
  })
}

/** The checkpoints of a VM, the oldest first. */
export function listCheckpoints({ place, id }: Pick<Vm, 'place' | 'id'>): Checkpoint[] {
  const all = checkpointNames(place, id).map((name): Checkpoint => {
    const folder = checkpointFolder(place, id, name)
    const allocatedBytes = bytesIn(folder)
    try {
      const frozen = readFrozen(folder)
      if (frozen === undefined) throw new Failure(`${folder} is empty`)
      return { name, atMs: frozen.atMs, hasRam: frozen.live !== undefined, allocatedBytes, fault: null }
    } catch (error) {
      return { name, atMs: null, hasRam: false, allocatedBytes, fault: messageOf(error) }
    }
  })
  return all.toSorted((a, b) => (a.atMs ?? 0) - (b.atMs ?? 0))
}

function bytesIn(folder: string): number {
  return list(folder).reduce((bytes, name) => bytes + bytesOnDisk(lstat(`${folder}/${name}`)), 0)
}

/** Removes one; all others stay as they are, and so does the VM. */
export async function removeCheckpoint(vm: Vm, name: string, { signal, note }: Caller = {}): Promise<void> {
  const { place, id } = vm
  const store = await storeOf(vm)
  await withStates(vm, { doing: `remove a checkpoint of ${id}`, hold: 'exclusive', signal }, async () => {
    const folder = checkpointFolder(place, id, name)
    if (lstat(folder) === undefined) throw missing(vm, name)
    if (isRollingBack(vm)) refuseAsleep(vm, `remove a checkpoint of ${id}`)
    // Where it is damaged its pin is nobody's, and goes as well.
    await removeStates(vm, store, [folder], note)
  })
}

/** The state of that name. Throws a Failure where there is none, or it cannot be read. */
export function findCheckpoint(vm: Vm, name: string): { readonly folder: string; readonly frozen: Frozen } {
  checkName('checkpoint', name)
  const folder = checkpointFolder(vm.place, vm.id, name)
  const frozen = readFrozen(folder)
  if (frozen === undefined) throw missing(vm, name)
  return { folder, frozen }
}

function missing({ place, id, call }: Vm, name: string): Failure {
  const names = checkpointNames(place, id)
  return new Failure(`${id} has no checkpoint ${quote(name)}${names.length === 0 ? '' : `; it has ${names.join(', ')}`}`, {
    code: 'CHECKPOINT_MISSING',
    hints: [names.length === 0 ? `take one: ${call} checkpoint NAME` : `see them: ${call} checkpoints`],
  })
}
