// A VM's console on a WebSocket, which comes back by itself.
import type { ConsoleFrame, ConsoleHow, WireFailure } from '../../web/protocol.js'
import { backoffMs } from '../pure/backoff.js'
import { readJson } from '../pure/plain.js'
import { subprotocols } from './api.js'
import { later } from './later.js'
import { socketUrl } from './place.js'

export type SerialState =
  | { readonly kind: 'connecting' }
  /** `isLive`: what it said before is all there. */
  | { readonly kind: 'there'; readonly how: ConsoleHow; readonly pages: number; readonly isLive: boolean }
  /** Somebody else has it. */
  | { readonly kind: 'busy'; readonly error: WireFailure; readonly canForce: boolean }
  | { readonly kind: 'lost'; readonly words: string }
  | { readonly kind: 'ended'; readonly words: string }

export interface SerialOptions {
  readonly id: string
  readonly how: ConsoleHow
  readonly onState: (state: SerialState) => void
  /** It is shown from the beginning, once more after each cut. */
  readonly onBegin: () => void
  readonly onBytes: (bytes: Uint8Array) => void
  /** From here on it is what is said now. */
  readonly onLive: () => void
  /** What was typed did not get there. */
  readonly onLost: () => void
}

export interface SerialLine {
  /** False where it did not go out, since there is no connection, or this page only looks. */
  readonly send: (bytes: Uint8Array) => boolean
  readonly close: () => void
}

/** The most that the server takes in one frame. */
const frameBytes = 64 * 1024

export function openSerial({ id, how, onState, onBegin, onBytes, onLive, onLost }: SerialOptions): SerialLine {
  let socket: WebSocket | undefined
  let state: SerialState = { kind: 'connecting' }
  let tries = 0
  let isClosed = false
  let callOff: (() => void) | undefined
  const set = (next: SerialState): void => onState((state = next))

  const take = (frame: ConsoleFrame): void => {
    if (frame.kind === 'attached') {
      tries = 0
      onBegin()
      set({ kind: 'there', how: frame.how, pages: frame.pages, isLive: false })
    }
    if (frame.kind === 'live' && state.kind === 'there') {
      onLive()
      set({ ...state, isLive: true })
    }
    if (frame.kind === 'pages' && state.kind === 'there') set({ ...state, pages: frame.pages })
    if (frame.kind === 'busy' || frame.kind === 'ended') set(frame)
    if (frame.kind === 'lost') onLost()
  }
  const connect = (): void => {
    set({ kind: 'connecting' })
    const one = new WebSocket(socketUrl(`api/vms/${id}/console?how=${how}`), subprotocols())
    socket = one
    one.binaryType = 'arraybuffer'
    one.addEventListener('message', ({ data }) => {
      if (data instanceof ArrayBuffer) onBytes(new Uint8Array(data))
      else take(readJson(String(data)) as ConsoleFrame)
    })
    one.addEventListener('close', ({ reason }) => {
      if (isClosed || socket !== one || state.kind === 'busy' || state.kind === 'ended') return
      set({ kind: 'lost', words: reason === '' ? 'the connection is cut' : reason })
      callOff = later(backoffMs(tries++), connect)
    })
  }
  connect()
  return {
    send: (bytes) => {
      if (state.kind !== 'there' || state.how === 'follow' || socket?.readyState !== WebSocket.OPEN) return false
      for (let at = 0; at < bytes.length; at += frameBytes) socket.send(bytes.slice(at, at + frameBytes))
      return true
    },
    close: () => {
      isClosed = true
      callOff?.()
      socket?.close()
    },
  }
}
