// A VM's screen for VNC viewers: on a TCP port of the loopback address, behind a password, or on a socket for its owner alone.
import { Failure, errorCode } from '../core/errors.js'
import { remove } from '../sys/file.js'
import { connect, listenLocal, listenPrivate, type Server, type Socket } from '../sys/socket.js'
import { admit, enter } from './rfb.js'

const firstPort = 5900
const portsTried = 100

/** So long a viewer may take until it is in: somebody may have to type the password. */
const admissionMs = 120_000

/** A VM's screen, served. */
export interface VncServer {
  /** Where: the TCP port, or the path of the socket. */
  readonly at: number | string
  /** How many viewers are connected now. */
  connections(): number
  /** How many have been connected since it began. */
  served(): number
  /** Stops listening and cuts all connections. */
  close(): void
}

export interface PortOptions {
  /** QEMU's. */
  readonly socketPath: string
  /** The first free one from 5900 where it is undefined. */
  readonly port: number | undefined
  /** What each viewer must know, at most eight characters: every user of the machine can connect. */
  readonly password: string
}

/**
 * Serves a VM's VNC socket on a TCP port of the loopback address. Each viewer gets a connection of its own to QEMU. Throws a
 * Failure when `port` is taken, or all of them are.
 */
export async function serveVnc({ socketPath, port, password }: PortOptions): Promise<VncServer> {
  const { join, served } = createJoints(async (viewer) => {
    if (!(await admit(viewer, password))) return undefined
    const vm = await connect(socketPath)
    await enter(vm)
    return vm
  })
  const server = await listenFirst(port === undefined ? range(firstPort, portsTried) : [port], join)
  const address = server.address()
  return served(server, typeof address === 'object' && address !== null ? address.port : 0)
}

/** The same on a unix socket that is made here, and that only its owner can connect to: no password is asked for. */
export async function serveVncPrivately({ socketPath, at }: { socketPath: string; at: string }): Promise<VncServer> {
  const { join, served } = createJoints(() => connect(socketPath))
  return served(await listenPrivate(at, join), at)
}

interface Joints {
  readonly join: (viewer: Socket) => void
  readonly served: (server: Server, at: number | string) => VncServer
}

/** `reach` admits a viewer and connects to QEMU for it; undefined where it is not let in. */
function createJoints(reach: (viewer: Socket) => Promise<Socket | undefined>): Joints {
  const open = new Set<Socket>()
  let count = 0
  const join = (viewer: Socket): void => {
    open.add(viewer)
    count++
    viewer.once('close', () => open.delete(viewer))
    void joinTo(viewer, reach)
  }
  const served = (server: Server, at: number | string): VncServer => ({
    at,
    connections: () => open.size,
    served: () => count,
    close: () => {
      server.close()
      if (typeof at === 'string') remove(at)
      for (const viewer of open) viewer.destroy()
    },
  })
  return { join, served }
}

/** Tries to listen rather than to look for a free port: another nbsvm may look at the same moment. */
async function listenFirst(ports: readonly number[], onConnection: (socket: Socket) => void): Promise<Server> {
  for (const port of ports) {
    try {
      return await listenLocal(port, onConnection)
    } catch (error) {
      if (errorCode(error) !== 'EADDRINUSE') throw new Failure(`cannot serve the screen on port ${port}`, { cause: error })
    }
  }
  const [first] = ports
  const which = ports.length === 1 ? `port ${first} is taken` : `ports ${first} to ${ports.at(-1)} are all taken`
  const hints = [
    'choose another: vnc_port=PORT',
    ...(ports.length === 1 ? ['or leave vnc_port out: the first free one is taken'] : []),
  ]
  throw new Failure(`cannot serve the screen: ${which}`, { hints })
}

function range(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index)
}

/** Both ways, with backpressure. When one side says no more, the other is told, and may still answer. */
async function joinTo(viewer: Socket, reach: (viewer: Socket) => Promise<Socket | undefined>): Promise<void> {
  viewer.setNoDelay(true)
  viewer.allowHalfOpen = true
  viewer.on('error', () => viewer.destroy())
  const timer = setTimeout(() => viewer.destroy(), admissionMs)
  try {
    const vm = await reach(viewer)
    if (vm === undefined) {
      // What it was told is still sent.
      viewer.destroySoon()
      return
    }
    vm.allowHalfOpen = true
    vm.on('error', () => vm.destroy())
    vm.once('close', () => viewer.destroy())
    viewer.once('close', () => vm.destroy())
    // It may have gone while we connected, and says so no more.
    if (viewer.destroyed) vm.destroy()
    if (vm.destroyed) viewer.destroy()
    viewer.pipe(vm)
    vm.pipe(viewer)
  } catch {
    viewer.destroy()
  } finally {
    clearTimeout(timer)
  }
}
