// The journal of a VM, so that `status` can tell how it is and why it is gone: what nbsvm does to it (`journal.jsonl`, nbsvm's own
// file) and what QEMU reports (`events.jsonl`, of which nothing else is believed), a JSON object a line. QEMU reports without a
// client, through a character device that leads nowhere but to the log keeper (keeper.ts):
//
//     -chardev null,id=events,logfile=/dev/fdset/N,logappend=on -mon chardev=events,mode=control
import { asObject } from '../core/check.js'
import type { AddedDevice, DiscDrive } from '../model/device.js'
import type { Forward } from '../model/forward.js'
import type { Arch } from '../model/guest.js'
import type { Share } from '../model/share.js'
import { timestampMs } from './qmpwire.js'
import type { Events } from './schema.js'

/** Written just before QEMU is run: what it is, and what the host was then. */
export interface Started {
  readonly nbsvm: 'started'
  /** Milliseconds since 1970, as in all lines of nbsvm's. */
  readonly at: number
  /** The host's boot: under another one, no VM of this journal can be alive. */
  readonly bootId: string
  /** QEMU's version. */
  readonly qemu?: string
  readonly accelerator?: string
  readonly machine?: string
  readonly arch?: Arch
  readonly firmware?: 'bios' | 'uefi' | 'secure'
  readonly tpm?: boolean
  readonly cpu?: string
  readonly memBytes?: number
  readonly cpus?: number
  readonly forwards?: readonly Forward[]
  readonly discs?: readonly DiscDrive[]
  readonly shares?: readonly Share[]
  /** What was attached since; nbsvm keeps it elsewhere, and adds it when the journal is read. */
  readonly devices?: readonly AddedDevice[]
  /** It was started by hand; nbsvm keeps it elsewhere, as `devices`. What such a QEMU calls the guest agent's port, if it has one. */
  readonly adopted?: { readonly agent: string | null }
  /** The user that QEMU runs as. */
  readonly runAs?: string
  /** Its network devices on the host. */
  readonly taps?: readonly string[]
  /** The number of the frozen state that its guest goes on from. */
  readonly from?: string
  /** The VM whose state that is, where it is another's. */
  readonly forkedFrom?: string
}

/** Written before nbsvm ends a VM; `by` is the verb. */
export interface Stopping {
  readonly nbsvm: 'stopping'
  readonly at: number
  readonly by: string
}

/** Written when QEMU ended before it answered; `words` are its own. */
export interface Refused {
  readonly nbsvm: 'refused'
  readonly at: number
  readonly words: string
}

/** Written when it has come from another machine. */
export interface Moved {
  readonly nbsvm: 'moved'
  readonly at: number
  readonly from: string
  /** How it had ended there, where it was off. */
  readonly ended?: Ending | undefined
}

/** The events after which a VM is in another state. The log keeper keeps these, and those below, whatever else QEMU reports. */
export const stateEvents = ['RESUME', 'WAKEUP', 'STOP', 'SUSPEND', 'SHUTDOWN'] as const

/** The events that tell why a STOP comes: those with this action. */
export const troubleEvents = [
  { name: 'GUEST_PANICKED', action: 'pause', detail: 'guest-panicked' },
  { name: 'WATCHDOG', action: 'pause', detail: 'watchdog' },
  { name: 'BLOCK_IO_ERROR', action: 'stop', detail: 'io-error' },
] as const

export interface JournalEvent {
  readonly name: string
  readonly data: Readonly<Record<string, unknown>>
  readonly atMs: number
}

/** What happened since the VM was last started. */
export interface Journal {
  readonly started: Started | undefined
  readonly events: readonly JournalEvent[]
  readonly stopping: Stopping | undefined
  readonly refused: Refused | undefined
  /** It came here as one that is off, and was not started since. */
  readonly came: Moved | undefined
}

/** So much of QEMU's words is written down. */
const wordsLength = 4000

