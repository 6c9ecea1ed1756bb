// All that `status` tells of one VM, as data.
import type { Caller } from '../../core/caller.js'
import { messageOf } from '../../core/errors.js'
import { helperStates, waitForEnd } from '../../helper/helpers.js'
import type { GuestFacts } from '../../guest/facts.js'
import type { Drive } from '../../model/drive.js'
import type { Arch } from '../../model/guest.js'
import type { HelperState } from '../../model/helper.js'
import type { AddedDevice, DiscDrive } from '../../model/device.js'
import { spelledOut, type Forward, type SpelledForward } from '../../model/forward.js'
import type { Share } from '../../model/share.js'
import { passtName } from '../../net/passt.js'
import { hasAgent } from '../../qemu/device/port.js'
import { lastState, whyEnded, type Ending, type Started } from '../../qemu/journal.js'
import { keeperName } from '../../qemu/keeper.js'
import { withQmp } from '../../qemu/qmp.js'
import type { Health, Store } from '../../store/store.js'
import { bootId } from '../../sys/environment.js'
import { savedSince } from '../record/asleep.js'
import { archOf, firmwareOf, hasTpm, type FirmwareKind } from '../record/choice.js'
import { templateFacts, type TemplateFacts } from '../record/forks.js'
import { isBusy, isRunning, journalOf, qemuPid, type State } from '../record/state.js'
import { sweepQuietly } from './sweep.js'
import { memBytesOf } from '../record/memory.js'
import { hasMoves, readRecord, type Accelerator, type MachineRecord } from '../record/record.js'
import type { RecordedImage } from '../record/shape.js'
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
  /** Since when its guest sleeps on the disk (`save`), in milliseconds since 1970; null where it does not. */
  readonly savedMs: number | null
  readonly accelerator: string | null
  /** What makes it this machine for its guest; null as long as it has no record. */
  readonly uuid: string | null
  /** Machine type and CPU that it runs with, or would be started with; null where the first start will tell. */
  readonly machine: string | null
  readonly cpu: string | null
  /** Its processor, what it boots by, and whether it has a TPM: as it runs, or would be started. */
  readonly arch: Arch
  readonly firmware: FirmwareKind
  readonly tpm: boolean
  readonly memBytes: number
  /** What its guest has of that, the rest given back by its balloon; null where it does not run or has none. */
  readonly memNowBytes: number | null
  readonly cpus: number
  /** What its first drive was made from; null where that was nothing, or nobody knows. */
  readonly image: Pick<RecordedImage, 'name' | 'digest' | 'level'> | null
  /** What was frozen of it, for forks; null where nothing was. */
  readonly template: TemplateFacts | null
  /** The VM from whose template its guest goes on; null where it was started otherwise, or does not run. */
  readonly forkedFrom: string | null
  /** What the guest says of itself through its agent; null where none answers at once. */
  readonly guest: GuestFacts | null
  readonly drives: readonly DriveStatus[]
  /** Its disc drives while it runs, and what is in them. */
  readonly discs: readonly DiscDrive[]
  /** The folders of the host that its guest can mount. */
  readonly shares: readonly Share[]
  /** What was attached while it runs. */
  readonly devices: readonly AddedDevice[]
  readonly forwards: readonly ForwardStatus[]
  /** Its network devices on the host. */
  readonly taps: readonly string[]
  /** The programs that run beside its QEMU: passt, the log keeper. */
  readonly helpers: readonly HelperState[]
  /** The user that QEMU runs as. */
  readonly runAs: string | null
  readonly drawer: string
  /** What could not be looked at, and why, or that a move is not over; all else is true nevertheless. */
  readonly faults: readonly string[]
}

export interface ForwardStatus extends SpelledForward {
  /** Whether who forwards it is there. */
  readonly alive: boolean
}

export interface DriveStatus {
  readonly name: string
  readonly path: string
  readonly format: string
  /** How large it looks to the guest, and what it takes on the host; null where that cannot be seen. */
  readonly virtualBytes: number | null
  readonly allocatedBytes: number | null
  /** How it stands with its room on the host; null where that cannot be seen. */
  readonly health: Health | null
  /** Why it cannot be used, or looked at. */
  readonly fault: string | null
}

