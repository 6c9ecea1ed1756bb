// A guest's screen: noVNC on a WebSocket, which comes back by itself.
import { backoffMs } from '../pure/backoff.js'
import { subprotocols } from './api.js'
import { later } from './later.js'
import { socketUrl } from './place.js'

export type ScreenState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'there' }
  /** Cut, or refused for a reason; it is tried again. */
  | { readonly kind: 'lost'; readonly words: string }

/** As large as there is room, pixel by pixel, or the guest is asked to have the size that there is room for. */
export const fits = ['fit', 'actual size', 'guest follows'] as const
export type Fit = (typeof fits)[number]

export interface ScreenOptions {
  readonly id: string
  readonly viewOnly: boolean
  readonly fit: Fit
  readonly onState: (state: ScreenState) => void
  /** The guest has put something on its clipboard. */
  readonly onClipboard: (text: string) => void
}

export interface Screen {
  readonly setFit: (fit: Fit) => void
  readonly focus: () => void
  readonly blur: () => void
  readonly giveClipboard: (text: string) => void
  readonly close: () => void
}

/** Shows the screen in `target`, for good. */
export async function showScreen(target: HTMLElement, options: ScreenOptions): Promise<Screen> {
  const { default: RFB } = await import('@novnc/novnc')
  const { id, viewOnly, onState, onClipboard } = options
  let fit = options.fit
  let tries = 0
  let isClosed = false
  let isOver = false
  let callOff: (() => void) | undefined
  let rfb: InstanceType<typeof RFB> | undefined

  const adjust = (): void => {
    if (rfb === undefined) return
    rfb.scaleViewport = fit === 'fit'
    rfb.resizeSession = fit === 'guest follows' && !viewOnly
    rfb.clipViewport = false
  }
  const connect = (): void => {
    onState({ kind: 'connecting' })
    const socket = new WebSocket(socketUrl(`api/vms/${id}/vnc`), subprotocols())
    let words = 'the connection is cut'
    socket.addEventListener('close', ({ reason }) => (words = reason === '' ? words : reason))
    // Somebody else's viewer would get other sizes too.
    const one = new RFB(target, socket, { shared: fit !== 'guest follows' })
    rfb = one
    isOver = false
    one.viewOnly = viewOnly
    one.background = 'transparent'
    adjust()
    one.addEventListener('connect', () => {
      tries = 0
      onState({ kind: 'there' })
    })
    one.addEventListener('clipboard', ({ detail }) => onClipboard(detail.text))
    one.addEventListener('securityfailure', ({ detail }) => (words = detail.reason ?? 'the screen wants a password'))
    one.addEventListener('disconnect', () => {
      isOver = true
      if (isClosed || rfb !== one) return
      onState({ kind: 'lost', words })
      callOff = later(backoffMs(tries++), connect)
    })
  }
  connect()
  return {
    setFit: (wanted) => {
      fit = wanted
      adjust()
    },
    focus: () => rfb?.focus({ preventScroll: true }),
    blur: () => rfb?.blur(),
    giveClipboard: (text) => rfb?.clipboardPasteFrom(text),
    close: () => {
      isClosed = true
      callOff?.()
      // Twice is a fault to noVNC.
      if (!isOver) rfb?.disconnect()
    },
  }
}
