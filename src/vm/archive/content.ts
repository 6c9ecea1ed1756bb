// What an archive of a VM is made of, held still for as long as it is written: of one that is off by its lock, of one that runs by what its
// drives held at one moment, which the store keeps.
import type { Caller } from '../../core/caller.js'
import { Failure } from '../../core/errors.js'
import type { Drive } from '../../model/drive.js'
import { withJobs } from '../../qemu/jobs.js'
import type { Store } from '../../store/store.js'
import { copyNew, lstat, makePrivateFolder, remove, writeWhole } from '../../sys/file.js'
import { randomHex } from '../../sys/stamp.js'
import { whileStopped } from '../drive/drives.js'
import { Barrier } from '../frozen/barrier.js'
import { sweepLater, sweepStates, withStates } from '../frozen/keep.js'
import { tidy, watched } from '../frozen/settle.js'
import { freezeAt } from '../frozen/transfer.js'
import { isUp } from '../life/up.js'
import { filesOf, type ParcelFile } from '../move/parcel.js'
import { jobOf } from '../record/added.js'
import { refuseAsleep } from '../record/asleep.js'
import { variablesFile } from '../record/choice.js'
import { pinOf, underWay, unfinishedFolder } from '../record/frozen.js'
import { refuseMoving } from '../record/record.js'
import { storeOf } from '../record/stores.js'
import type { Vm } from '../record/vm.js'

export interface Content {
  /** What they hold, of whatever moment; nobody writes to that. */
  readonly drives: readonly Drive[]
  /** The variables of its UEFI: qcow2 files. */
  readonly variables: readonly { readonly kind: 'uefi' | 'secure'; readonly path: string }[]
  /** Keys, and the state of a TPM. */
  readonly files: readonly ParcelFile[]
  /** Whether it ran. */
  readonly ran: boolean
  /** How long its guest stood still; null where it did not. */
  readonly stoodStillMs: number | null
  readonly atMs: number
}

const qmpTimeoutMs = 60_000
const kinds = ['uefi', 'secure'] as const

/** Does `work` with what a VM is at this moment. A VM that runs goes on meanwhile; one that is off cannot be started. */
export async function withContent<T>(vm: Vm, caller: Caller, work: (content: Content, store: Store) => Promise<T>): Promise<T> {
  await refuseMoving(vm, 'export')
  const doing = `export ${vm.id}`
  if (!isUp(vm, caller)) {
    return whileStopped(vm, doing, async (store) => {
      const content = { ran: false, stoodStillMs: null, atMs: Date.now(), variables: variablesOf(vm), files: plainFiles(vm) }
      return work({ ...content, drives: usable(vm, await store.drives(vm.id)) }, store)
    })
  }
  refuseAsleep(vm, doing)
  const store = await storeOf(vm)
  return withStates(vm, { doing, hold: 'exclusive', signal: caller.signal }, async () => {
    await tidy(vm, store)
    const token = randomHex(8)
    const folder = unfinishedFolder(vm.place, vm.id, token)
    makePrivateFolder(folder)
    try {
      const content = await watched(vm, () => takeMoment(vm, store, { folder, pin: pinOf({ token, vm: vm.id }) }, caller))
      return await work(content, store)
    } catch (error) {
      await sweepStates(vm, store).catch(() => {})
      throw error
    } finally {
      await sweepLater(vm, store, caller.note)
    }
  })
}

/** Throws a Failure for a drive that is broken. */
function usable({ id }: Vm, drives: readonly Drive[]): readonly Drive[] {
  const bad = drives.find(({ fault }) => fault !== undefined)
  if (bad === undefined) return drives
  throw new Failure(`cannot export ${id}: ${bad.name} cannot be used: ${bad.fault}`, { code: 'DRIVE_DAMAGED' })
}

function variablesOf(vm: Vm): Content['variables'] {
  return kinds.map((kind) => ({ kind, path: variablesFile(vm, kind) })).filter(({ path }) => lstat(path) !== undefined)
}

/** What stands beside its record but for what is told otherwise. */
function plainFiles(vm: Vm): ParcelFile[] {
  return filesOf(vm).filter(({ name }) => !name.endsWith('.qcow2'))
}

interface Kept {
  readonly folder: string
  readonly pin: string
}

/** Freezes all its drives in one moment, in which its guest stands still where there is more than one thing to be had of it. */
async function takeMoment(vm: Vm, store: Store, { folder, pin }: Kept, { note, signal }: Caller): Promise<Content> {
  const { id, drawer } = vm
  const drives = usable(vm, await store.drives(id))
  const job = jobOf(drawer, `export ${id}`)
  return withJobs(job, { timeoutMs: qmpTimeoutMs, signal }, async (qmp) => {
    const isRunning = (await qmp.execute('query-status')).status === 'running'
    const variables = variablesOf(vm)
    const stands = isRunning && drives.length + variables.length > 1
    const barrier = new Barrier(drives.length)
    const stopping = new AbortController()
    const freezing = drives.map((drive) => freezeAt(vm, store, drive, { qmp, pin, barrier, note, signal: stopping.signal }))
    for (const one of freezing) one.catch((error: unknown) => barrier.fail(error))
    const stop = (): void => barrier.fail(signal?.reason)
    signal?.addEventListener('abort', stop, { once: true })
    let beganMs: number | undefined
    let endedMs = 0
    let atMs: number
    try {
      if (signal?.aborted === true) stop()
      await barrier.arrived
      if (stands) writeWhole(underWay(folder), '')
      try {
        if (stands) {
          await qmp.execute('stop')
          beganMs = performance.now()
        }
        atMs = Date.now()
        // QEMU has written all that it had of them when it stopped.
        for (const { path, kind } of variables) copyNew(path, copyIn(folder, kind))
        await barrier.open()
      } finally {
        if (stands) await qmp.execute('cont')
        endedMs = performance.now()
        barrier.end()
        remove(underWay(folder))
      }
    } catch (error) {
      stopping.abort(error)
      barrier.fail(error)
      await Promise.allSettled(freezing)
      signal?.throwIfAborted()
      throw error
    } finally {
      signal?.removeEventListener('abort', stop)
    }
    const bases = await Promise.all(freezing)
    return {
      ran: true,
      stoodStillMs: beganMs === undefined ? null : Math.round(endedMs - beganMs),
      atMs,
      variables: variables.map(({ kind }) => ({ kind, path: copyIn(folder, kind) })),
      // What its TPM holds is in the memory of another program.
      files: plainFiles(vm).filter(({ name }) => !name.startsWith('tpm/')),
      drives: drives.map(({ name, number, image }, at) => ({ name, number, image: bases[at]?.image ?? image })),
    }
  })
}

function copyIn(folder: string, kind: string): string {
  return `${folder}/nvram-${kind}.qcow2`
}
