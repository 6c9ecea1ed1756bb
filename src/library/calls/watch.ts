// What goes on until nobody wants more of it.
import { pause } from '../../sys/clock.js'
import type { Listed } from '../../vm/list/list.js'
import { followEvents, type EventsSince, type VmEvent } from '../../vm/reach/events.js'
import { followConsole } from '../../vm/reach/follow.js'
import type { Call } from './call.js'
import { listAll } from './host.js'
import { running } from './opened.js'

export const streams = {
  /** The list, and each time when it has become another. */
  async *list(call: Call, everyMs: number): AsyncGenerator<Listed[], void> {
    for (let last = ''; ; await pause(everyMs, call.signal)) {
      const list = await listAll(call)
      const text = JSON.stringify(list)
      if (text !== last) yield list
      last = text
    }
  },
  async *console(call: Call): AsyncGenerator<string, void> {
    yield* followConsole(await running(call), call.signal)
  },
  async *events(call: Call, since: EventsSince): AsyncGenerator<VmEvent, void> {
    yield* followEvents(await running(call), { since, signal: call.signal })
  },
}
