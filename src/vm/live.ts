// Drives of a running VM, handed over while it goes on.
import type { Drive, Image } from '../core/drive.js'
import { Failure } from '../core/errors.js'
import { blockNode, deviceId } from '../qemu/device/drive.js'
import { withQmp, type Qmp } from '../qemu/qmp.js'
import type { LiveDrives } from '../store/store.js'
import { parseDriveName } from '../core/name.js'
import { drawerOf } from './drawer.js'
import type { Place } from './place.js'
import { isRunning } from './state.js'
import type { Vm } from './vm.js'

const qmpTimeoutMs = 5000

/** The drives of all VMs that run, reached over their QMP sockets. */
export function liveDrives({ state }: Place): LiveDrives {
  const socketOf = (drive: Drive): string | undefined => {
    const id = parseDriveName(drive.name)?.id
    if (id === undefined) return undefined
    const drawer = drawerOf(state, id)
    return isRunning(drawer) ? drawer.qmp : undefined
  }
  return {
    activeFile: async (drive) => {
      const socket = socketOf(drive)
      if (socket === undefined) return undefined
      return withQmp(socket, { timeoutMs: qmpTimeoutMs }, async (qmp) => (await inserted(qmp, drive))?.image.filename)
    },
    switchTo: async (drive, overlay) => {
      const socket = socketOf(drive)
      if (socket === undefined) return
      await withQmp(socket, { timeoutMs: qmpTimeoutMs }, (qmp) => switchTo(qmp, drive, overlay))
    },
  }
}

/** What QEMU has in the drive's device now; undefined when the VM was started without this drive. */
async function inserted(qmp: Qmp, drive: Drive) {
  const blocks = await qmp.execute('query-block')
  return blocks.find(({ qdev }) => qdev?.split('/').includes(deviceId(drive.number)))?.inserted
}

/** blockdev-snapshot: from here on the guest writes into the overlay. Its backing file is the node that QEMU has open. */
async function switchTo(qmp: Qmp, drive: Drive, overlay: Image): Promise<void> {
  const node = (await inserted(qmp, drive))?.['node-name']
  if (node === undefined) throw new Failure(`cannot switch ${drive.name} to a new layer: the VM runs without it`)
  const name = `${node.slice(0, 20)}-${Date.now().toString(36)}`
  const { backing: _, ...own } = overlay
  await qmp.execute('blockdev-add', blockNode(own, name) as never)
  await qmp.execute('blockdev-snapshot', { node, overlay: name })
}

/** Grows a drive of a running VM; the guest sees it at once. */
export async function resizeLive(vm: Vm, drive: Drive, sizeBytes: number): Promise<void> {
  await withQmp(vm.drawer.qmp, { timeoutMs: qmpTimeoutMs }, async (qmp) => {
    const node = (await inserted(qmp, drive))?.['node-name']
    if (node === undefined) throw new Failure(`cannot resize ${drive.name}: ${vm.id} runs without it`)
    await qmp.execute('block_resize', { 'node-name': node, size: sizeBytes })
  })
}
