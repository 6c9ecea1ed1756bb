import { connect, type Socket } from '../sys/socket.js'

export interface Attachment {
  /** The VM's id, for messages. */
  readonly id: string
  readonly kind: 'console' | 'monitor'
  readonly socketPath: string
  /** Locked by whoever is attached; says who it is. */
  readonly lockPath: string
  /** What was said before, to be shown first on a terminal: the end of the log. */
  readonly before: string
  readonly note: (text: string) => void
  /** Leaves when aborted. */
  readonly signal: AbortSignal
  /** Called every half a minute as long as it lasts, to keep the log bounded. */
  readonly tend?: () => void
}

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
