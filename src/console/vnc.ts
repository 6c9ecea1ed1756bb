import { Failure, errorCode } from '../core/errors.js'
import { connect, listenLocal, type Server, type Socket } from '../sys/socket.js'

const firstPort = 5900
const portsTried = 100

/** A VM's screen, served on the loopback address. */
export interface VncServer {
  readonly port: number
  /** How many viewers are connected now. */
  connections(): number
  /** How many have been connected since it began. */
  served(): number
  /** Stops listening and cuts all connections. */
  close(): void
}

/**
 * Serves a VM's VNC socket on a TCP port of the loopback address: `port`, or the first free one from 5900. Each client gets
 * a connection of its own to QEMU. Throws a Failure when `port` is taken, or all of them are.
 */
export async function serveVnc({ socketPath, port }: { socketPath: string; port: number | undefined }): Promise<VncServer> {
  const open = new Set<Socket>()
  let served = 0
  const join = (client: Socket): void => {
    open.add(client)
    served++
    client.once('close', () => open.delete(client))
    void joinTo(client, socketPath)
  }
  const server = await listenFirst(port === undefined ? range(firstPort, portsTried) : [port], join)
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    connections: () => open.size,
    served: () => served,
    close: () => {
      server.close()
      for (const client of open) client.destroy()
    },
  }
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
async function joinTo(client: Socket, socketPath: string): Promise<void> {
  client.setNoDelay(true)
  client.allowHalfOpen = true
  client.on('error', () => client.destroy())
  try {
    const vm = await connect(socketPath)
    vm.allowHalfOpen = true
    vm.on('error', () => vm.destroy())
    vm.once('close', () => client.destroy())
    client.once('close', () => vm.destroy())
    // It may have gone while we connected, and says so no more.
    if (client.destroyed) vm.destroy()
    client.pipe(vm)
    vm.pipe(client)
  } catch {
    client.destroy()
  }
}