export async function statusOf(vm: Vm, { signal }: Caller = {}): Promise<Status> {
  const { drawer, settings } = vm
  const runs = isRunning(drawer)
  if (!runs) {
    // It may still be writing down what QEMU has said last.
    await waitForEnd(drawer.folder, keeperName)
    await sweepQuietly(drawer)
  }
  const journal = journalOf(drawer)
  const started = runs ? journal.started : undefined
  const helpers = runs ? helperStates(drawer.folder) : []
  const faults: string[] = []
  const pid = runs ? qemuPid(drawer) : undefined
  const busy = runs && isBusy(drawer)
  const last = lastState(journal)
  const seen = !runs || busy ? undefined : await askQemu(drawer.qmp, started?.adopted, signal)
  const detail = seen?.status
  const record = recordOf(vm, faults)
  const accelerator = started?.accelerator ?? null
  const pinnedCpu = record?.cpu?.[(accelerator ?? settings.accel) as Accelerator] ?? Object.values(record?.cpu ?? {})[0]
  const ending = runs ? null : whyEnded(journal, { bootId: bootId() })
  const memBytes = started?.memBytes ?? memBytesOf(vm, record)
  return {
    id: vm.id,
    class: vm.class ?? null,
    name: vm.name,
    state: stateOf(runs, busy, detail ?? last.state),
    detail: detail ?? null,
    pid: pid ?? null,
    sinceMs: (runs ? last.sinceMs : ending?.atMs) ?? null,
    ending,
    savedMs: runs ? null : savedSince(vm),
    accelerator,
    uuid: record?.uuid ?? null,
    machine: started?.machine ?? settings.machine ?? record?.machine ?? null,
    cpu: started?.cpu ?? settings.cpu ?? pinnedCpu ?? null,
    arch: started?.arch ?? archOf(settings, record),
    firmware: started?.firmware ?? firmwareOf(settings, record),
    tpm: started?.tpm ?? hasTpm(vm),
    memBytes,
    // QEMU may have a little more than it was asked for (qemu/ram.ts).
    memNowBytes: seen?.memNowBytes === undefined ? null : Math.min(memBytes, seen.memNowBytes),
    cpus: started?.cpus ?? settings.smp,
    image: imageOf(record),
    template: templateOf(vm, faults),
    forkedFrom: started?.forkedFrom ?? null,
    guest: await guestOf(vm, seen, signal),
    drives: await drivesOf(vm, faults),
    discs: started?.discs ?? [],
    shares: started?.shares ?? [],
    devices: started?.devices ?? [],
    forwards: forwardsOf(started?.forwards ?? [], helpers),
    taps: started?.taps ?? [],
    helpers,
    runAs: started?.runAs ?? null,
    drawer: drawer.folder,
    faults: [...faults, ...(await movingOf(vm))],
  }
}

async function movingOf(vm: Vm): Promise<string[]> {
  if (!hasMoves(vm.place)) return []
  const found = (await import('../record/moves.js')).whyNotOurs(vm)
  return found === undefined ? [] : [[found.why, ...found.hints].join('; ')]
}

/** A record that is damaged keeps nobody from seeing what the VM does. */
function recordOf({ place, id }: Vm, faults: string[]): MachineRecord | undefined {
  try {
    return readRecord(place, id)
  } catch (error) {
    faults.push(messageOf(error))
    return undefined
  }
}

function imageOf(record: MachineRecord | undefined): Status['image'] {
  if (record?.image === undefined) return null
  const { name, digest, level } = record.image
  return { name, digest, level }
}

/** Nor does a template that a newer nbsvm made. */
function templateOf({ place, id }: Vm, faults: string[]): TemplateFacts | null {
  try {
    return templateFacts(place, id)
  } catch (error) {
    faults.push(messageOf(error))
    return null
  }
}

function stateOf(runs: boolean, busy: boolean, word: string): State {
  if (!runs) return 'stopped'
  if (busy) return 'busy'
  return word === 'running' ? 'running' : 'paused'
}

interface Seen {
  readonly status: string
  /** An agent is at its port. */
  readonly hasAgent: boolean
  readonly memNowBytes: number | undefined
}

async function askQemu(socket: string, adopted: Started['adopted'], signal: AbortSignal | undefined): Promise<Seen | undefined> {
  try {
    return await withQmp(socket, { timeoutMs: qmpTimeoutMs, signal }, async (qmp) => {
      const [{ status }, ports, balloon] = await Promise.all([
        qmp.execute('query-status'),
        qmp.execute('query-chardev').catch(() => []),
        // It may have none.
        qmp.execute('query-balloon').catch(() => undefined),
      ])
      return { status, hasAgent: hasAgent(ports, adopted), memNowBytes: balloon?.actual }
    })
  } catch {
    signal?.throwIfAborted()
    return undefined
  }
}

/** A guest that is paused says nothing. */
async function guestOf(vm: Vm, seen: Seen | undefined, signal: AbortSignal | undefined): Promise<GuestFacts | null> {
  if (seen?.hasAgent !== true || seen.status !== 'running') return null
  const { factsOf } = await import('./agent.js')
  return (await factsOf(vm, { signal })) ?? null
}

/** passt, where it was started, forwards all ports but those that have a tunnel; else QEMU does. */
function forwardsOf(forwards: readonly Forward[], helpers: readonly HelperState[]): ForwardStatus[] {
  const lives = (helper: string): boolean | undefined => helpers.find(({ name }) => name === helper)?.alive
  return forwards.map((forward) => {
    const alive = forward.tunnel === undefined ? (lives(passtName) ?? true) : (lives(forward.tunnel) ?? false)
    return Object.assign(spelledOut(forward), { alive })
  })
}

async function drivesOf(vm: Vm, faults: string[]): Promise<DriveStatus[]> {
  try {
    const store = await storeOf(vm)
    return await Promise.all((await store.drives(vm.id)).map((drive) => driveStatus(store, drive)))
  } catch (error) {
    faults.push(`its drives: ${messageOf(error)}`)
    return []
  }
}

async function driveStatus(store: Store, drive: Drive): Promise<DriveStatus> {
  const { name, image, fault } = drive
  const known = { name, path: image.path, format: image.format, virtualBytes: null, allocatedBytes: null, health: null }
  if (fault !== undefined) return { ...known, fault, health: await healthOf(store, drive) }
  try {
    const { virtualBytes, allocatedBytes } = await store.size(drive)
    return { ...known, virtualBytes, allocatedBytes, health: await healthOf(store, drive), fault: null }
  } catch (error) {
    return { ...known, fault: messageOf(error) }
  }
}

async function healthOf(store: Store, drive: Drive): Promise<Health | null> {
  return (await store.health?.(drive).catch(() => undefined)) ?? null
}
