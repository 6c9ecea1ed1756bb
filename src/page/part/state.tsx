// What a VM does: a mark, a word, since when, and why it ended.
import type { WireVm } from '../../web/protocol.js'
import { lookOf, type Look } from '../pure/words.js'
import { Age } from './age.js'

/** Told by their shape too: a disc, two bars, a ring, a triangle, an open ring. */
const marks: Readonly<Record<Look, string>> = {
  running: 'M6 1.5a4.5 4.5 0 1 0 .01 0z',
  paused: 'M2.5 2h2.4v8H2.5zM7.1 2h2.4v8H7.1z',
  off: 'M6 1.5a4.5 4.5 0 1 0 .01 0zM6 3.3a2.7 2.7 0 1 1-.01 0z',
  trouble: 'M6 1l5.5 10H.5z',
  busy: 'M6 1.5a4.5 4.5 0 1 1-4.5 4.5h2a2.5 2.5 0 1 0 2.5-2.5z',
}

function Mark({ look }: { readonly look: Look }) {
  return (
    <svg class="mark" viewBox="0 0 12 12" aria-hidden="true">
      <path fill-rule="evenodd" d={marks[look]} />
    </svg>
  )
}

export function State({ vm }: { readonly vm: WireVm }) {
  const look = lookOf(vm)
  const { state, sinceMs, ending, fault } = vm
  const endedMs = ending?.atMs ?? null
  return (
    <span class={`doing ${look}`}>
      <Mark look={look} />
      <span class="word">{state === 'stopped' ? 'off' : state}</span>
      {sinceMs !== null && state !== 'stopped' && <Age sinceMs={sinceMs} />}
      {state === 'stopped' && endedMs !== null && <Age sinceMs={endedMs} />}
      {ending !== null && <span class="why">{ending.words}</span>}
      {fault !== null && <span class="why fault">{fault}</span>}
    </span>
  )
}
