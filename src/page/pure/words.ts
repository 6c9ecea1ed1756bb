// Texts that people read: ages, sizes, counts.
import { formatSize } from '../../core/size.js'
import type { WireForward, WireVm } from '../../web/protocol.js'

export function size(bytes: number | null): string {
  return bytes === null ? '' : formatSize(bytes)
}

/** Bytes per second, for a plot: `1.2M/s`. */
export function rate(bytes: number): string {
  return `${formatSize(Math.round(bytes))}/s`
}

/** `8080→80`, with address and protocol where they are not the usual ones. */
export function forwardText({ hostPort, guestPort, protocol, address }: WireForward): string {
  const at = address === '' || address === '127.0.0.1' ? '' : `${address}:`
  return `${at}${hostPort}→${guestPort}${protocol === 'tcp' ? '' : `/${protocol}`}`
}

export type Look = 'running' | 'paused' | 'off' | 'trouble' | 'busy'

/** How a state is drawn. One that ended by itself or badly is told from one that was switched off. */
export function lookOf({ state, ending, fault }: Pick<WireVm, 'state' | 'ending' | 'fault'>): Look {
  if (state === 'unknown' || fault !== null) return 'trouble'
  if (state !== 'stopped') return state
  return ending !== null && badEndings.has(ending.kind) ? 'trouble' : 'off'
}

const badEndings: ReadonlySet<string> = new Set(['refused', 'guest-panicked', 'failed', 'killed', 'signalled'])
