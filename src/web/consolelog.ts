// A console that is only looked at: its log, as it grows. Nobody has to leave for that.
import { createFilter } from '../console/filter.js'
import { openTail } from '../console/logtail.js'
import { pause } from '../sys/clock.js'
import { paced, type WebSocket } from '../sys/webserver.js'
import { isGone, whyGone } from '../vm/reach/doing.js'
import { logOf } from '../vm/reach/heard.js'
import type { Vm } from '../vm/record/vm.js'
import { closeWith, tell } from './frames.js'

const lookEveryMs = 100

/** Shows a page what a VM has said since power-on, and what it says, until one of them is gone. */
export async function followLog({ drawer }: Vm, socket: WebSocket): Promise<void> {
  if (socket.readyState !== socket.OPEN) return
  const down = paced(socket, () => {})
  const tail = openTail(logOf(drawer), undefined)
  const filter = createFilter()
  const over = new AbortController()
  socket.once('close', () => over.abort())
  socket.on('message', () => closeWith(socket, 4400, 'a console that is only looked at takes nothing'))
  socket.resume()
  tell(socket, { kind: 'attached', how: 'follow', pages: 1 })
  for (let isLive = false; !over.signal.aborted;) {
    const isOver = isGone(drawer)
    const ending = isOver ? await whyGone(drawer) : undefined
    while (!down.isFull()) {
      const piece = tail.read()
      if (piece === undefined) break
      down.send(filter.push(piece.bytes))
    }
    if (!isLive && tail.ahead() === 0) {
      isLive = true
      tell(socket, { kind: 'live' })
    }
    if (ending !== undefined && tail.ahead() === 0) {
      tell(socket, { kind: 'ended', words: ending.words })
      return closeWith(socket, 4410, 'it has ended')
    }
    await pause(lookEveryMs, over.signal).catch(() => {})
  }
}