/** A line of nbsvm's, to be added at the end of its part of the journal. */
export function journalLine(entry: Ours): string {
  const bounded = entry.nbsvm === 'refused' ? { ...entry, words: entry.words.slice(0, wordsLength) } : entry
  return `${JSON.stringify(bounded)}\n`
}

/** Reads a journal, or the end of it: nbsvm's part and QEMU's. What is torn, unknown or not JSON is ignored. */
export function parseJournal(text: { readonly ours: string; readonly events: string }): Journal {
  const nothing = { started: undefined, stopping: undefined, refused: undefined, came: undefined }
  let journal: Omit<Journal, 'events'> = nothing
  for (const entry of parseLines(text.ours)) {
    if (isOurs(entry, 'started', 'bootId')) journal = { ...nothing, started: entry }
    else if (isOurs(entry, 'stopping', 'by')) journal = { ...journal, stopping: entry }
    else if (isOurs(entry, 'refused', 'words')) journal = { ...journal, refused: entry }
    else if (isOurs(entry, 'moved', 'from') && entry.ended !== undefined) journal = { ...nothing, came: entry }
  }
  const events = parseLines(text.events).flatMap((entry): JournalEvent[] => {
    if (typeof entry['event'] !== 'string') return []
    return [{ name: entry['event'], data: asObject(entry['data']) ?? {}, atMs: timestampMs(entry['timestamp']) }]
  })
  return { ...journal, events }
}

/** The objects of a file with one a line. */
function parseLines(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .map(parseLine)
    .filter((entry) => entry !== undefined)
}

function parseLine(line: string): Record<string, unknown> | undefined {
  // A line that was cut when its writer was killed can stand before the next one.
  const begin = Math.max(line.lastIndexOf('{"timestamp":'), line.lastIndexOf('{"nbsvm":'))
  if (begin === -1) return undefined
  try {
    return asObject(JSON.parse(line.slice(begin)))
  } catch {
    return undefined
  }
}

type Ours = Started | Stopping | Refused | Moved

function isOurs<W extends Ours['nbsvm']>(
  entry: Readonly<Record<string, unknown>>,
  what: W,
  member: string,
): entry is Extract<Ours, { nbsvm: W }> & Record<string, unknown> {
  return entry['nbsvm'] === what && typeof entry['at'] === 'number' && typeof entry[member] === 'string'
}

export interface LastState {
  readonly state: 'running' | 'paused'
  /** QEMU's word for it (RunState of `query-status`). */
  readonly detail: 'running' | 'paused' | 'prelaunch' | 'io-error' | 'guest-panicked' | 'suspended' | 'watchdog' | 'shutdown'
  /** Why it does not run, where QEMU says more: `No space left on device`. */
  readonly reason?: string
  /** Since when, in milliseconds since 1970. */
  readonly sinceMs: number | undefined
}

/** What a VM that is alive was doing at its last event. */
export function lastState(journal: Journal): LastState {
  let last: LastState = { state: 'paused', detail: 'prelaunch', sinceMs: journal.started?.at }
  // QEMU says first what went wrong and then STOP.
  let trouble: Pick<LastState, 'detail' | 'reason'> | undefined
  for (const { name, data, atMs } of journal.events) {
    if (name === 'RESUME' || name === 'WAKEUP') {
      trouble = undefined
      last = { state: 'running', detail: 'running', sinceMs: atMs }
    } else if (name === 'STOP') last = { state: 'paused', detail: 'paused', ...trouble, sinceMs: atMs }
    else if (name === 'SUSPEND') last = { state: 'paused', detail: 'suspended', sinceMs: atMs }
    else if (name === 'SHUTDOWN') last = { state: 'paused', detail: 'shutdown', sinceMs: atMs }
    else trouble = troubleOf(name, data) ?? trouble
  }
  return last
}

