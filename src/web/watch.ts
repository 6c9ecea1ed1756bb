// The list of VMs, looked at once for all pages, and only while there is one. Looking is what `nbsvm ls` does: it reads files, and asks the
// stores that have no files. So it is done once a second where that is cheap, and less often where it is not.
import { monotonicMs, pause } from '../sys/clock.js'
import { fileStamp } from '../sys/stamp.js'
import { stat } from '../sys/file.js'
import type { Outside } from '../host/place.js'
import { listVms, type Listed } from '../vm/list/list.js'
import { drawerOf } from '../vm/record/drawer.js'
import { hasMoves } from '../vm/record/record.js'
import { endingOf } from '../vm/record/state.js'
import { wireFailure } from './failure.js'
import type { WatchChange, WatchList, WireEnding, WireFailure, WireVm } from './protocol.js'

/** How it stands. */
export interface Seen {
  readonly vms: readonly WireVm[]
  readonly faults: readonly WireFailure[]
}

export interface Watch {
  /** Calls `tell` with the list, then with each change of it, until what is returned is called. */
  readonly follow: (tell: (frame: WatchList | WatchChange) => void) => () => void
  /** Has it looked at once: something was done. */
  readonly poke: () => void
  readonly close: () => void
}

/** At most a twentieth of the time is spent on looking. */
const leastPauseMs = 1000
const mostPauseMs = 30_000
const share = 20

export function createWatch(look: () => Promise<Seen>): Watch {
  const followers = new Set<(frame: WatchList | WatchChange) => void>()
  let seen: Seen | undefined
  let next = new AbortController()
  let isLooking = false
  const closed = new AbortController()
  const loop = async (): Promise<void> => {
    if (isLooking) return
    isLooking = true
    while (followers.size > 0 && !closed.signal.aborted) {
      next = new AbortController()
      const beganMs = monotonicMs()
      const now = await look().catch((error: unknown) => ({ vms: seen?.vms ?? [], faults: [wireFailure(error)] }))
      const change = seen === undefined ? undefined : changeOf(seen, now)
      const isFirst = seen === undefined
      seen = now
      const frame = isFirst ? ({ kind: 'list', ...now } as const) : change
      if (frame !== undefined) for (const tell of followers) tell(frame)
      const tookMs = monotonicMs() - beganMs
      await pause(Math.min(Math.max(leastPauseMs, share * tookMs), mostPauseMs), next.signal).catch(() => {})
    }
    isLooking = false
    // What is known by now will be old when somebody comes again.
    seen = undefined
  }
  return {
    follow: (tell) => {
      if (seen !== undefined) tell({ kind: 'list', ...seen })
      followers.add(tell)
      // It may be resting, for longer than a page should wait.
      if (followers.size === 1) next.abort()
      void loop()
      return () => void followers.delete(tell)
    },
    poke: () => next.abort(),
    close: () => {
      closed.abort()
      next.abort()
    },
  }
}

/** What is otherwise than before; undefined where nothing is. Pure. */
export function changeOf(before: Seen, now: Seen): WatchChange | undefined {
  const old = new Map(before.vms.map((vm) => [vm.id, JSON.stringify(vm)]))
  const vms = now.vms.filter((vm) => old.get(vm.id) !== JSON.stringify(vm))
  const ids = new Set(now.vms.map(({ id }) => id))
  const gone = before.vms.map(({ id }) => id).filter((id) => !ids.has(id))
  const isSame = JSON.stringify(before.faults) === JSON.stringify(now.faults)
  return vms.length === 0 && gone.length === 0 && isSame ? undefined : { kind: 'change', vms, gone, faults: now.faults }
}

/** Looks as `nbsvm ls` does, and why each VM ended; at one VM alone where `only` says so. */
export function lookerOf(outside: Outside, only: string | undefined): () => Promise<Seen> {
  const endingFor = createEndings(outside)
  return async () => {
    const faults: WireFailure[] = []
    const onFault = (fault: unknown): void => void faults.push(wireFailure(fault))
    if (hasMoves(outside.place)) await (await import('../vm/move/removal.js')).sweepArrivals(outside).catch(onFault)
    const listed = await listVms(outside, onFault, { withImages: true })
    const shown = only === undefined ? listed : listed.filter(({ id }) => id === only)
    // What is wrong elsewhere is not for a page about one VM.
    return { vms: shown.map((vm) => Object.assign(vm, { ending: endingFor(vm) })), faults: only === undefined ? faults : [] }
  }
}

/** Why VMs ended; read again only where what it is read from has changed. */
function createEndings({ place }: Outside): (vm: Listed) => WireEnding | null {
  const known = new Map<string, { readonly stamp: string; readonly ending: WireEnding | null }>()
  return ({ id, state }) => {
    if (state !== 'stopped') {
      known.delete(id)
      return null
    }
    const drawer = drawerOf(place.state, id)
    try {
      const stamp = [drawer.journal, drawer.events].map((file) => (stat(file) === undefined ? '' : fileStamp(file))).join(' ')
      const before = known.get(id)
      if (before?.stamp === stamp) return before.ending
      const { kind, atMs, words } = endingOf(drawer)
      const ending = { kind, atMs, words }
      known.set(id, { stamp, ending })
      return ending
    } catch {
      // What is wrong with its drawer is told as its fault.
      return null
    }
  }
}
