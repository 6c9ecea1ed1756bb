import { writeBytes } from '../sys/output.js'
import type { Filter } from './filter.js'
import type { Inlet } from './inlet.js'

/** What becomes of what the guest says. */
export interface Relaying {
  /** What it goes through on its way; nothing, where nobody's terminal is at the other end. */
  readonly filter: Filter | undefined
  /** Called when nobody reads stdout any more. */
  readonly lost: () => void
  /** Called with each piece. */
  readonly heard?: () => void
}

/** Guest to stdout, at the pace of whoever reads that. Returns what ends it. */
export function relay(inlet: Inlet, { filter, lost, heard }: Relaying): () => void {
  // Read on, into nothing, so that the end of the stream is seen.
  const silence = (): void => inlet.listen(() => {})
  inlet.listen((piece) => {
    try {
      writeBytes(1, filter === undefined ? piece : filter.push(piece))
      heard?.()
    } catch {
      silence()
      lost()
    }
  })
  return silence
}
