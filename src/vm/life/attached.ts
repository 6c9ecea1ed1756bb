// What was attached to a running VM, as it is written down. The note comes before the device and goes after it, so that there is never a device that nobody
// knows of; a note whose device is not there is of a nbsvm that was killed, and is settled by the next that changes something.
import type { AddedDevice, DiscDrive } from '../../model/device.js'
import { discNodeName } from '../../qemu/device/disc.js'
import { withQmp, type Qmp } from '../../qemu/qmp.js'
import { noteAdded, readAdded, whileAdding } from '../record/added.js'
import { journalOf } from '../record/state.js'
import type { Vm } from '../record/vm.js'
import { isThere, removeNodes, unplug } from './hot.js'

export const qmpTimeoutMs = 10_000

export function devicesOf({ drawer }: Vm): readonly AddedDevice[] {
  return readAdded(drawer).devices ?? []
}

/** Each disc drive, with what is in it. */
export function discsOf({ drawer }: Vm): readonly DiscDrive[] {
  return journalOf(drawer).started?.discs ?? []
}

/** The block nodes of what was attached under a name, the upper first. */
export function nodesOf(name: string): string[] {
  const number = /^disk(\d+)$/.exec(name)?.[1]
  return number === undefined ? [`node-${name}`, `file-${name}`, discNodeName(name)] : [`drive${number}`, `file${number}`]
}

/** Attaches what is written down first; where it does not come, nothing stays of it. The caller is in `whileAdding`. */
export async function noted<T extends AddedDevice>(vm: Vm, qmp: Qmp, device: T, attach: () => Promise<unknown>): Promise<T> {
  const { name, kind, what } = device
  noteAdded(vm.drawer, { devices: [...devicesOf(vm), { name, kind, what }] })
  try {
    await attach()
  } catch (error) {
    // Of a QEMU that does not answer any more nobody knows what it has.
    await settleAttached(vm, qmp).catch(() => {})
    throw error
  }
  return device
}

/** Takes a device away, with what it stands on. Throws a Failure where the guest does not let it go. The caller is in `whileAdding`. */
export async function takeAway(vm: Vm, qmp: Qmp, name: string): Promise<void> {
  await unplug(qmp, name)
  await forget(vm, qmp, name)
}

/** Makes the notes true again: those of devices that are not there go. Asks nothing where there are none. The caller is in `whileAdding`. */
export async function settleAttached(vm: Vm, qmp: Qmp): Promise<void> {
  for (const { name } of devicesOf(vm)) if (!(await isThere(qmp, name))) await forget(vm, qmp, name)
}

/** The same for who needs the VM as it was started. `doing` as for `whileAdding`. */
export async function settleAdded(vm: Vm, doing: string, signal: AbortSignal | undefined): Promise<void> {
  if (devicesOf(vm).length === 0) return
  await whileAdding(vm.drawer, doing, signal, () =>
    withQmp(vm.drawer.qmp, { timeoutMs: qmpTimeoutMs, signal }, (qmp) => settleAttached(vm, qmp)),
  )
}

async function forget(vm: Vm, qmp: Qmp, name: string): Promise<void> {
  await removeNodes(qmp, nodesOf(name))
  const discs = discsOf(vm)
  const others = discs.filter(({ drive }) => drive !== name)
  noteAdded(vm.drawer, {
    devices: devicesOf(vm).filter((device) => device.name !== name),
    // None at all is what it was started with.
    ...(others.length < discs.length ? { discs: others.length > 0 ? others : undefined } : {}),
  })
}
