// Consoles on WebSockets. QEMU serves one client, so the pages that are at a console share one connection: all see what the guest says, and
// any may type. What the guest says goes through the same filter as on a terminal.
import { attachedAlready } from '../console/attach.js'
import { createFilter, type Filter } from '../console/filter.js'
import { openConnection, type Connection } from '../console/relay.js'
import { Failure, messageOf } from '../core/errors.js'
import { holderOf, lockHolders, tryLock, waitLock, type Lock } from '../sys/lock.js'
import { signalProcess } from '../sys/process.js'
import { paced, type PacedSocket, type WebSocket } from '../sys/webserver.js'
import { consoleLog } from '../vm/life/log.js'
import { requireSocket } from '../vm/life/up.js'
import { isGone } from '../vm/reach/doing.js'
import type { Vm } from '../vm/record/vm.js'
import { wireFailure } from './failure.js'
import { followLog } from './consolelog.js'
import { bytesOf, closeWith, tell } from './frames.js'
import { whyEnded } from './gone.js'
import type { ConsoleHow } from './protocol.js'

export interface Consoles {
  /** Brings a page to a VM's console. */
  readonly join: (vm: Vm, socket: WebSocket, how: ConsoleHow) => Promise<void>
}

/** So much of what was said before is shown. */
const mostBefore = 1024 * 1024
/** A guest that does not listen gets no more than this queued. */
const mostUnread = 256 * 1024
/** A page that does not take what is said keeps the others waiting no longer. */
const slowMs = 10_000
/** How long another nbsvm that was asked to leave may take. */
const leaveMs = 3000

/** What is said in the lock: who is at a terminal says nothing there. */
const serving = 'serve pages'

interface Page {
  readonly socket: WebSocket
  readonly down: PacedSocket
}

interface Hub {
  readonly vm: Vm
  readonly lock: Lock
  readonly connection: Connection
  readonly filter: Filter
  readonly pages: Set<Page>
  /** The pages that others wait for, each with when it is given up. */
  readonly slow: Map<Page, NodeJS.Timeout>
  /** Called when it ends: whoever comes then begins again. */
  readonly onEnd: () => void
}

export function createConsoles(): Consoles {
  const hubs = new Map<string, Promise<Hub>>()
  const hubOf = (vm: Vm, how: ConsoleHow): Promise<Hub> => {
    const found = hubs.get(vm.id)
    if (found !== undefined) return found
    const made = openHub(vm, how, () => {
      // There may be another by now.
      if (hubs.get(vm.id) === made) hubs.delete(vm.id)
    })
    hubs.set(vm.id, made)
    made.catch(() => hubs.delete(vm.id))
    return made
  }
  return {
    join: async (vm, socket, how) => {
      if (isGone(vm.drawer)) return closeWith(socket, 4404, 'it does not run')
      if (how === 'follow') return followLog(vm, socket)
      try {
        addPage(await hubOf(vm, how), socket)
      } catch (error) {
        if (!(error instanceof Busy)) return closeWith(socket, 4404, messageOf(error))
        tell(socket, { kind: 'busy', error: wireFailure(error.failure), canForce: error.canForce })
        closeWith(socket, 4409, 'another has it')
      }
    },
  }
}

/** Another nbsvm has it. */
class Busy extends Error {
  readonly failure: Failure
  readonly canForce: boolean

  constructor(failure: Failure, canForce: boolean) {
    super(failure.message)
    this.failure = failure
    this.canForce = canForce
  }
}

async function openHub(vm: Vm, how: ConsoleHow, onEnd: () => void): Promise<Hub> {
  const { drawer } = vm
  requireSocket(vm, 'attach to the console of', 'console')
  const lock = tryLock(drawer.consoleLock, serving) ?? (await takeOver(vm, how === 'force'))
  try {
    const connection = await openConnection(drawer.console)
    const hub: Hub = { vm, lock, connection, filter: createFilter(), pages: new Set(), slow: new Map(), onEnd }
    connection.socket.on('error', () => {})
    connection.socket.once('close', () => void endHub(hub).catch(() => {}))
    return hub
  } catch (error) {
    lock.release()
    throw error
  }
}

