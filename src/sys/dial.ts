// Trying a TCP port.
import type * as net from 'node:net'

/** A connection that nothing is sent on. */
export interface Call {
  /** `spoke`: bytes have come. `over`: it was refused, or closed by the other end. */
  readonly state: 'connecting' | 'open' | 'spoke' | 'over'
  /** What has come first, some bytes of it. */
  readonly heard: string
  close(): void
}

const mostHeard = 256

/** Connects, and sees what comes of it. */
export function dial(host: string, port: number): Call {
  const { connect }: typeof net = process.getBuiltinModule('node:net')
  const socket = connect({ host, port })
  let state: Call['state'] = 'connecting'
  let heard = ''
  socket.on('connect', () => (state = 'open'))
  socket.on('error', () => {}).on('close', () => (state = state === 'spoke' ? state : 'over'))
  socket.on('data', (bytes: Buffer) => {
    state = 'spoke'
    heard = (heard + bytes.toString('latin1')).slice(0, mostHeard)
    if (heard.length === mostHeard) socket.destroy()
  })
  return {
    get state() {
      return state
    },
    get heard() {
      return heard
    },
    close: () => socket.destroy(),
  }
}
