// The plan of a VM's start, and the programs that run beside its QEMU.
import type { Caller } from '../../core/caller.js'
import { Failure } from '../../core/errors.js'
import { endHelpers, HelperFailure, startHelpers, type StartedHelpers } from '../../helper/helpers.js'
import type { Machine, Words } from '../../model/machine.js'
import { passtName } from '../../net/passt.js'
import { takenHints } from '../../net/taken.js'
import { journalLine } from '../../qemu/journal.js'
import type { Qmp } from '../../qemu/qmp.js'
import { appendText } from '../../sys/file.js'
import { readRecord } from '../record/record.js'
import { sshForward } from '../record/seed.js'
import type { Vm } from '../record/vm.js'
import { planMachine, type Plan } from './plan.js'

/** A VM whose guest has a past, on another machine or in a file: its QEMU waits for what its guest was there. */
export interface Arriving {
  /** Makes the machine that this host would start the one that its guest knows. Throws a Failure where it cannot be. */
  readonly shape: (plan: Plan) => Machine
  /** Whether passt may serve its network: what QEMU's own network has kept of it, no other can take over. */
  readonly passt: boolean
  /** The disk that tells its guest who it is. */
  readonly seed: Buffer | undefined
  /** What `portable` in its drawer is to say; undefined where that is for its own settings to say. */
  readonly movable: string | undefined
  /** Its drives are open there still. */
  readonly sharesDrives: boolean
  /** What is done before its QEMU starts, with the folder for that there, and empty. */
  readonly prepare?: (plan: Plan) => Promise<void>
  /** What is done with its QEMU as soon as that answers, before it counts as started. */
  readonly wake?: (qmp: Qmp) => Promise<void>
  /** The frozen state that its guest goes on from, for its journal. */
  readonly from?: string
  /** The VM whose state that is, where it is another's. */
  readonly forkedFrom?: string
}

/** How a VM is started. */
export interface How {
  readonly options: Words
  readonly caller: Caller
  readonly arriving: Arriving | undefined
}

export async function planFor(vm: Vm, { options, caller, arriving }: How, may: Partial<May>): Promise<Plan> {
  if (arriving === undefined) return planMachine(vm, options, may, caller)
  const plan = await planMachine(vm, options, arriving.passt ? may : { ...may, passt: false }, caller)
  return { ...plan, machine: arriving.shape(plan) }
}

/** The plan, with its helpers started; where passt or virtiofsd cannot run, QEMU does itself what they would. */
export async function withHelpers(
  vm: Vm,
  plan: Plan,
  how: How,
  may = { passt: true, virtiofs: true },
): Promise<{ readonly plan: Plan; readonly helpers: StartedHelpers }> {
  const { drawer, id } = vm
  try {
    return { plan, helpers: await startHelpers(drawer.folder, plan.helpers) }
  } catch (error) {
    if (!(error instanceof HelperFailure)) throw error
    const { helper, why } = error
    const less = withoutHelper(may, helper, why)
    if (less !== undefined) {
      how.caller.note?.(less.note)
      await endHelpers(drawer.folder)
      return withHelpers(vm, await planFor(vm, how, less.may), how, less.may)
    }
    noteRefused(vm, `${helper}: ${why}`)
    // QEMU could not have the port either.
    throw helper === passtName ? portTaken(vm, why) : new Failure(`cannot start ${id}`, { code: 'QEMU_REFUSED', cause: error })
  }
}

interface May {
  readonly passt: boolean
  readonly virtiofs: boolean
}

/** What to go without when a helper cannot run; undefined where that is no way out. */
function withoutHelper(may: May, helper: string, why: string): { readonly may: May; readonly note: string } | undefined {
  if (helper === passtName && !/failed to bind/i.test(why)) {
    return { may: { ...may, passt: false }, note: `passt cannot run, so QEMU serves the network: ${why}` }
  }
  if (!helper.startsWith('virtiofsd')) return undefined
  return { may: { ...may, virtiofs: false }, note: `virtiofsd cannot run, so QEMU serves the shares, by 9p: ${why}` }
}

/** A port of the host that somebody has, or that only root may have. */
export function portTaken({ id, settings, place }: Pick<Vm, 'id' | 'settings' | 'place'>, why: string): Failure {
  const record = readRecord(place, id)
  const own = record?.sshPort === undefined ? [] : [sshForward(record)]
  return new Failure(`cannot start ${id}: a port of this machine that forward names is taken, or closed to you: ${why}`, {
    code: 'PORT_TAKEN',
    hints: takenHints([...(settings.forward ?? []), ...own]),
  })
}

/** So that `status` can tell it too. */
export function noteRefused({ drawer }: Vm, words: string): void {
  try {
    appendText(drawer.journal, journalLine({ nbsvm: 'refused', at: Date.now(), words }))
  } catch {
    // The disk may be full, which is then what QEMU has said.
  }
}
