// A terminal at a VM's socket.
import { isTerminal, write } from '../sys/output.js'
import type { Socket } from '../sys/socket.js'
import { rawTerminal, terminalSize } from '../sys/terminal.js'
import { createFilter } from './filter.js'
import { startRelay, type Attachment, type Connection, type End, type Relay } from './relay.js'
import { lastLines, resetSequence } from './screen.js'

/** Ctrl-] leaves, as in telnet. */
const leaveByte = 0x1d

/** A guest that does not listen gets no more than this queued; then the terminal beeps and what is typed is lost, as on a tty. */
const maxUnreadBytes = 1024 * 1024

/** The lines of the log that are shown where the window's size is not known. */
const usualRows = 24

/** Lives until Ctrl-] is typed, the VM ends, the terminal hangs up or `signal` is aborted. Leaves the terminal as it was. */
export async function onTerminal({ id, kind, before, note, signal }: Attachment, connection: Connection): Promise<End> {
  const { socket } = connection
  // Piped through `tee` the bytes end up on a terminal all the same.
  const filter = createFilter()
  let relay: Relay | undefined
  const terminal = rawTerminal({
    onInput: (bytes) => {
      const end = bytes.indexOf(leaveByte)
      send(socket, end === -1 ? bytes : bytes.subarray(0, end))
      if (end !== -1) relay?.end('left')
    },
    onHangup: () => relay?.end('hung up'),
    farewell: () => resetSequence(filter.traces),
  })
  // Who reads this may type, so the terminal is raw already, and lines do not begin at its edge by themselves.
  note(`${id}: ${kind}; Ctrl-] leaves`)
  write(1, `\r${lastLines(before, (terminalSize()?.rows ?? usualRows) - 1)}`)
  relay = startRelay(connection, { change: filter.push, signal })
  try {
    return await relay.ended
  } finally {
    relay.close()
    // What was typed before is still sent while the terminal is given back.
    socket.end()
    await terminal.restore()
    socket.destroy()
  }
}

function send(socket: Socket, bytes: Buffer): void {
  if (bytes.length === 0) return
  if (socket.writableLength + bytes.length <= maxUnreadBytes) socket.write(bytes)
  else if (isTerminal(2)) write(2, '\u0007')
}