function troubleOf(name: string, data: JournalEvent['data']): Pick<LastState, 'detail' | 'reason'> | undefined {
  const trouble = troubleEvents.find((event) => event.name === name && event.action === data['action'])
  if (trouble === undefined) return undefined
  return { detail: trouble.detail, ...(typeof data['reason'] === 'string' ? { reason: data['reason'] } : {}) }
}

/** Why a VM does not run (any more). */
export interface Ending {
  readonly kind:
    | 'never-started'
    | 'refused'
    | 'guest-shutdown'
    | 'guest-reset'
    | 'guest-panicked'
    | 'stopped'
    | 'quit'
    | 'reset'
    | 'signalled'
    | 'window-closed'
    | 'failed'
    | 'killed'
    | 'unseen'
    | 'host-rebooted'
  /** When, in milliseconds since 1970; null where nobody saw it. */
  readonly atMs: number | null
  /** A sentence without capital and full stop: `the guest shut down`. */
  readonly words: string
}

type Reason = Events['SHUTDOWN']['reason']

/** What QEMU's reasons mean: https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html#qapidoc-ShutdownCause */
const endings: { readonly [R in Reason]?: Pick<Ending, 'kind' | 'words'> } = {
  'guest-shutdown': { kind: 'guest-shutdown', words: 'the guest shut down' },
  'guest-reset': { kind: 'guest-reset', words: 'the guest rebooted, which ends this VM' },
  'guest-panic': { kind: 'guest-panicked', words: 'the guest panicked' },
  'host-qmp-quit': { kind: 'quit', words: 'it was ended over its monitor' },
  'host-qmp-system-reset': { kind: 'reset', words: 'it was reset, which ends this VM' },
  'subsystem-reset': { kind: 'reset', words: 'a part of it was reset, which ends this VM' },
  'host-signal': { kind: 'signalled', words: 'QEMU was ended by a signal' },
  'host-ui': { kind: 'window-closed', words: 'its window was closed' },
  'host-error': { kind: 'failed', words: 'QEMU gave up after an error of the host' },
}

/** The ends that `stop` itself brings about. */
const endsOfStop: ReadonlySet<unknown> = new Set<Reason>(['host-qmp-quit', 'host-signal'])

/** Tells why a VM that is known not to run is gone. `bootId` is the host's present one. */
export function whyEnded(journal: Journal, { bootId }: { readonly bootId: string }): Ending {
  const { started, refused, stopping, came, events } = journal
  const shutdown = lastShutdown(events)
  const reason = shutdown?.data['reason']
  if (stopping !== undefined && (shutdown === undefined || endsOfStop.has(reason))) {
    return { kind: 'stopped', atMs: shutdown?.atMs ?? stopping.at, words: `ended by ${stopping.by}` }
  }
  if (shutdown !== undefined) {
    const ending = endings[reason as Reason] ?? { kind: 'quit', words: `QEMU ended: ${String(reason)}` }
    return { ...ending, atMs: shutdown.atMs }
  }
  if (refused !== undefined) return { kind: 'refused', atMs: refused.at, words: `QEMU refused to start it: ${refused.words}` }
  if (came?.ended !== undefined) return came.ended
  if (started === undefined && events.length === 0) return { kind: 'never-started', atMs: null, words: 'it was never started' }
  if (started !== undefined && started.bootId !== bootId) {
    return { kind: 'host-rebooted', atMs: null, words: 'the host went down while it ran' }
  }
  if (started?.adopted !== undefined)
    return { kind: 'unseen', atMs: null, words: 'QEMU ended; it was started by hand, so nobody wrote down why' }
  return { kind: 'killed', atMs: null, words: 'QEMU was killed, or crashed' }
}

/** The SHUTDOWN that ended the VM; with -no-shutdown a VM can go on after one. */
function lastShutdown(events: readonly JournalEvent[]): JournalEvent | undefined {
  const at = events.findLastIndex(({ name }) => name === 'SHUTDOWN')
  return events.slice(at).some(({ name }) => name === 'RESUME') ? undefined : events[at]
}
