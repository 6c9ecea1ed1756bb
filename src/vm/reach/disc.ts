// Discs of a running VM: taken out of their drives, and put in.
import type { Caller } from '../../core/caller.js'
import { Failure } from '../../core/errors.js'
import type { DiscDrive } from '../../model/device.js'
import { discNodeName } from '../../qemu/device/disc.js'
import { withQmp, type Arguments, type Qmp } from '../../qemu/qmp.js'
import { deadlineIn, pause } from '../../sys/clock.js'
import { requireRunning } from '../life/up.js'
import { noteAdded, whileAdding } from '../record/added.js'
import { journalOf } from '../record/state.js'
import type { Vm } from '../record/vm.js'
import { removeNodes } from '../life/hot.js'

const qmpTimeoutMs = 5000

/** How long a guest that has locked its drive may take to let the disc go. */
const openTimeoutMs = 5000

export interface EjectOptions {
  /** `cd1`, where several drives have a disc. */
  readonly drive?: string | undefined
  /** Although the guest does not let it go. */
  readonly force?: boolean
}

/** Takes the disc out of a disc drive, which stays, empty. Throws a Failure where there is none, or the guest keeps it. */
export function ejectDisc(vm: Vm, { drive, force = false }: EjectOptions = {}, { signal }: Caller = {}): Promise<DiscDrive> {
  const { drawer, id, call } = vm
  requireRunning(vm, 'eject a disc of')
  return whileAdding(drawer, `eject a disc of ${id}`, signal, async () => {
    const discs = journalOf(drawer).started?.discs ?? []
    const chosen = choose(vm, discs, drive)
    await withQmp(drawer.qmp, { timeoutMs: qmpTimeoutMs, signal }, async (qmp) => {
      await qmp.execute('blockdev-open-tray', { id: chosen.drive, force })
      if (!(await isOpened(qmp, chosen.drive, signal))) {
        throw new Failure(`the guest does not let go of the disc in ${chosen.drive}`, {
          code: 'DEVICE_KEPT',
          hints: ['unmount it there first', `or take it out nevertheless: ${call} eject --force`],
        })
      }
      await qmp.execute('blockdev-remove-medium', { id: chosen.drive })
      await removeNodes(qmp, [discNodeName(chosen.drive)])
    })
    noteAdded(drawer, { discs: discs.map((one) => (one === chosen ? { drive: one.drive, path: null } : one)) })
    return chosen
  })
}

/** Puts a disc, as a block node, into an empty drive. */
export async function insertDisc(qmp: Qmp, drive: string, node: object): Promise<void> {
  await qmp.execute('blockdev-add', node as Arguments<'blockdev-add'>)
  try {
    await qmp.execute('blockdev-open-tray', { id: drive, force: true })
    await qmp.execute('blockdev-insert-medium', { id: drive, 'node-name': discNodeName(drive) })
  } catch (error) {
    await removeNodes(qmp, [discNodeName(drive)])
    throw error
  }
  await qmp.execute('blockdev-close-tray', { id: drive })
}

function choose({ id, call }: Vm, discs: readonly DiscDrive[], drive: string | undefined): DiscDrive {
  const full = discs.filter(({ path }) => path !== null)
  const [first] = full
  const found = drive === undefined ? first : full.find((one) => one.drive === drive)
  if (found === undefined) {
    const names = discs.map((one) => one.drive).join(', ')
    if (discs.length === 0)
      throw new Failure(`${id} has no disc drive`, {
        code: 'DEVICE_MISSING',
        hints: [`start it with one: ${call} cdrom=FILE.iso start`],
      })
    throw new Failure(drive === undefined ? `there is no disc in ${names}` : `there is no disc in ${drive}; ${id} has ${names}`, {
      code: 'DEVICE_MISSING',
    })
  }
  if (drive === undefined && full.length > 1) {
    const which = full.map((one) => `--drive=${one.drive}  (${one.path})`)
    throw new Failure(`${id} has several discs`, { hints: ['say which one:', ...which] })
  }
  return found
}

/** A guest that has locked the drive is asked by that, and opens it when it likes. */
async function isOpened(qmp: Qmp, drive: string, signal: AbortSignal | undefined): Promise<boolean> {
  for (const deadline = deadlineIn(openTimeoutMs); ; await pause(100, signal)) {
    const blocks = await qmp.execute('query-block')
    const found = blocks.find(({ qdev }) => qdev === drive || qdev?.split('/').includes(drive))
    if (found?.tray_open !== false) return true
    if (deadline.isOver) return false
  }
}
