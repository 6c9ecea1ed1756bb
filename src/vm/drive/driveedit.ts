// What is done to one drive of a VM.
import type { Caller } from '../../core/caller.js'
import { UsageError } from '../../core/errors.js'
import { formatSize, parseNewSize } from '../../core/size.js'
import type { Drive } from '../../model/drive.js'
import { refuseMoving } from '../record/record.js'
import { storeOf } from '../record/stores.js'
import type { Vm } from '../record/vm.js'
import { findDrive, resizeDrive, whileStopped } from './drives.js'

/** Which size a drive is to have. */
export interface NewSize {
  /** `40G`, or `+10G` for so much more. */
  readonly size: string
  /** The drive's number; a VM with one drive needs none. */
  readonly number?: string | undefined
  /** Its end may be cut off. */
  readonly shrink?: boolean
}

export interface Resized {
  readonly drive: Drive
  readonly beforeBytes: number
  readonly sizeBytes: number
}

/** Changes the size of a VM's drive, of a running VM too, where it can only grow. Throws a UsageError where data would be cut off. */
export async function resizeDriveOf(vm: Vm, { size, number, shrink = false }: NewSize): Promise<Resized> {
  const store = await storeOf(vm)
  const drive = await findDrive(store, vm, number)
  const { virtualBytes } = await store.size(drive)
  const sizeBytes = parseNewSize(size, virtualBytes)
  if (sizeBytes < virtualBytes && !shrink) {
    throw new UsageError(`${drive.name} has ${formatSize(virtualBytes)}: ${size} would cut off its end`, {
      hints: ['if that is what you want: --shrink (what lies beyond is lost)'],
    })
  }
  await resizeDrive(vm, drive, sizeBytes, { shrink })
  return { drive, beforeBytes: virtualBytes, sizeBytes }
}

/**
 * Removes drive `number` of a VM that does not run. `confirm` gets the drive that would be removed, and throws to keep it. Throws a
 * Failure when the VM runs.
 */
export async function removeDriveOf(
  vm: Vm,
  { number, confirm }: { readonly number: string; readonly confirm?: (drive: Drive) => void },
  { note, signal }: Caller = {},
): Promise<Drive> {
  return whileStopped(vm, `remove drive ${number}`, async (store) => {
    await refuseMoving(vm, 'remove a drive of')
    const drive = await findDrive(store, vm, number)
    confirm?.(drive)
    signal?.throwIfAborted()
    await store.remove(drive, note === undefined ? {} : { onNote: note })
    return drive
  })
}
