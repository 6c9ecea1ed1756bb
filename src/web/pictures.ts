// Pictures of screens, for lists that show them small: taken only when a page asks, and once for all that do.
import { hashHex } from '../sys/stamp.js'
import { monotonicMs } from '../sys/clock.js'
import { takeScreenshot } from '../vm/reach/screenshot.js'
import type { Vm } from '../vm/record/vm.js'

export interface Picture {
  readonly png: Buffer
  /** Another picture has another one. */
  readonly tag: string
}

/** A picture is asked for again after so long, and so many are taken at a time: QEMU draws them on the guest's time. */
const freshMs = 1000
const mostAtOnce = 4
const mostKept = 16

export type TakePicture = (vm: Vm) => Promise<Picture>

export function createPictures(take: typeof takeScreenshot = takeScreenshot): TakePicture {
  const kept = new Map<string, { readonly atMs: number; readonly picture: Promise<Picture> }>()
  const waiting: (() => void)[] = []
  let active = 0
  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    if (active >= mostAtOnce) await new Promise<void>((resolve) => waiting.push(resolve))
    active++
    try {
      return await work()
    } finally {
      active--
      waiting.shift()?.()
    }
  }
  return (vm) => {
    const found = kept.get(vm.id)
    if (found !== undefined && monotonicMs() - found.atMs < freshMs) return found.picture
    const picture = inTurn(async () => {
      const { png } = await take(vm)
      return { png, tag: `"${hashHex(png.toString('latin1'))}"` }
    })
    kept.delete(vm.id)
    kept.set(vm.id, { atMs: monotonicMs(), picture })
    for (const oldest of kept.keys()) if (kept.size > mostKept) kept.delete(oldest)
    // Whoever waits for it hears why it failed.
    picture.catch(() => {})
    return picture
  }
}
