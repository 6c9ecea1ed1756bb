import { connect, type Socket } from '../sys/socket.js'

/** A VM's socket, and what comes out of it, from the first byte on. */
export interface Inlet {
  readonly socket: Socket
  /** Has each piece taken by `take` from now on. A piece is overwritten afterwards. */
  listen(take: (piece: Buffer) => void): void
}

/** Connects to a VM's socket. What the VM says is kept until somebody listens: a piece, then the VM waits. */
export async function openInlet(socketPath: string): Promise<Inlet> {
  let listener: ((piece: Buffer) => void) | undefined
  const early: Buffer[] = []
  const socket = await connect(socketPath, (piece) => {
    if (listener === undefined) early.push(Buffer.from(piece))
    else listener(piece)
    return listener !== undefined
  })
  return {
    socket,
    listen: (take) => {
      listener = take
      for (const piece of early.splice(0)) take(piece)
      socket.resume()
    },
  }
}
