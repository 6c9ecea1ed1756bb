// A VM's socket and this stdout, joined until one of them goes.
import { Failure, errorCode } from '../core/errors.js'
import { isTerminal } from '../sys/output.js'
import { connect, type Socket } from '../sys/socket.js'
import { openWriter } from '../sys/writer.js'

export interface Attachment {
  /** The VM's id, for messages. */
  readonly id: string
  readonly kind: 'console' | 'monitor'
  readonly socketPath: string
  /** Locked by whoever is attached. */
  readonly lockPath: string
  /** What was said before, to be shown first on a terminal: the end of the log. */
  readonly before: string
  readonly note: (text: string) => void
  /** Leaves when aborted. */
  readonly signal: AbortSignal
}

/**
 * How it ended: the user left (or, without a terminal, all input was sent and answered, or nobody reads any more), the VM is
 * gone, or the terminal is.
 */
export type End = 'left' | 'gone' | 'hung up'

/** A VM's socket, and what comes out of it, from the first byte on. */
export interface Connection {
  readonly socket: Socket
  /**
   * Has each piece taken by `take` from now on. A piece is overwritten afterwards. After a false nothing is read until `resume`
   * of the socket, and the VM waits.
   */
  readonly listen: (take: (piece: Buffer) => boolean) => void
}

/** Connects to a VM's socket. What the VM says is kept until somebody listens: a piece, then the VM waits. */
export async function openConnection(socketPath: string): Promise<Connection> {
  let listener: ((piece: Buffer) => boolean) | undefined
  const early: Buffer[] = []
  const socket = await connect(socketPath, (piece) => {
    if (listener !== undefined) return listener(piece)
    early.push(Buffer.from(piece))
    return false
  })
  return {
    socket,
    listen: (take) => {
      listener = take
      // No more than a piece, so there is room for it.
      for (const piece of early.splice(0)) take(piece)
      socket.resume()
    },
  }
}

/** What the guest's bytes go through on their way. */
export interface RelayOptions {
  readonly change: (piece: Buffer) => Buffer
  /** Leaves when aborted. */
  readonly signal: AbortSignal
  /** Called with each piece. */
  readonly onPiece?: () => void
}

export interface Relay {
  /** Settles when it ends, whatever brings that about; what a VM that is gone said is written by then. */
  readonly ended: Promise<End>
  readonly end: (how: End) => void
  /** Whether the reader of stdout has not taken yet what the guest said. */
  readonly isBehind: () => boolean
  /** Drops what is not written yet. The socket is read on, into nothing, so that the end of the stream is seen. */
  readonly close: () => void
}

/** Guest to stdout, at the pace of whoever reads that, and never waiting for it. */
export function startRelay({ socket, listen }: Connection, { change, signal, onPiece }: RelayOptions): Relay {
  let end!: (how: End) => void
  let fail!: (error: unknown) => void
  const ended = new Promise<End>((resolve, reject) => {
    end = resolve
    fail = reject
  })
  const writer = openWriter({
    onRoom: () => socket.resume(),
    onLost: (error) => {
      const code = errorCode(error)
      if (code === 'EPIPE') end('left')
      else if (code === 'EIO' || isTerminal(1)) end('hung up')
      else fail(new Failure('cannot write to stdout', { cause: error }))
    },
  })
  const leave = (): void => end('left')
  signal.addEventListener('abort', leave, { once: true })
  if (signal.aborted) leave()
  // A broken connection closes as well.
  socket.on('error', () => {}).once('close', () => void writer.flushed().then(() => end('gone')))
  listen((piece) => {
    onPiece?.()
    return writer.write(change(piece))
  })
  return {
    ended,
    end,
    isBehind: writer.isBusy,
    close: () => {
      listen(() => true)
      writer.close()
      signal.removeEventListener('abort', leave)
    },
  }
}
