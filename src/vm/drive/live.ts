// Drives of a running VM, handed over while it goes on.
import type { Drive, Image } from '../../model/drive.js'
import { Failure } from '../../core/errors.js'
import { parseDriveName } from '../../core/name.js'
import { deviceId, fileNode, formatNode } from '../../qemu/device/drive.js'
import { withQmp, type Arguments, type Qmp } from '../../qemu/qmp.js'
import type { LiveDrives } from '../../store/store.js'
import { stat } from '../../sys/file.js'
import { hasOpen } from '../../sys/process.js'
import { drawerOf, refuseSince01, type Drawer } from '../record/drawer.js'
import { lend } from './lend.js'
import type { Place } from '../../host/place.js'
import { qemuPid } from '../record/state.js'

const qmpTimeoutMs = 5000

/**
 * The drives of all VMs that run, reached over their QMP sockets. `layers` is their store's folder for new layers. With `session` the
 * drives of one VM, reached through that: for who has it anyhow, and must not wait for another one's turn while the guest stands still.
 */
export function liveDrives({ state }: Place, layers?: string, session?: Qmp): LiveDrives {
  const inSession = <T>({ drawer }: Found, work: (qmp: Qmp) => Promise<T>): Promise<T> =>
    session === undefined ? withQmp(drawer.qmp, { timeoutMs: qmpTimeoutMs }, work) : work(session)
  const find = (drive: Drive): Found | undefined => {
    const id = parseDriveName(drive.name)?.id
    const drawer = id === undefined ? undefined : drawerOf(state, id)
    const pid = drawer === undefined ? undefined : qemuPid(drawer)
    return drawer === undefined || pid === undefined ? undefined : { drawer, pid }
  }
  const findRunning = (drive: Drive, doing: string): Found => {
    const found = find(drive)
    if (found === undefined)
      throw new Failure(`cannot ${doing}: its VM has just ended`, { code: 'VM_NOT_RUNNING', hints: ['try again'] })
    refuseSince01(found.drawer)
    return found
  }
  return {
    runs: (drive) => find(drive) !== undefined,
    activeFile: async (drive) => {
      const found = find(drive)
      if (found === undefined) return undefined
      refuseSince01(found.drawer)
      await inSession(found, (qmp) => forgetUnused(qmp, drive))
      return firstOpen(found.pid, drive.image)
    },
    switchTo: async (drive, overlay, atMoment = (step) => step()) => {
      const doing = `switch ${drive.name} to a new layer`
      const found = findRunning(drive, doing)
      const nodes = await inSession(found, (qmp) =>
        lend(found, { file: overlay.path, as: drive.name, mode: 'write', layers }, (path) =>
          addLayer(qmp, drive, overlay, { ...overlay, path }),
        ),
      )
      // A session of its own: QEMU serves one at a time, and others come to it while this waits for its moment.
      await atMoment(() => inSession(found, (qmp) => qmp.execute('blockdev-snapshot', nodes)))
    },
    grow: (drive, sizeBytes) => inSession(findRunning(drive, `resize ${drive.name}`), (qmp) => grow(qmp, drive, sizeBytes)),
  }
}

interface Found {
  readonly drawer: Drawer
  readonly pid: number
}

/** The topmost image of a chain that a process has open, whatever name it knows it by. */
function firstOpen(pid: number, image: Image | undefined): string | undefined {
  if (image === undefined) return undefined
  const file = stat(image.path)
  return file !== undefined && hasOpen(pid, file) ? image.path : firstOpen(pid, image.backing)
}

/**
 * The nodes of a layer that is put under a running VM. They are named after the layer's inode, so that those of a switch that
 * was cut off are found again without a list of all nodes, which takes QEMU the longer the more layers there are.
 */
function layerNodes({ number }: Drive, layer: Image): { readonly format: string; readonly file: string } {
  const inode = (stat(layer.path)?.ino ?? 0).toString(36)
  return { format: `drive${number}-${inode}`, file: `file${number}-${inode}` }
}

/**
 * Removes the nodes of a switch that was never finished, because nbsvm was killed: QEMU has that overlay open and yet
 * writes to the image under it. Nodes in use refuse to go.
 */
async function forgetUnused(qmp: Qmp, drive: Drive): Promise<void> {
  const { format, file } = layerNodes(drive, drive.image)
  for (const name of [format, file]) await qmp.execute('blockdev-del', { 'node-name': name }).catch(() => {})
}

/** The node that the guest writes to now; undefined when the VM was started without this drive. */
export async function nodeOf(qmp: Qmp, { number }: Drive): Promise<string | undefined> {
  const device = deviceId(number)
  const named = await qmp.execute('qom-get', { path: `/machine/peripheral/${device}`, property: 'drive' }).catch(() => undefined)
  if (typeof named === 'string' && named !== '') return named
  // A disk behind a bridge of its own (usb-storage) does not tell. This takes QEMU longer, with the whole chain in the answer.
  const blocks = await qmp.execute('query-block')
  return blocks.find(({ qdev }) => qdev?.split('/').includes(device))?.inserted?.['node-name']
}

/** Makes QEMU open an overlay. Returns what blockdev-snapshot takes, from which on the guest writes into it, over the node that it has. */
async function addLayer(qmp: Qmp, drive: Drive, overlay: Image, reachable: Image): Promise<Arguments<'blockdev-snapshot'>> {
  const node = await nodeOf(qmp, drive)
  if (node === undefined) throw new Failure(`cannot switch ${drive.name} to a new layer: its VM runs without it`)
  const { format, file } = layerNodes(drive, overlay)
  // Alone: QEMU has all that is under it open already, and would open it again, which takes long.
  const { backing: _, ...own } = reachable
  await qmp.execute('blockdev-add', fileNode(own, file) as Arguments<'blockdev-add'>)
  await qmp.execute('blockdev-add', formatNode(own, format, file) as Arguments<'blockdev-add'>)
  return { node, overlay: format }
}

/** Tells QEMU that a drive has grown; the guest sees it at once. */
async function grow(qmp: Qmp, drive: Drive, sizeBytes: number): Promise<void> {
  const node = await nodeOf(qmp, drive)
  if (node === undefined) throw new Failure(`cannot resize ${drive.name}: its VM runs without it`)
  // QEMU refuses where a dirty bitmap is broken, which is of no use to anybody.
  const all = await qmp.execute('query-named-block-nodes', { flat: true })
  const bitmaps = all.find((one) => one['node-name'] === node)?.['dirty-bitmaps'] ?? []
  for (const { name, inconsistent } of bitmaps)
    if (name !== undefined && inconsistent === true) await qmp.execute('block-dirty-bitmap-remove', { node, name })
  await qmp.execute('block_resize', { 'node-name': node, size: sizeBytes })
}
