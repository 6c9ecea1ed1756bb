// What a guest was first started on, written down: an upgrade of QEMU, or of nbsvm, must not change its hardware.
import { hostArch } from '../../sys/environment.js'
import { messageOf } from '../../core/errors.js'
import { updateRecord } from '../record/record.js'
import type { Vm } from '../record/vm.js'
import type { Plan } from './plan.js'

/** A name without a version leads to another board later. */
const aliases: ReadonlySet<string> = new Set(['q35', 'virt'])

/**
 * Pins processor, machine type, CPU and UEFI in the record of a VM that was just started, where its settings leave them to nbsvm and none is
 * pinned yet. `host` and `max` are what QEMU makes of them on each machine, so the word is kept, for each accelerator. The VM
 * runs already: what cannot be written is told with `note`, and written by the next start.
 */
export async function pinHardware(vm: Vm, { machine, host, record }: Plan, note: (text: string) => void): Promise<void> {
  const { settings, place, id } = vm
  const { accelerator, arch, type, cpu, firmware } = machine
  const pinsMachine =
    settings.machine === undefined && record.machine === undefined && host.machines.includes(type) && !aliases.has(type)
  const pinsCpu = settings.cpu === undefined && record.cpu?.[accelerator] === undefined
  // Both also where a setting asks for them: what is on its drives is for them, and for nothing else.
  const pinsArch = record.arch === undefined && (record.machine === undefined || arch !== hostArch())
  const pinsFirmware = firmware !== undefined && record.firmware === undefined
  if (!pinsMachine && !pinsCpu && !pinsFirmware && !pinsArch) return
  try {
    await updateRecord(place, id, (now) => ({
      ...now,
      ...(pinsArch ? { arch } : {}),
      ...(pinsMachine ? { machine: type } : {}),
      ...(pinsFirmware ? { firmware: firmware.kind } : {}),
      ...(pinsCpu ? { cpu: { ...now.cpu, [accelerator]: cpu } } : {}),
    }))
  } catch (error) {
    note(`its machine type and CPU are not written down yet: ${messageOf(error)}`)
  }
}
