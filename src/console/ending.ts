import type { Socket } from '../sys/socket.js'

/** How it ended: the user left (or, without a terminal, all input was sent and answered), or the VM is gone. */
export type Detached = 'left' | 'gone'

/** The end of a session, whatever brings it about. */
export interface Ending {
  readonly how: Promise<Detached>
  readonly leave: () => void
  /** Stops looking out for it. */
  forget(): void
}

/** Looks out for `leave`, the abortion of `signal`, and the end of the socket. */
export function awaitEnding(socket: Socket, signal: AbortSignal): Ending {
  const left = new AbortController()
  const leave = (): void => left.abort()
  const how = new Promise<Detached>((resolve) => {
    left.signal.addEventListener('abort', () => resolve('left'), { once: true })
    // A broken connection closes as well.
    socket.on('error', () => {}).once('close', () => resolve('gone'))
  })
  signal.addEventListener('abort', leave, { once: true })
  if (signal.aborted) leave()
  const forget = (): void => signal.removeEventListener('abort', leave)
  return { how, leave, forget }
}
