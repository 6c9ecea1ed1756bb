// What of a guest goes to its twin, and its drives in the same moment.
import type { Caller } from '../../core/caller.js'
import * as migration from '../../qemu/migration.js'
import type { Qmp } from '../../qemu/qmp.js'
import type { Drive } from '../../model/drive.js'
import type { OnProgress, Store } from '../../store/store.js'
import { remove, writeWhole } from '../../sys/file.js'
import { liveDrives } from '../drive/live.js'
import { underWay, type Frozen } from '../record/frozen.js'
import type { Vm } from '../record/vm.js'
import { Barrier } from './barrier.js'
import { rendezvous, type Twin } from './twin.js'

export interface CaptureCaller extends Caller {
  readonly onProgress?: OnProgress | undefined
}

export interface Capture {
  /** `on`: what its drives hold is frozen, and it goes on. `off`: drives stay as they are, and it does not. */
  readonly after: 'on' | 'off'
  /** For messages. */
  readonly verb: 'freeze' | 'checkpoint' | 'save'
}

/** What is asked of a guest's pause at first; a guest that writes faster than that allows gets more, step by step. */
const downtimeMs = 10

interface Transfer extends Capture {
  readonly vm: Vm
  readonly store: Store
  readonly qmp: Qmp
  readonly twin: Twin
  readonly drives: readonly Drive[]
  readonly folder: string
  readonly pin: string
  readonly ran: boolean
  /** All the time. */
  readonly standsStill: boolean
}

interface Moment extends Pick<Frozen, 'atMs' | 'drives'> {
  readonly stoodStillMs: number | null
}

/** Sends RAM, stops the guest, freezes its drives, sends the rest, and lets it go on. */
export async function transfer(
  { vm, store, qmp, twin, drives, folder, pin, ran, standsStill, after }: Transfer,
  caller: CaptureCaller,
): Promise<Moment> {
  const { signal, onProgress, note } = caller
  const barrier = new Barrier(after === 'on' ? drives.length : 0)
  const stopping = new AbortController()
  const freezing =
    after === 'off' ? [] : drives.map((drive) => freezeAt(vm, store, drive, { qmp, pin, barrier, note, signal: stopping.signal }))
  for (const one of freezing) one.catch((error: unknown) => barrier.fail(error))
  try {
    let fault: unknown
    twin.lost.catch((error: unknown) => (fault = error))
    const check = (): void => {
      signal?.throwIfAborted()
      if (fault !== undefined) throw fault
    }
    if (ran) writeWhole(underWay(folder), '')
    for (const side of [qmp, twin.qmp]) await migration.describeState(side, false)
    await migration.prepareMigration(qmp, downtimeMs)
    await barrier.arrived
    const stopped = ran ? qmp.waitFor('STOP') : undefined
    const done = qmp.waitFor('MIGRATION', { matching: ({ data }) => data['status'] === 'completed' })
    if (ran && standsStill) await qmp.execute('stop')
    const far = ({ doneBytes, totalBytes }: migration.Far): void => onProgress?.(doneBytes, totalBytes)
    await migration.sendRam(qmp, rendezvous, { check, onFar: far }, stopped, lenient(qmp))
    const atMs = Date.now()
    await barrier.open()
    await migration.switchOver(qmp)
    await Promise.race([done, migration.untilFailed(qmp), twin.lost])
    if (after === 'on') await (ran ? migration.goOn(qmp) : migration.pauseAgain(qmp))
    // Before that, what is left to do for each drive would have the guest wait.
    barrier.end()
    // One that does not go on may still have to, as long as its state is not whole, or has no name.
    if (after === 'on') remove(underWay(folder))
    const stop = await stopped
    const stoodStillMs = stop === undefined || after === 'off' ? null : Date.now() - stop.atMs
    const bases = await Promise.all(freezing)
    const kept = drives.map(({ number }, at) => ({
      number,
      base: bases[at]?.name ?? '',
      virtualBytes: bases[at]?.virtualBytes ?? 0,
    }))
    return { atMs, drives: kept, stoodStillMs }
  } catch (error) {
    stopping.abort(error)
    barrier.fail(error)
    await migration.undoMigration(qmp, { ran }).catch(() => {})
    await Promise.allSettled(freezing)
    throw error
  }
}

/** A guest that writes faster than it could be stopped for so short a time may stand still for twice as long every other second. */
function lenient(qmp: Qmp): (waitedMs: number) => Promise<void> {
  let allowedMs = downtimeMs
  return async (waitedMs) => {
    const wanted = downtimeMs * 2 ** Math.min(Math.floor(waitedMs / leniencyMs), mostDoublings)
    if (wanted === allowedMs) return
    allowedMs = wanted
    await migration.allowDowntime(qmp, wanted)
  }
}

const leniencyMs = 2000
const mostDoublings = 6

export interface FreezeAt {
  readonly qmp: Qmp
  readonly pin: string
  readonly barrier: Barrier
  readonly note: ((text: string) => void) | undefined
  readonly signal: AbortSignal
}

/** Freezes a drive of a running VM when the barrier's moment has come. */
export function freezeAt({ place }: Vm, store: Store, drive: Drive, { qmp, pin, barrier, note, signal }: FreezeAt) {
  return store.freeze(drive, pin, {
    live: liveDrives(place, store.layers, qmp),
    signal,
    atMoment: (step) => barrier.pass(step),
    ...(note === undefined ? {} : { onNote: note }),
  })
}
