import { Failure, errorCode } from '../core/errors.js'
import { connect, listenLocal, type Socket } from '../sys/socket.js'

const firstPort = 5900
const portsTried = 100

/** A VM's screen, served on the loopback address. */
export interface VncServer {
  readonly port: number
  /** How many viewers are connected now. */
  connections(): number
  close(): void
}

/**
 * Serves a VM's VNC socket on a TCP port of the loopback address: `port`, or the first free one from 5900. Throws a
 * Failure when `port` is taken.
 */
export async function serveVnc({ socketPath, port }: { socketPath: string; port: number | undefined }): Promise<VncServer> {
  const open = new Set<Socket>()
  const join = (client: Socket): void => {
    open.add(client)
    client.once('close', () => open.delete(client))
    joinTo(client, socketPath)
  }
  const server = await listenFirst(port === undefined ? range(firstPort, portsTried) : [port], join)
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    connections: () => open.size,
    close: () => {
      server.close()
      for (const client of open) client.destroy()
    },
  }
}

async function listenFirst(ports: readonly number[], onConnection: (socket: Socket) => void) {
  for (const port of ports) {
    try {
      return await listenLocal(port, onConnection)
    } catch (error) {
      if (errorCode(error) !== 'EADDRINUSE') throw new Failure(`cannot listen on port ${port}`, { cause: error })
    }
  }
  const [first] = ports
  const which = ports.length === 1 ? `port ${first} is taken` : `ports ${first} to ${ports.at(-1)} are all taken`
  throw new Failure(`cannot serve the screen: ${which}`, { hints: ['choose another: vnc_port=PORT'] })
}

function range(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index)
}

/** Both ways, with backpressure; when one side ends, so does the other. */
function joinTo(client: Socket, socketPath: string): void {
  client.setNoDelay(true)
  client.pause()
  client.on('error', () => client.destroy())
  connect(socketPath).then(
    (vm) => {
      vm.on('error', () => client.destroy())
      client.on('close', () => vm.destroy())
      client.pipe(vm)
      vm.pipe(client)
      return vm
    },
    () => client.destroy(),
  )
}