/** Has whoever is there leave, where `isForced`, as `kill PID` would. */
async function takeOver({ id, drawer: { consoleLock } }: Vm, isForced: boolean): Promise<Lock> {
  const holders = lockHolders(consoleLock)
  // What serves pages would end for all of them.
  const canForce = holders.length > 0 && holderOf(consoleLock)?.doing !== serving
  const busy = new Busy(attachedAlready({ id, kind: 'console', lockPath: consoleLock }), canForce && !isForced)
  if (!isForced || !canForce) throw busy
  for (const pid of holders) signalProcess(pid, 'SIGTERM')
  const lock = await waitLock(consoleLock, leaveMs, 'exclusive', { doing: serving })
  if (lock === undefined) throw busy
  return lock
}

function addPage(hub: Hub, socket: WebSocket): void {
  const { vm, connection, pages, slow } = hub
  if (socket.readyState !== socket.OPEN) {
    if (pages.size === 0) letGo(hub)
    return
  }
  const page: Page = {
    socket,
    down: paced(socket, () => {
      clearTimeout(slow.get(page))
      slow.delete(page)
      if (slow.size === 0) connection.socket.resume()
    }),
  }
  pages.add(page)
  tell(socket, { kind: 'attached', how: 'attach', pages: pages.size })
  // Filtered by itself: it may begin in the midst of something.
  page.down.send(createFilter().push(Buffer.from(consoleLog(vm, mostBefore))))
  tell(socket, { kind: 'live' })
  for (const other of pages) if (other !== page) tell(other.socket, { kind: 'pages', pages: pages.size })
  let isLost = false
  socket.on('message', (data, isBinary) => {
    if (!isBinary) return closeWith(socket, 4400, 'a text is no frame of a console')
    const bytes = bytesOf(data)
    const hasRoom = connection.socket.writableLength + bytes.length <= mostUnread
    if (hasRoom) connection.socket.write(bytes)
    // Once, and not for each key.
    else if (!isLost) tell(socket, { kind: 'lost' })
    isLost = !hasRoom
  })
  socket.once('close', () => leave(hub, page))
  socket.resume()
  // Each piece is overwritten afterwards.
  if (pages.size === 1) connection.listen((piece) => give(hub, Buffer.from(hub.filter.push(piece))))
}

/** Gives each page what the guest has said. Says whether more may come. */
function give({ pages, slow }: Hub, bytes: Buffer): boolean {
  if (bytes.length === 0) return slow.size === 0
  for (const page of pages) {
    if (page.down.send(bytes) || slow.has(page)) continue
    const giveUp = (): void => closeWith(page.socket, 4408, 'what was said is not taken')
    slow.set(page, setTimeout(giveUp, slowMs))
  }
  return slow.size === 0
}

function leave(hub: Hub, page: Page): void {
  const { pages, slow, connection } = hub
  clearTimeout(slow.get(page))
  slow.delete(page)
  pages.delete(page)
  if (pages.size === 0) letGo(hub)
  else if (slow.size === 0) connection.socket.resume()
  for (const { socket } of pages) tell(socket, { kind: 'pages', pages: pages.size })
}

/** At once: a page that is loaded again comes before the connection is closed. */
function letGo({ lock, connection, onEnd }: Hub): void {
  onEnd()
  lock.release()
  connection.socket.destroy()
}

/** QEMU has closed it, or the last page has gone. */
async function endHub(hub: Hub): Promise<void> {
  const { vm, pages } = hub
  letGo(hub)
  if (pages.size === 0) return
  const words = (await whyEnded(vm.drawer)) ?? 'QEMU has closed its console'
  for (const { socket } of pages) {
    tell(socket, { kind: 'ended', words })
    closeWith(socket, 4410, 'it has ended')
  }
}
