// Why QEMU has closed a connection: nearly always because it ends, which takes it a moment more.
import { deadlineIn, pause } from '../sys/clock.js'
import { isGone, whyGone } from '../vm/reach/doing.js'
import type { Drawer } from '../vm/record/drawer.js'

const endMs = 2000
const everyMs = 50

/** Why the VM has ended; undefined where it runs on. */
export async function whyEnded(drawer: Drawer): Promise<string | undefined> {
  const deadline = deadlineIn(endMs)
  while (!isGone(drawer)) {
    if (deadline.isOver) return undefined
    await pause(everyMs)
  }
  return (await whyGone(drawer)).words
}
