// The state of a running VM, taken from under it: its RAM goes to a second QEMU while it runs, then its guest stands still for as long as
// the rest takes, and its drives are frozen in the same moment.
import { attempt } from '../../core/attempt.js'
import { Failure } from '../../core/errors.js'
import { asBooted, twinOf, whyNotFrozen } from '../../qemu/frozen.js'
import { takeBack } from '../../qemu/handover.js'
import { withJobs } from '../../qemu/jobs.js'
import * as migration from '../../qemu/migration.js'
import type { Qmp } from '../../qemu/qmp.js'
import { losesWrites } from '../../qemu/ram.js'
import type { Drive } from '../../model/drive.js'
import type { Machine, RamFile } from '../../model/machine.js'
import { virtualBytes } from '../../host/firmware.js'
import type { Store } from '../../store/store.js'
import { syncLargeFile } from '../../sys/blocks.js'
import { close, giveTo, open, remove, syncFolder } from '../../sys/file.js'
import { linkNew } from '../../sys/link.js'
import { readStarted } from '../life/started.js'
import { tapOf } from '../life/taps.js'
import { requireRunning } from '../life/up.js'
import { settleAdded } from '../life/attached.js'
import { controllerArgs } from '../life/hot.js'
import { jobOf, readAdded } from '../record/added.js'
import { pinOf, writeFrozen, type Frozen, type FrozenLive } from '../record/frozen.js'
import { readRecord } from '../record/record.js'
import { journalOf } from '../record/state.js'
import { userOf } from '../record/user.js'
import type { Vm } from '../record/vm.js'
import { digestOf } from './digest.js'
import { noRoom } from './room.js'
import { transfer, type Capture, type CaptureCaller } from './transfer.js'
import { makeTwinFolder, rendezvous, startTwin, tiedPrefix, type Twin } from './twin.js'
import { takeStream } from './stream.js'

export type { CaptureCaller } from './transfer.js'

/** QEMU answers at once, but for a host under load. */
const answerTimeoutMs = 60_000

export interface Captured {
  readonly frozen: Frozen
  /** How long its guest stood still, as it was seen from here; null where it was paused. */
  readonly stoodStillMs: number | null
}

/**
 * Writes the state of a running VM into `folder`, which is there and empty. Where it fails the guest goes on as it was, and what is in the folder, and
 * pinned in the store, is for the caller to remove. With `off` it has stopped for good when this resolves.
 */
export async function capture(
  vm: Vm,
  store: Store,
  { folder, token, after, verb }: Capture & { readonly folder: string; readonly token: string },
  caller: CaptureCaller,
): Promise<Captured> {
  const { id, drawer } = vm
  requireRunning(vm, verb)
  const job = jobOf(drawer, `${verb} ${id}`)
  const { machine: running, texts } = readStarted(vm)
  const booted = asBooted(running)
  const drives = await store.drives(id)
  await settleAdded(vm, `${verb} ${id}`, caller.signal)
  refuse(vm, verb, booted, drives)
  const record = readRecord(vm.place, id)
  if (record === undefined) throw new Failure(`there is no record of ${id}`, { code: 'VM_MISSING' })
  const lastRun = after === 'off' ? await store.lastRun?.(id) : undefined
  const frozen = { format: 1, token, vm: id, store: store.name, record, ...(lastRun === undefined ? {} : { lastRun }) } as const
  return withJobs(job, { timeoutMs: answerTimeoutMs, signal: caller.signal }, async (qmp) => {
    const { status } = await qmp.execute('query-status')
    // A nbsvm that was killed has left one that was paused so.
    if (status === 'postmigrate') await migration.pauseAgain(qmp)
    else if (status !== 'running' && status !== 'paused')
      throw new Failure(`cannot ${verb} ${id}: its guest neither runs nor is paused (${status})`, {
        hints: [`see it: ${vm.call}`],
      })
    const ran = status === 'running'
    const ramId = await ramIdOf(vm, qmp)
    const args = [...booted.args, ...(await controllerArgs(qmp, booted.args))]
    const machine = { ...booted, type: await boardOf(qmp, booted), args }
    const qemu = journalOf(drawer).started?.qemu ?? '0'
    const standsStill = losesWrites(machine, qemu)
    const twin = await openTwin(vm, store, { machine, drives, folder, ramId, signal: caller.signal })
    try {
      const pin = pinOf({ token, vm: id })
      const moment = await transfer({ vm, store, qmp, twin, drives, folder, pin, ran, standsStill, after, verb }, caller)
      const devices = await takeStream(twin, `${folder}/devices`, userOf(vm))
      await twin.end()
      await settleRam(vm, folder)
      const ram = await digestOf(`${folder}/ram`, caller.signal)
      const live: FrozenLive = { ran, qemu, machine, texts, ramId, files: { ram, devices } }
      const kept: Frozen = { ...frozen, atMs: moment.atMs, drives: moment.drives, live }
      writeFrozen(folder, kept)
      syncFolder(folder)
      return { frozen: kept, stoodStillMs: moment.stoodStillMs }
    } catch (error) {
      const why = caller.signal?.aborted === true ? error : (noRoom(vm, verb, folder) ?? error)
      if (after === 'off') await migration.undoMigration(qmp, { ran }).catch(() => {})
      throw why
    } finally {
      await twin.end()
      attempt(() => remove(`${drawer.run}/${rendezvous}`))
    }
  })
}

