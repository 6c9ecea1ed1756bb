// All that `status` tells of one VM, as data.
import type { Caller } from '../../core/caller.js'
import type { DriveSize } from '../../model/drive.js'
import type { Forward } from '../../model/nic.js'
import { lastState, whyEnded, type Ending } from '../../qemu/journal.js'
import { withQmp } from '../../qemu/qmp.js'
import type { Health } from '../../store/store.js'
import { bootId } from '../../sys/environment.js'
import { isBusy, isRunning, journalOf, qemuPid, type State } from '../record/state.js'
import { sweepTapsQuietly } from './taps.js'
import { readRecord, type Accelerator, type MachineRecord } from '../record/record.js'
import { storeOf } from '../record/stores.js'
import type { Vm } from '../record/vm.js'

/** A VM that is busy does not answer QMP; its state is then what its journal says. */
const qmpTimeoutMs = 1000

export interface Status {
  readonly id: string
  readonly class: string | null
  readonly name: string
  readonly state: State
  /** What QEMU calls the state, where it is more than running or paused: `io-error`, `guest-panicked`, ... */
  readonly detail: string | null
  /** QEMU's process; null also where it runs and cannot be seen from here. */
  readonly pid: number | null
  /** Since when it is in this state, in milliseconds since 1970. */
  readonly sinceMs: number | null
  /** Why it does not run any more. */
  readonly ending: Ending | null
  readonly accelerator: string | null
  /** What makes it this machine for its guest; null as long as it has no record. */
  readonly uuid: string | null
  /** Machine type and CPU that it runs with, or would be started with; null where the first start will tell. */
  readonly machine: string | null
  readonly cpu: string | null
  readonly memBytes: number
  readonly cpus: number
  readonly drives: readonly DriveStatus[]
  readonly forwards: readonly Forward[]
  /** Its network devices on the host. */
  readonly taps: readonly string[]
  /** The user that QEMU runs as. */
  readonly runAs: string | null
  readonly drawer: string
}

export interface DriveStatus extends DriveSize {
  readonly name: string
  readonly path: string
  readonly format: string
  /** How it stands with its room on the host; null where that cannot be seen. */
  readonly health: Health | null
}

export async function statusOf(vm: Vm, { signal }: Caller = {}): Promise<Status> {
  const { drawer, settings } = vm
  const journal = journalOf(drawer)
  const runs = isRunning(drawer)
  if (!runs) await sweepTapsQuietly(drawer)
  const pid = runs ? qemuPid(drawer) : undefined
  const busy = runs && isBusy(drawer)
  const last = lastState(journal)
  const detail = !runs || busy ? undefined : await askQemu(drawer.qmp, signal)
  const record = recordOf(vm)
  const accelerator = (runs ? journal.started?.accelerator : undefined) ?? null
  const pinnedCpu = record?.cpu?.[(accelerator ?? settings.accel) as Accelerator] ?? Object.values(record?.cpu ?? {})[0]
  const ending = runs ? null : whyEnded(journal, { bootId: bootId() })
  return {
    id: vm.id,
    class: vm.class ?? null,
    name: vm.name,
    state: stateOf(runs, busy, detail ?? last.state),
    detail: detail ?? null,
    pid: pid ?? null,
    sinceMs: (runs ? last.sinceMs : ending?.atMs) ?? null,
    ending,
    accelerator,
    uuid: record?.uuid ?? null,
    machine: (runs ? journal.started?.machine : undefined) ?? settings.machine ?? record?.machine ?? null,
    cpu: (runs ? journal.started?.cpu : undefined) ?? settings.cpu ?? pinnedCpu ?? null,
    memBytes: (runs ? journal.started?.memBytes : undefined) ?? settings.mem,
    cpus: (runs ? journal.started?.cpus : undefined) ?? settings.smp,
    drives: await driveStatus(vm),
    forwards: runs ? (journal.started?.forwards ?? []) : [],
    taps: runs ? (journal.started?.taps ?? []) : [],
    runAs: runs ? (journal.started?.runAs ?? null) : null,
    drawer: drawer.folder,
  }
}

/** A record that is damaged keeps nobody from seeing what the VM does. */
function recordOf({ place, id }: Vm): MachineRecord | undefined {
  try {
    return readRecord(place, id)
  } catch {
    return undefined
  }
}

function stateOf(runs: boolean, busy: boolean, word: string): State {
  if (!runs) return 'stopped'
  if (busy) return 'busy'
  return word === 'running' ? 'running' : 'paused'
}

async function askQemu(socket: string, signal: AbortSignal | undefined): Promise<string | undefined> {
  try {
    return await withQmp(socket, { timeoutMs: qmpTimeoutMs, signal }, async (qmp) => (await qmp.execute('query-status')).status)
  } catch {
    signal?.throwIfAborted()
    return undefined
  }
}

async function driveStatus(vm: Vm): Promise<DriveStatus[]> {
  const store = await storeOf(vm)
  const drives = await store.drives(vm.id)
  return Promise.all(
    drives.map(async (drive): Promise<DriveStatus> => {
      const { virtualBytes, allocatedBytes } = await store.size(drive)
      const health = (await store.health?.(drive)) ?? null
      return { name: drive.name, path: drive.image.path, format: drive.image.format, virtualBytes, allocatedBytes, health }
    }),
  )
}
