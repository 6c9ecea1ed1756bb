// Trying a TCP port.
import type * as net from 'node:net'

/** A connection that nothing is sent on. */
export interface Call {
  /** `spoke`: bytes have come. `over`: it was refused, or closed by the other end. */
  readonly state: 'connecting' | 'open' | 'spoke' | 'over'
  close(): void
}

/** Connects, and sees what comes of it. */
export function dial(host: string, port: number): Call {
  const { connect }: typeof net = process.getBuiltinModule('node:net')
  const socket = connect({ host, port })
  let state: Call['state'] = 'connecting'
  socket.on('connect', () => (state = 'open'))
  socket.on('error', () => {}).on('close', () => (state = state === 'spoke' ? state : 'over'))
  socket.once('data', () => {
    state = 'spoke'
    socket.destroy()
  })
  return {
    get state() {
      return state
    },
    close: () => socket.destroy(),
  }
}
