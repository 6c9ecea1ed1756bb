// Drives of a running VM, handed over while it goes on.
import type { Drive, Image } from '../../model/drive.js'
import { Failure } from '../../core/errors.js'
import { parseDriveName } from '../../core/name.js'
import { deviceId, fileNode, formatNode } from '../../qemu/device/drive.js'
import { withQmp, type Arguments, type Qmp } from '../../qemu/qmp.js'
import type { LiveDrives } from '../../store/store.js'
import { isRoot } from '../../sys/environment.js'
import { giveTo, linkNew, remove, stat } from '../../sys/file.js'
import { hasOpen } from '../../sys/process.js'
import { drawerOf, type Drawer } from '../record/drawer.js'
import type { Place } from '../../host/place.js'
import { qemuPid } from '../record/state.js'

const qmpTimeoutMs = 5000

/** The drives of all VMs that run, reached over their QMP sockets. */
export function liveDrives({ state }: Place): LiveDrives {
  const drawerOfDrive = (drive: Drive): Drawer | undefined => {
    const id = parseDriveName(drive.name)?.id
    if (id === undefined) return undefined
    const drawer = drawerOf(state, id)
    return qemuPid(drawer) === undefined ? undefined : drawer
  }
  return {
    activeFile: async (drive) => {
      const drawer = drawerOfDrive(drive)
      const pid = drawer === undefined ? undefined : qemuPid(drawer)
      if (drawer === undefined || pid === undefined) return undefined
      await withQmp(drawer.qmp, { timeoutMs: qmpTimeoutMs }, (qmp) => forgetUnused(qmp, drive))
      return firstOpen(pid, drive.image)
    },
    switchTo: async (drive, overlay) => {
      const drawer = drawerOfDrive(drive)
      if (drawer === undefined) throw new Failure(`cannot switch ${drive.name} to a new layer: its VM has just ended`)
      await withReachable(drawer, overlay, (reachable) =>
        withQmp(drawer.qmp, { timeoutMs: qmpTimeoutMs }, (qmp) => switchTo(qmp, drive, reachable)),
      )
    },
    grow: async (drive, sizeBytes) => {
      const drawer = drawerOfDrive(drive)
      if (drawer === undefined) throw new Failure(`cannot resize ${drive.name}: its VM has just ended`, { hints: ['try again'] })
      await withQmp(drawer.qmp, { timeoutMs: qmpTimeoutMs }, (qmp) => grow(qmp, drive, sizeBytes))
    },
  }
}

/** The topmost image of a chain that a process has open, whatever name it knows it by. */
function firstOpen(pid: number, image: Image | undefined): string | undefined {
  if (image === undefined) return undefined
  const file = stat(image.path)
  return file !== undefined && hasOpen(pid, file) ? image.path : firstOpen(pid, image.backing)
}

/**
 * Removes the nodes of a switch that was never finished, because nbsvm was killed: QEMU has that overlay open and yet
 * writes to the image under it. Nodes in use refuse to go.
 */
async function forgetUnused(qmp: Qmp, { number }: Drive): Promise<void> {
  const nodes = await qmp.execute('query-named-block-nodes', { flat: true })
  const names = nodes.map((node) => node['node-name'] ?? '')
  for (const kind of ['drive', 'file']) {
    for (const name of names.filter((one) => one.startsWith(`${kind}${number}-`))) {
      await qmp.execute('blockdev-del', { 'node-name': name }).catch(() => {})
    }
  }
}

/** Gives the overlay a name in QEMU's own folder for a QEMU that has given up the right to open it elsewhere. */
async function withReachable(drawer: Drawer, overlay: Image, work: (overlay: Image) => Promise<void>): Promise<void> {
  const owner = stat(drawer.run)
  if (!isRoot() || owner === undefined || owner.uid === 0) return work(overlay)
  const name = 'layer'
  const link = `${drawer.run}/${name}`
  remove(link)
  giveTo(overlay.path, owner)
  linkNew(overlay.path, link)
  try {
    // QEMU's working directory.
    await work({ ...overlay, path: name })
  } finally {
    remove(link)
  }
}

/** What QEMU has in the drive's device now; undefined when the VM was started without this drive. */
async function inserted(qmp: Qmp, drive: Drive) {
  const blocks = await qmp.execute('query-block')
  return blocks.find(({ qdev }) => qdev?.split('/').includes(deviceId(drive.number)))?.inserted
}

/** blockdev-snapshot: from here on the guest writes into the overlay, over the node that QEMU has open already. */
async function switchTo(qmp: Qmp, drive: Drive, overlay: Image): Promise<void> {
  const node = (await inserted(qmp, drive))?.['node-name']
  if (node === undefined) throw new Failure(`cannot switch ${drive.name} to a new layer: its VM runs without it`)
  // Node names have 31 characters at most, and each layer needs new ones.
  const layer = Date.now().toString(36)
  const [file, format] = [`file${drive.number}-${layer}`, `drive${drive.number}-${layer}`]
  const { backing: _, ...own } = overlay
  await qmp.execute('blockdev-add', fileNode(own, file) as Arguments<'blockdev-add'>)
  await qmp.execute('blockdev-add', formatNode(own, format, file) as Arguments<'blockdev-add'>)
  await qmp.execute('blockdev-snapshot', { node, overlay: format })
}

/** Tells QEMU that a drive has grown; the guest sees it at once. */
async function grow(qmp: Qmp, drive: Drive, sizeBytes: number): Promise<void> {
  const node = (await inserted(qmp, drive))?.['node-name']
  if (node === undefined) throw new Failure(`cannot resize ${drive.name}: its VM runs without it`)
  await qmp.execute('block_resize', { 'node-name': node, size: sizeBytes })
}
