// The connection that the list, its changes and the figures come through. It comes back by itself.
import type { Me, WatchFigures, WatchFrame, WatchRequest, WireFailure, WireVm } from '../../web/protocol.js'
import { enter, Refusal, subprotocols, whoAmI } from './api.js'
import { backoffMs } from '../pure/backoff.js'
import { changed } from '../pure/changed.js'
import { readJson } from '../pure/plain.js'
import { cell, useCell } from './cell.js'
import { later } from './later.js'
import { socketUrl } from './place.js'

export type Connection =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  /** Cut: it is tried again. */
  | { readonly kind: 'lost' }
  /** The server said that it ends. */
  | { readonly kind: 'ended' }
  /** It does not know this page: the link was used up, or another server is there now. */
  | { readonly kind: 'unknown'; readonly words: string }

export const connection = cell<Connection>({ kind: 'connecting' })
export const me = cell<Me | undefined>(undefined)

/** Whether nothing can be changed from here, as far as is known. */
export function useViewOnly(): boolean {
  return useCell(me, (who) => who?.viewOnly !== false)
}

/** By id, in the order of `nbsvm ls`; undefined until the server has told. */
export const vms = cell<ReadonlyMap<string, WireVm> | undefined>(undefined)
export const faults = cell<readonly WireFailure[]>([])

/** The figures of VMs that are looked at, the oldest first. */
export const figures = cell<ReadonlyMap<string, readonly WatchFigures[]>>(new Map())

/** Ten minutes. */
const mostFigures = 600

/** The server says something every ten seconds: with such a silence the line is dead, as after a laptop's sleep. */
const silenceMs = 25_000

const wanted = new Map<string, number>()
let socket: WebSocket | undefined
let tries = 0

/** Connects, and stays connected, as long as there is a server that knows this page. */
export async function connectForGood(): Promise<void> {
  try {
    await enter()
    me.set(await whoAmI())
    open()
  } catch (error) {
    fail(error)
  }
}

function open(): void {
  const one = new WebSocket(socketUrl('api/watch'), subprotocols())
  socket = one
  let timer = setTimeout(cut, silenceMs)
  let isBye = false
  function cut(): void {
    one.close()
    over()
  }
  one.addEventListener('open', sendWanted)
  one.addEventListener('message', ({ data }) => {
    clearTimeout(timer)
    timer = setTimeout(cut, silenceMs)
    tries = 0
    const frame = readJson(String(data)) as WatchFrame
    if (frame.kind === 'bye') isBye = true
    else take(frame)
  })
  one.addEventListener('close', over)
  function over(): void {
    clearTimeout(timer)
    if (socket !== one) return
    socket = undefined
    if (isBye) connection.set({ kind: 'ended' })
    else void lookAgain()
  }
}

/** A WebSocket does not say why it was refused; a request does. */
async function lookAgain(): Promise<void> {
  lost()
  try {
    me.set(await whoAmI())
    later(backoffMs(tries++), open)
  } catch (error) {
    fail(error)
  }
}

function lost(): void {
  if (connection.get().kind !== 'lost') connection.set({ kind: 'lost' })
}

function fail(error: unknown): void {
  if (error instanceof Refusal && (error.status === 401 || error.status === 403)) {
    connection.set({ kind: 'unknown', words: error.message })
    return
  }
  lost()
  later(backoffMs(tries++), () => void connectForGood())
}

// A session ends with its server, so a page that was in waits for somebody to open the link of the next one, in another tab.
addEventListener('storage', () => {
  const { kind } = connection.get()
  if (kind === 'ended' || kind === 'unknown') void connectForGood()
})

function take(frame: Exclude<WatchFrame, { kind: 'bye' }>): void {
  if (frame.kind === 'figures') {
    const all = new Map(figures.get())
    all.set(frame.id, [...(all.get(frame.id) ?? []), frame].slice(-mostFigures))
    figures.set(all)
  }
  if (frame.kind === 'list') {
    connection.set({ kind: 'live' })
    vms.set(new Map(frame.vms.map((vm) => [vm.id, vm])))
    faults.set(frame.faults)
  }
  if (frame.kind === 'change') {
    vms.set(changed(vms.get() ?? new Map(), frame))
    faults.set(frame.faults)
  }
}

/** Has the figures of a VM sent until the returned function is called. */
export function wantFigures(id: string): () => void {
  wanted.set(id, (wanted.get(id) ?? 0) + 1)
  sendWanted()
  return () => {
    const left = (wanted.get(id) ?? 1) - 1
    if (left === 0) wanted.delete(id)
    else wanted.set(id, left)
    sendWanted()
  }
}

function sendWanted(): void {
  const request: WatchRequest = { figures: [...wanted.keys()].slice(0, 16) }
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(request))
}
