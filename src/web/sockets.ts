// The WebSockets of pages: which there are, and what each is joined to.
import type { Outside } from '../host/place.js'
import { asObject } from '../core/check.js'
import { isVmId } from '../core/name.js'
import { paced, type WebSocket } from '../sys/webserver.js'
import { exists } from '../vm/list/exists.js'
import { openVm, type Vm } from '../vm/record/vm.js'
import type { Consoles } from './console.js'
import type { FiguresWatch } from './figures.js'
import { bytesOf, closeWith, tell } from './frames.js'
import type { Asked } from './gate.js'
import type { ConsoleHow, Me, WatchRequest } from './protocol.js'
import { joinScreen } from './screen.js'
import type { Watch } from './watch.js'

/** One kind of WebSocket. */
export interface Kind {
  /** A longer message ends it. */
  readonly messageBytes: number
  readonly join: (socket: WebSocket) => Promise<void> | void
}

export interface Sockets {
  /** What is asked for; undefined where there is no such thing. */
  readonly find: (asked: Asked) => Kind | undefined
  readonly add: (socket: WebSocket) => void
  readonly count: () => number
  /** Tells all that it ends. */
  readonly bye: (words: string) => void
}

interface Tools {
  readonly outside: Outside
  readonly me: Me
  readonly watch: Watch
  readonly figures: FiguresWatch
  readonly consoles: Consoles
}

const watchBytes = 16 * 1024
const consoleBytes = 64 * 1024
/** A clipboard. */
const screenBytes = 1024 * 1024
const mostFigures = 16
const aliveMs = 10_000

export function createSockets(tools: Tools): Sockets {
  const open = new Set<WebSocket>()
  const watchers = new Set<WebSocket>()
  const { me, outside, consoles } = tools
  const withVm = (id: string, use: (vm: Vm, socket: WebSocket) => Promise<void>) => async (socket: WebSocket) => {
    // What it says before anybody listens stays on the wire.
    socket.pause()
    // A mistake in a settings file keeps nobody from seeing what runs.
    const vm = await openVm(id, outside, () => {})
    if (await exists(vm)) await use(vm, socket)
    else closeWith(socket, 4404, 'there is no such VM')
  }
  return {
    find: ({ parts: [api, what, id = '', kind], query }) => {
      if (api !== 'api') return undefined
      if (what === 'watch' && id === '') {
        return { messageBytes: watchBytes, join: (socket) => joinWatch(tools, socket, watchers) }
      }
      if (what !== 'vms' || !isVmId(id) || (me.only !== null && me.only !== id)) return undefined
      if (kind === 'vnc') {
        return { messageBytes: screenBytes, join: withVm(id, (vm, socket) => joinScreen(vm, socket, me.viewOnly)) }
      }
      const how = howIn(query)
      if (kind !== 'console' || how === undefined) return undefined
      const allowed = me.viewOnly ? 'follow' : how
      return { messageBytes: consoleBytes, join: withVm(id, (vm, socket) => consoles.join(vm, socket, allowed)) }
    },
    add: (socket) => {
      open.add(socket)
      socket.once('close', () => open.delete(socket))
    },
    count: () => open.size,
    bye: (words) => {
      for (const socket of watchers) tell(socket, { kind: 'bye', words })
      for (const socket of open) closeWith(socket, 4503, 'the server ends')
    },
  }
}

function howIn(query: string): ConsoleHow | undefined {
  if (query === '') return 'attach'
  return (['attach', 'force', 'follow'] as const).find((how) => query === `how=${how}`)
}

function joinWatch({ watch, figures }: Tools, socket: WebSocket, watchers: Set<WebSocket>): void {
  const down = paced(socket, () => {})
  let isQuiet = true
  const send = (frame: object): void => {
    isQuiet = false
    // A page that does not read need not be told what was: it begins again.
    if (down.isFull()) closeWith(socket, 4408, 'what changes is not taken')
    else down.send(JSON.stringify(frame))
  }
  const alive = setInterval(() => {
    if (isQuiet) tell(socket, { kind: 'alive' })
    isQuiet = true
  }, aliveMs / 2)
  watchers.add(socket)
  const unfollow = watch.follow(send)
  socket.on('message', (data, isBinary) => {
    const ids = isBinary ? undefined : figuresIn(bytesOf(data).toString('utf8'))
    if (ids === undefined) closeWith(socket, 4400, 'not {"figures": [ID]}')
    else figures.follow(socket, ids, send)
  })
  socket.once('close', () => {
    clearInterval(alive)
    watchers.delete(socket)
    unfollow()
    figures.follow(socket, [], send)
  })
}

/** The ids of a WatchRequest; undefined for what is none. */
function figuresIn(text: string): WatchRequest['figures'] | undefined {
  try {
    const ids = asObject(JSON.parse(text))?.['figures']
    return Array.isArray(ids) && ids.length <= mostFigures && ids.every(isId) ? ids : undefined
  } catch {
    return undefined
  }
}

function isId(id: unknown): id is string {
  return typeof id === 'string' && isVmId(id)
}
