// A VM's screen on a WebSocket: RFB as QEMU speaks it. Both ways at the pace of whoever reads.
import { connect, type Socket } from '../sys/socket.js'
import { stat } from '../sys/file.js'
import { paced, type WebSocket } from '../sys/webserver.js'
import { isGone } from '../vm/reach/doing.js'
import type { Vm } from '../vm/record/vm.js'
import { bytesOf, closeWith } from './frames.js'
import { whyEnded } from './gone.js'
import { createViewFilter } from './viewonly.js'

/** Joins a page to QEMU until one of them goes. With `viewOnly` the guest feels nothing of it. */
export async function joinScreen({ drawer }: Vm, socket: WebSocket, viewOnly: boolean): Promise<void> {
  let qemu: Socket
  try {
    if (stat(drawer.vnc) === undefined) {
      return closeWith(socket, 4404, isGone(drawer) ? 'it does not run' : 'it has no VNC screen')
    }
    qemu = await connect(drawer.vnc)
  } catch {
    return closeWith(socket, 4404, 'nobody listens at its screen')
  }
  const filter = viewOnly ? createViewFilter() : (piece: Buffer) => piece
  const down = paced(socket, () => qemu.resume())
  qemu.setNoDelay(true)
  qemu.on('data', (piece: Buffer) => {
    if (!down.send(piece)) qemu.pause()
  })
  qemu.on('error', () => qemu.destroy())
  qemu.once('close', () => void tellEnd(drawer, socket))
  qemu.on('drain', () => socket.resume())
  socket.on('message', (data, isBinary) => {
    try {
      if (!isBinary) throw new Error('a text')
      if (!qemu.write(filter(bytesOf(data)))) socket.pause()
    } catch {
      closeWith(socket, 4400, 'what it sent is no VNC')
      qemu.destroy()
    }
  })
  socket.once('close', () => qemu.destroy())
  if (socket.readyState !== socket.OPEN) qemu.destroy()
  socket.resume()
}

async function tellEnd(drawer: Vm['drawer'], socket: WebSocket): Promise<void> {
  // Often it is the page that has gone.
  if (socket.readyState !== socket.OPEN) return
  const words = await whyEnded(drawer).catch(() => undefined)
  closeWith(socket, words === undefined ? 1011 : 4410, words ?? 'QEMU has closed its screen')
}
