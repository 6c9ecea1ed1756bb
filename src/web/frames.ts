// What all WebSockets of a page have in common.
import { pause } from '../sys/clock.js'
import type { WebSocket } from '../sys/webserver.js'
import type { CloseCode, ConsoleFrame, WatchFrame } from './protocol.js'

type Data = Buffer | ArrayBuffer | readonly Buffer[]

/** The bytes of a message. */
export function bytesOf(data: Data): Buffer {
  if (Buffer.isBuffer(data)) return data
  return data instanceof ArrayBuffer ? Buffer.from(data) : Buffer.concat(data)
}

/** A page that has so many bytes still to take takes none. */
const mostUntaken = 64 * 1024 ** 2

/** Tells a page something, as JSON. */
export function tell(socket: WebSocket, frame: ConsoleFrame | WatchFrame): void {
  if (socket.bufferedAmount > mostUntaken) socket.terminate()
  if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(frame))
}

/** A page that has gone away says so in this time, or is cut off. */
const closeMs = 2000

/** Ends a WebSocket with a reason that the page shows. */
export function closeWith(socket: WebSocket, code: CloseCode | 1000 | 1011, reason: string): void {
  // It may rest, and would not hear that the page has closed it too.
  socket.resume()
  // A frame that closes has room for 123 bytes.
  socket.close(code, reason.slice(0, 100).replaceAll(/[^ -~]/g, '?'))
  void pause(closeMs).then(() => socket.terminate())
}

const pingMs = 20_000

/** A page that does not answer is gone: its laptop sleeps, its line is cut. */
export function watchOver(socket: WebSocket): void {
  let answered = true
  const timer = setInterval(() => {
    if (!answered) return socket.terminate()
    answered = false
    socket.ping()
  }, pingMs)
  socket.on('pong', () => (answered = true))
  socket.once('close', () => clearInterval(timer))
}
