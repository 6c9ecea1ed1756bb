// What stands between another machine and the terminal here, for as long as a line runs there.
import { createFilter } from '../console/filter.js'
import { leftSequence, resetSequence } from '../console/screen.js'
import type { Guard } from '../remote/call.js'
import { write } from '../sys/output.js'

/** Anything but colours, and what draws progress and `ls --watch`: line or screen erased, cursor home. */
// oxlint-disable-next-line no-control-regex
const leavesTraces = /\u001B(?!\[(?:[0-9;]*m|[KHJ]))|\u00C2[\u0080-\u009F]/

/** That machine's words are shown as a guest's are: nothing of them makes the terminal answer. */
export function makeGuard(): Guard {
  const filter = createFilter()
  let last: 1 | 2 = 1
  let hasTraces = false
  return {
    show: (fd, bytes) => {
      const shown = filter.push(bytes)
      last = fd
      hasTraces ||= leavesTraces.test(shown.toString('latin1'))
      write(fd, shown)
    },
    end: () => {
      if (hasTraces) write(last, resetSequence(filter.traces))
    },
    giveBack: () => write(2, leftSequence),
  }
}
