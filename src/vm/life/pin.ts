// What a guest was first started on, written down: an upgrade of QEMU, or of nbsvm, must not change its hardware.
import { messageOf } from '../../core/errors.js'
import { updateRecord } from '../record/record.js'
import type { Vm } from '../record/vm.js'
import type { Plan } from './plan.js'

/**
 * Pins machine type and CPU in the record of a VM that was just started, where its settings leave them to nbsvm and none is
 * pinned yet. `host` and `max` are what QEMU makes of them on each machine, so the word is kept, for each accelerator. The VM
 * runs already: what cannot be written is told with `note`, and written by the next start.
 */
export async function pinHardware(vm: Vm, { machine, host, record }: Plan, note: (text: string) => void): Promise<void> {
  const { settings, place, id } = vm
  const { accelerator, type, cpu } = machine
  // An alias would lead to another board later.
  const pinsMachine =
    settings.machine === undefined && record.machine === undefined && host.machines.includes(type) && type !== 'q35'
  const pinsCpu = settings.cpu === undefined && record.cpu?.[accelerator] === undefined
  if (!pinsMachine && !pinsCpu) return
  try {
    await updateRecord(place, id, (now) => ({
      ...now,
      ...(pinsMachine ? { machine: type } : {}),
      ...(pinsCpu ? { cpu: { ...now.cpu, [accelerator]: cpu } } : {}),
    }))
  } catch (error) {
    note(`its machine type and CPU are not written down yet: ${messageOf(error)}`)
  }
}