/** Throws a Failure where something of it cannot be frozen as it runs. */
function refuse(vm: Vm, verb: Capture['verb'], machine: Machine, drives: readonly Drive[]): void {
  const cannot = (why: string, ...hints: readonly string[]): Failure => new Failure(`cannot ${verb} ${vm.id}: ${why}`, { hints })
  const bound = whyNotFrozen(machine)
  if (bound !== undefined) throw cannot(bound.message, ...bound.hints, `then start it again: ${vm.call} shutdown start`)
  const devices = journalOf(vm.drawer).started?.devices ?? []
  if (devices.length > 0)
    throw cannot('something was attached to it', `see it: ${vm.call}`, `take it away: ${vm.call} detach ...`)
  if (readAdded(vm.drawer).discs !== undefined)
    throw cannot('its discs were changed', `start it with them: ${vm.call} shutdown start`)
  const numbers = 'words' in machine.drives ? [] : machine.drives.map(({ number }) => number)
  if (drives.map(({ number }) => number).join(' ') !== numbers.join(' '))
    throw cannot('it has other drives than when it was started', `start it with them: ${vm.call} shutdown start`)
}

async function ramIdOf({ id }: Vm, qmp: Qmp): Promise<string> {
  const [only, ...others] = await qmp.execute('query-memdev')
  if (only?.id !== undefined && others.length === 0) return only.id
  throw new Failure(`cannot freeze ${id}: its RAM is in ${others.length + 1} parts`)
}

/** `q35` is another board in another QEMU. */
async function boardOf(qmp: Qmp, { type }: Machine): Promise<string> {
  const found = await qmp.execute('qom-get', { path: '/machine', property: 'type' })
  return typeof found === 'string' ? found.replace(/-machine$/, '') : type
}

interface TwinNeeds {
  readonly machine: Machine
  readonly drives: readonly Drive[]
  readonly folder: string
  readonly ramId: string
  readonly signal: AbortSignal | undefined
}

/** Starts the twin, whose RAM is the file `ram`, and has it listen where the VM's QEMU finds it. */
async function openTwin(vm: Vm, store: Store, { machine, drives, folder, ramId, signal }: TwinNeeds): Promise<Twin> {
  const runAs = userOf(vm)
  const twinFolder = makeTwinFolder(vm, runAs)
  const ram = `${folder}/ram`
  close(open(ram, 'new'))
  let path = ram
  if (runAs.prefix.length > 0) {
    // It may not enter our folders.
    giveTo(ram, runAs)
    linkNew(ram, `${twinFolder}/ram`)
    path = 'ram'
  }
  const sizes = await Promise.all(drives.map((drive) => store.size(drive)))
  const ramFile: RamFile = { id: ramId, path, use: 'written', isReadOnly: false }
  // Where QEMU was handed them, by what file.
  const variables = takeBack(machine).firmware?.variables
  const twin = await startTwin(
    vm,
    twinOf(machine, {
      ramFile,
      prefix: tiedPrefix(runAs),
      driveBytes: new Map(drives.map(({ number }, at) => [number, sizes[at]?.virtualBytes ?? 0])),
      variableBytes: variables?.kind === 'file' ? virtualBytes(variables) : 0,
      tapOf: (index) => tapOf(`${vm.id} twin`, index),
    }),
    runAs,
    signal,
  )
  try {
    await migration.waitForState(twin.qmp, rendezvous)
    remove(`${vm.drawer.run}/${rendezvous}`)
    linkNew(`${twinFolder}/${rendezvous}`, `${vm.drawer.run}/${rendezvous}`)
    return twin
  } catch (error) {
    await twin.end()
    throw error
  }
}

/** The RAM file is nobody's but ours. */
async function settleRam(vm: Vm, folder: string): Promise<void> {
  const ram = `${folder}/ram`
  if (userOf(vm).prefix.length > 0) giveTo(ram, { uid: 0, gid: 0 })
  await syncLargeFile(ram)
}
