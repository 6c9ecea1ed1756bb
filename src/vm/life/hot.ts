// Devices that come into a running VM and leave it, over QMP.
import { Failure } from '../../core/errors.js'
import type { Arguments, Qmp } from '../../qemu/qmp.js'
import { QmpError } from '../../qemu/qmp.js'
import { hotSlot } from '../../qemu/device/slot.js'
import type { Words } from '../../model/machine.js'
import type { Vm } from '../record/vm.js'

/** The guest takes part when a device leaves, and one that is busy takes a while. */
const leaveTimeoutMs = 10_000

/** The controller that disks and discs are attached to. It stays when they go. */
const controller = 'hot-scsi'
const controllerDriver = 'virtio-scsi-pci'

/**
 * The bus for disks and discs that come: that of the VM's scsi drives, or of a controller that comes with the first of them. The
 * guest needs a driver for virtio-scsi. Throws a Failure where this VM's board takes nothing while it runs.
 */
export async function scsiBus(vm: Vm, qmp: Qmp): Promise<string> {
  for (const id of ['scsi', controller]) if (await isThere(qmp, id)) return `${id}.0`
  try {
    await plug(qmp, hotSlot).catch(async (error: unknown) => {
      if (!isNoSuchBus(error)) throw error
      // A board with plain PCI.
      await plug(qmp, undefined)
    })
  } catch (error) {
    if (!(error instanceof QmpError)) throw error
    throw new Failure(`${vm.id} takes no disks while it runs: its board has no slot for them: ${error.desc}`, {
      code: 'DEVICE_MISSING',
      hints: [
        `restart it, if an earlier nbsvm has started it: ${vm.call} stop start`,
        `or give it a controller: ${vm.call} drive_if=scsi stop start`,
      ],
    })
  }
  return `${controller}.0`
}

/**
 * The QEMU options by which another QEMU has this one's controller too, for a guest that goes on there: `args` are those that it has already. It is
 * where it came to, and a guest that knows it does not care how.
 */
export async function controllerArgs(qmp: Qmp, args: Words): Promise<Words> {
  if (args.some((word) => word.includes(`"${controller}"`)) || !(await isThere(qmp, controller))) return []
  const addr = (): Promise<unknown> => qmp.execute('qom-get', { path: `/machine/peripheral/${controller}`, property: 'addr' })
  const place = (await isThere(qmp, hotSlot)) ? { bus: hotSlot } : { addr: await addr() }
  return ['-device', JSON.stringify({ driver: controllerDriver, id: controller, ...place })]
}

async function plug(qmp: Qmp, bus: string | undefined): Promise<void> {
  await qmp.execute('device_add', { driver: controllerDriver, id: controller, ...(bus === undefined ? {} : { bus }) })
}

function isNoSuchBus(error: unknown): boolean {
  return error instanceof QmpError && /^Bus '.*' not found/.test(error.desc)
}

/** Whether a VM has a device of this id. */
export async function isThere(qmp: Qmp, id: string): Promise<boolean> {
  try {
    await qmp.execute('qom-get', { path: `/machine/peripheral/${id}`, property: 'type' })
    return true
  } catch (error) {
    if (error instanceof QmpError) return false
    throw error
  }
}

/** Adds nodes, then the device that uses them: all of it or nothing. */
export async function addWithNodes(qmp: Qmp, nodes: readonly object[], device: Arguments<'device_add'>): Promise<void> {
  const added: string[] = []
  try {
    for (const node of nodes as Arguments<'blockdev-add'>[]) {
      await qmp.execute('blockdev-add', node)
      added.unshift(String(node['node-name']))
    }
    await qmp.execute('device_add', device)
  } catch (error) {
    await removeNodes(qmp, added)
    throw error
  }
}

/** Removes nodes, the upper first; those that are gone are none to remove. */
export async function removeNodes(qmp: Qmp, names: readonly string[]): Promise<void> {
  for (const name of names) await qmp.execute('blockdev-del', { 'node-name': name }).catch(() => {})
}

/** Takes a device away, and waits until it is gone. Throws a Failure where the guest does not let it go. */
export async function unplug(qmp: Qmp, id: string): Promise<void> {
  const gone = qmp.waitFor('DEVICE_DELETED', { timeoutMs: leaveTimeoutMs, matching: ({ data }) => data['device'] === id })
  try {
    await qmp.execute('device_del', { id })
    await gone
  } catch (error) {
    // Somebody may have taken it away in QEMU's monitor.
    if (!(await isThere(qmp, id))) return
    if (error instanceof QmpError) throw error
    throw new Failure(`the guest does not let go of ${id}`, {
      code: 'DEVICE_KEPT',
      cause: error,
      hints: ['stop using it there first, then try again'],
    })
  }
}
