// How far something long is, on one line of a terminal.
import { formatSize } from '../core/size.js'
import { deadlineIn, monotonicMs } from '../sys/clock.js'
import type { OnProgress } from '../store/store.js'
import type { Context } from './verb.js'

/** So often a terminal is drawn on. */
const drawMs = 100

/** The rate is that of the last seconds: what was slow at the start tells nothing of the end. */
const windowMs = 5000

/** From when on the rate says something. */
const settledMs = 1000

/** Does what tells how far it is; that is wiped away when it is over. */
export async function whileDrawn<T>(progress: Context['progress'], work: (onProgress: OnProgress) => Promise<T>): Promise<T> {
  try {
    return await work(drawn(progress))
  } finally {
    progress(undefined)
  }
}

/** What is told of a guest that stood still at the end; nothing of one that did not run. */
export function stoodStill(ms: number | null): string {
  return ms === null ? '' : `; its guest stood still for ${ms} ms`
}

/** `  7 %  41M of 584M  12M/s  0:45 left` */
function drawn(progress: Context['progress']): OnProgress {
  let next = deadlineIn(0)
  const seen: { readonly atMs: number; readonly doneBytes: number }[] = []
  return (doneBytes, totalBytes) => {
    if (!next.isOver && doneBytes < totalBytes) return
    next = deadlineIn(drawMs)
    const atMs = monotonicMs()
    // Another file began, or this one again.
    if ((seen.at(-1)?.doneBytes ?? 0) > doneBytes) seen.length = 0
    seen.push({ atMs, doneBytes })
    while ((seen[0]?.atMs ?? atMs) < atMs - windowMs) seen.shift()
    const first = seen[0] ?? { atMs, doneBytes }
    const bytesPerSecond = ((doneBytes - first.doneBytes) * 1000) / Math.max(1, atMs - first.atMs)
    progress(words(doneBytes, totalBytes, atMs - first.atMs < settledMs ? 0 : bytesPerSecond))
  }
}

function words(doneBytes: number, totalBytes: number, bytesPerSecond: number): string {
  const rate = bytesPerSecond < 1 ? [] : [`${formatSize(Math.round(bytesPerSecond))}/s`]
  // A server may not say how much there is.
  if (!Number.isFinite(totalBytes)) return [formatSize(doneBytes), ...rate].join('  ')
  const percent = totalBytes === 0 ? 100 : Math.floor((doneBytes / totalBytes) * 100)
  const left = rate.length === 0 || doneBytes >= totalBytes ? [] : [`${clock((totalBytes - doneBytes) / bytesPerSecond)} left`]
  return [`${String(percent).padStart(3)} %`, `${formatSize(doneBytes)} of ${formatSize(totalBytes)}`, ...rate, ...left].join(
    '  ',
  )
}

const two = (number: number): string => String(number).padStart(2, '0')

/** `0:45`, `1:02:03` */
function clock(seconds: number): string {
  const whole = Math.min(Math.ceil(seconds), 359_999)
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`
}
