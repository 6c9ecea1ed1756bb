// A VM's console as a stream of lines, for programs.
import { openTail } from '../../console/logtail.js'
import { createVtReader } from '../../console/vt.js'
import { createVtLines } from '../../console/vtlines.js'
import { pause } from '../../sys/clock.js'
import type { Vm } from '../record/vm.js'
import { isGone, whyGone } from './doing.js'
import { logOf } from './heard.js'

const lookEveryMs = 50

/** After so long a prompt is taken for one. */
const quietLooks = 6

/**
 * The lines on the console of a VM since power-on, and those that come, as text, until it is gone or `signal` is aborted. A line that
 * is not complete, as a prompt is, is given when the guest has fallen silent, and again when it is complete.
 */
export async function* followConsole({ drawer }: Pick<Vm, 'drawer'>, signal?: AbortSignal): AsyncGenerator<string, void> {
  const tail = openTail(logOf(drawer), undefined)
  const lines = createVtLines()
  const reader = createVtReader(lines)
  let given: string | undefined
  for (let silent = 0; ; silent++) {
    const isOver = isGone(drawer)
    if (isOver) await whyGone(drawer)
    for (let piece = tail.read(); piece !== undefined; piece = tail.read()) {
      signal?.throwIfAborted()
      reader.push(piece.bytes)
      silent = 0
      for (const line of lines.take()) {
        given = undefined
        yield line
      }
      // A guest that never stops talking would keep this program from all else it has to do.
      await pause(0, signal)
    }
    const rest = lines.rest()
    if (rest !== undefined && rest !== given && (isOver || silent >= quietLooks)) yield (given = rest)
    if (isOver) return
    await pause(lookEveryMs, signal)
  }
}
