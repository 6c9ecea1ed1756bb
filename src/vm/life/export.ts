// A VM as another system would be given it, from the plan that `start` makes.
import type { Caller } from '../../core/caller.js'
import { Failure } from '../../core/errors.js'
import { quote } from '../../core/quote.js'
import { isPlainLine } from '../../core/text.js'
import { version } from '../../core/version.js'
import { qemuOptions } from '../../qemu/command.js'
import type { Exported, Subject } from '../../qemu/export/exported.js'
import { kubevirtManifest } from '../../qemu/export/kubevirt.js'
import { libvirtDomain } from '../../qemu/export/libvirt.js'
import { proxmoxScript } from '../../qemu/export/proxmox.js'
import type { System } from '../../qemu/export/system.js'
import { takeBack } from '../../qemu/handover.js'
import { glance } from '../record/state.js'
import { storeOf } from '../record/stores.js'
import type { Vm } from '../record/vm.js'
import { planMachine } from './plan.js'

const writers: Readonly<Record<System, (subject: Subject) => Exported>> = {
  libvirt: libvirtDomain,
  proxmox: proxmoxScript,
  kubevirt: kubevirtManifest,
}

/**
 * Writes what another system imports as this VM. Nothing is copied, started or changed. Throws a Failure where `start` would, and where
 * a path or a setting has a character that cannot stand in such a text.
 */
export async function exportVm(vm: Vm, system: System, caller: Caller = {}): Promise<Exported> {
  const plan = await planMachine(vm, [], {}, caller)
  const machine = takeBack(plan.machine)
  // What start refuses is refused here.
  qemuOptions(machine)
  requirePlain(vm.id, machine)
  const { drives } = machine
  const store = 'words' in drives ? undefined : await storeOf(vm)
  const sizes = new Map<number, number>()
  for (const drive of 'words' in drives ? [] : drives) {
    if (drive.fault !== undefined)
      throw new Failure(`cannot export ${vm.id}: ${drive.name} cannot be used: ${drive.fault}`, { code: 'DRIVE_DAMAGED' })
    const size = await store?.size(drive)
    if (size !== undefined) sizes.set(drive.number, size.virtualBytes)
  }
  return writers[system]({
    machine,
    call: vm.call,
    sizes,
    hasVariables: plan.newVariables === undefined,
    isRunning: glance(vm.drawer).state !== 'stopped',
    version,
  })
}

/** A control character in a path is somebody's trick, or nobody's loss: no text is written around it. */
function requirePlain(id: string, value: unknown): void {
  if (typeof value === 'string' && !isPlainLine(value))
    throw new Failure(`cannot export ${id}: ${quote(value)} has a character that cannot be written there`)
  if (typeof value === 'object' && value !== null) for (const member of Object.values(value)) requirePlain(id, member)
}
