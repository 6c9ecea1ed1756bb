// Making a VM of something from elsewhere, whatever it is: all of it, or nothing.
import { readRecord } from '../record/record.js'
import type { Caller } from '../../core/caller.js'
import { Failure } from '../../core/errors.js'
import { version } from '../../core/version.js'
import type { SettingTexts } from '../../config/fold.js'
import type { Outside } from '../../host/place.js'
import type { ParcelDrive } from '../move/parcel.js'
import { makeOf, type Fill } from '../move/receive.js'
import type { MachineRecord } from '../record/record.js'
import type { Vm } from '../record/vm.js'
import { hasOwnFile } from '../record/vm.js'
import { randomHex } from '../../sys/stamp.js'

export interface Importing extends Caller {
  readonly outside: Outside
}

export interface New {
  /** Where it comes from, for messages: a file. */
  readonly from: string
  readonly record: MachineRecord
  readonly settings: SettingTexts
  /** Drives that are made before `fill`, empty. */
  readonly drives: readonly ParcelDrive[]
  readonly fill: Fill
  /** What may fail when all else is there; it leaves nothing where it does. */
  readonly last?: (vm: Vm) => Promise<void>
}

/** Makes it, under the name of `asked`. Returns the lines that were added to its settings file. */
export async function makeNew(asked: Vm, made: New, { outside, signal, note }: Importing): Promise<readonly string[]> {
  requireFree(asked)
  const { from, record, settings, drives, fill, last } = made
  const parcel = {
    kind: 'copy',
    version,
    token: randomHex(8),
    from,
    record,
    settings,
    file: undefined,
    files: [],
    drives,
    sharedStore: undefined,
    live: undefined,
    ended: undefined,
  } as const
  return (await makeOf(asked, parcel, { fill, ...(last === undefined ? {} : { last }) }, { outside, signal, note })).added
}

/** Throws a Failure where there is such a VM, before anything is read. */
export function requireFree(vm: Vm): void {
  if (readRecord(vm.place, vm.id) === undefined) return
  throw new Failure(`there is a VM ${vm.id} already`, {
    code: 'VM_EXISTS',
    hints: ['choose another name', `or remove it: ${vm.call} rm`],
  })
}

/** A file that the user wrote for a VM of this name is his, and goes over what comes. */
export function noteOwnFile(vm: Vm, note: Caller['note']): void {
  if (hasOwnFile(vm)) note?.(`there is a settings file for ${vm.id} already, which stays; what it gets is added at its end`)
}
