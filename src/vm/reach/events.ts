// What happens to a VM, as a stream for programs. It is read from the VM's journal, so nothing is missed and nobody need listen.
import { lastState, stateEvents, type Ending, type Journal, type JournalEvent } from '../../qemu/journal.js'
import { pause } from '../../sys/clock.js'
import { endingOf, isRunning, journalOf, qemuPid } from '../record/state.js'
import type { Vm } from '../record/vm.js'

/** `start`: all since its last start, be it over. `now`: what comes. */
export type EventsSince = 'start' | 'now'

/** What happened to a VM. */
export interface VmEvent {
  /** `started`: it has a QEMU. `running`, `paused`, `asleep`: its guest is so from then on. `stopped`: there is no QEMU any more. */
  readonly kind: 'started' | 'running' | 'paused' | 'asleep' | 'stopped'
  /** When, in milliseconds since 1970; null where nobody noticed it, as where its host went down. */
  readonly atMs: number | null
  /** Why, in words, where more is known: `the guest shut down`, `io-error`. */
  readonly why: string | null
}

const lookEveryMs = 200

/** What is known of a VM at one moment, of its present run. */
export interface Look {
  readonly journal: Journal
  /** Undefined as long as it runs. */
  readonly ending: Ending | undefined
}

/** The events of a VM that is there, until `signal` is aborted. They go on at its next start. */
export async function* followEvents(
  { drawer }: Pick<Vm, 'drawer'>,
  { since, signal }: { readonly since: EventsSince; readonly signal: AbortSignal },
): AsyncGenerator<VmEvent, void> {
  let before: Look | undefined
  for (; ; await pause(lookEveryMs, signal)) {
    // The process number is a cheap look; only the lock is proof that it is gone.
    const runs = qemuPid(drawer) !== undefined || isRunning(drawer)
    const now = lookAfter(before, { journal: journalOf(drawer), ending: runs ? undefined : endingOf(drawer) })
    if (before !== undefined || since === 'start') yield* eventsBetween(before, now)
    before = now
  }
}

/** A run that is over stays over: who starts the next one has the lock before the journal says so. */
export function lookAfter(before: Look | undefined, now: Look): Look {
  const isSameRun = before?.journal.started?.at === now.journal.started?.at
  return before?.ending !== undefined && isSameRun ? { ...now, ending: before.ending } : now
}

/** What has come between two looks; all of the run without the first. */
export function eventsBetween(before: Look | undefined, now: Look): VmEvent[] {
  const { started, events } = now.journal
  const isNew = before?.journal.started?.at !== started?.at
  const seen = isNew ? undefined : before
  const found: VmEvent[] = []
  // It was ended and started between the two.
  const wasMissed = isNew && before?.journal.started !== undefined && before.ending === undefined
  if (wasMissed) found.push({ kind: 'stopped', atMs: null, why: null })
  if (started !== undefined && seen === undefined) found.push({ kind: 'started', atMs: started.at, why: null })
  const from = indexAfter(seen?.journal.events.at(-1), events)
  for (let at = from; at < events.length; at++) found.push(...told(now.journal, at))
  const { ending } = now
  if (ending !== undefined && ending.kind !== 'never-started' && (seen === undefined || seen.ending === undefined)) {
    found.push({ kind: 'stopped', atMs: ending.atMs, why: ending.words })
  }
  return found
}

/** Behind the last one that was seen, which is told by its moment; all where it has gone from the journal meanwhile. */
function indexAfter(last: JournalEvent | undefined, events: readonly JournalEvent[]): number {
  if (last === undefined) return 0
  return events.findLastIndex(({ name, atMs }) => name === last.name && atMs === last.atMs) + 1
}

const kinds: Readonly<Partial<Record<string, VmEvent['kind']>>> = {
  RESUME: 'running',
  WAKEUP: 'running',
  STOP: 'paused',
  SUSPEND: 'asleep',
} satisfies Partial<Record<(typeof stateEvents)[number], VmEvent['kind']>>

function told(journal: Journal, at: number): VmEvent[] {
  const event = journal.events[at]
  const kind = kinds[event?.name ?? '']
  if (event === undefined || kind === undefined) return []
  const { detail, reason } = lastState({ ...journal, events: journal.events.slice(0, at + 1) })
  const isPlain = kind !== 'paused' || detail === 'paused'
  return [{ kind, atMs: event.atMs, why: isPlain ? null : (reason ?? detail) }]
}
