// What a VM takes over from another with a copy of its drive: what the system on it was installed for.
import { messageOf } from '../../core/errors.js'
import { copyNew, lstat, remove, rename, stat } from '../../sys/file.js'
import { variablesFile } from '../record/choice.js'
import { readRecord, updateRecord } from '../record/record.js'
import { isRunning } from '../record/state.js'
import { drawerNow } from '../record/drawer.js'
import type { Vm } from '../record/vm.js'

/** More than any flash memory: what a guest has made of its own is not copied without end. */
const largestBytes = 128 * 1024 ** 2

/**
 * Gives a VM that was never started the processor and the UEFI of the VM `from`, with a copy of its variables, boot entries among them.
 * Its TPM stays its own. `note` tells what was left out: variables are not copied while a guest may write them.
 */
export async function inherit(vm: Pick<Vm, 'place' | 'id'>, from: string, note: (text: string) => void): Promise<void> {
  const { place, id } = vm
  const source = quietRecord(place, from)
  if (source === undefined || (source.arch === undefined && source.firmware === undefined)) return
  const { arch, firmware } = source
  const changed = await updateRecord(place, id, (record) =>
    record.machine !== undefined || record.arch !== undefined || record.firmware !== undefined
      ? record
      : { ...record, ...(arch === undefined ? {} : { arch }), ...(firmware === undefined ? {} : { firmware }) },
  )
  if (firmware === undefined || changed.firmware !== firmware) return
  const [theirs, own] = [variablesFile({ place, id: from }, firmware), variablesFile(vm, firmware)]
  const bytes = stat(theirs)?.size ?? 0
  if (bytes === 0 || bytes > largestBytes || lstat(own) !== undefined) return
  if (isRunning(drawerNow(place.state, from))) {
    note(`${id} begins with UEFI variables of its own: those of ${from} are not copied while it runs`)
    return
  }
  try {
    copyNew(theirs, `${own}.tmp`)
    rename(`${own}.tmp`, own)
  } catch (error) {
    remove(`${own}.tmp`)
    note(`${id} begins with UEFI variables of its own: those of ${from} cannot be copied: ${messageOf(error)}`)
  }
}

/** The record of a VM whose drive can be copied although it is damaged. */
function quietRecord(place: Vm['place'], id: string) {
  try {
    return readRecord(place, id)
  } catch {
    return undefined
  }
}
