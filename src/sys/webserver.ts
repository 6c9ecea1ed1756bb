// An HTTP server with WebSockets at whose door strangers may knock: whatever they can make it hold is bounded. Who may come in and what
// is answered: the caller's.
import type * as http from 'node:http'
import type * as net from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'
import { listenAt, type Socket } from './socket.js'

const load = (): typeof http => process.getBuiltinModule('node:http')

export type HttpRequest = http.IncomingMessage
export type HttpResponse = http.ServerResponse
export type { WebSocket } from 'ws'

/** All that one server holds at a time. */
export interface WebLimits {
  /** Those beyond are cut as they come. */
  readonly connections: number
  /** How long the head of a request may take; all of it twice as long. */
  readonly headMs: number
  /** How long a connection stays open with nothing going on. */
  readonly idleMs: number
  readonly headBytes: number
}

/** Lets a WebSocket in. */
export interface Admission {
  /** Of those that were offered, the one that is chosen. */
  readonly protocol: string
  /** A message that is longer ends it. */
  readonly messageBytes: number
  readonly take: (socket: WebSocket) => void
}

export interface WebHandlers {
  readonly onRequest: (request: HttpRequest, response: HttpResponse) => void
  /** Says whether a WebSocket may be opened; else the status that it is refused with. */
  readonly onUpgrade: (request: HttpRequest) => Admission | number
}

/** Where it listens: a free port of the loopback for 0, or the path of a unix socket. */
export type WebPlace = { readonly port: number } | { readonly file: string }

export interface WebServer {
  /** Undefined for a unix socket. */
  readonly port: number | undefined
  /** Cuts all that is open, and listens no more. */
  close(): void
}

/** So often it is looked for connections that take too long. */
const lookMs = 1000

/** Listens. Rejects with the system's error where it cannot: `EADDRINUSE`, `EACCES`. */
export async function listenWeb(place: WebPlace, handlers: WebHandlers, limits: WebLimits): Promise<WebServer> {
  const server = load().createServer(
    {
      connectionsCheckingInterval: lookMs,
      headersTimeout: limits.headMs,
      requestTimeout: 2 * limits.headMs,
      keepAliveTimeout: limits.idleMs,
      maxHeaderSize: limits.headBytes,
      noDelay: true,
      requireHostHeader: true,
    },
    handlers.onRequest,
  )
  server.maxConnections = limits.connections
  const open = trackSockets(server)
  server.on('clientError', (_, socket) => void socket.destroy())
  // `Expect: 100-continue` would have a body sent before anybody looked at its head.
  server.on('checkContinue', (request: HttpRequest, response: HttpResponse) => handlers.onRequest(request, response))
  server.on('upgrade', (request: HttpRequest, socket: Socket, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    const admission = handlers.onUpgrade(request)
    if (typeof admission === 'number') refuse(socket, admission)
    else upgrade(request, socket, head, admission)
  })
  await listen(server, place)
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : undefined,
    close: () => {
      server.close()
      for (const socket of open) socket.destroy()
    },
  }
}

/** All connections, those that have become WebSockets too. */
function trackSockets(server: net.Server): ReadonlySet<Socket> {
  const open = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  return open
}

function upgrade(request: HttpRequest, socket: Socket, head: Buffer, { protocol, messageBytes, take }: Admission): void {
  // What is not packed cannot unpack to more than was sent.
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: messageBytes,
    handleProtocols: (offered) => (offered.has(protocol) ? protocol : false),
  })
  sockets.on('wsClientError', () => socket.destroy())
  sockets.handleUpgrade(request, socket, head, (webSocket) => {
    webSocket.on('error', () => webSocket.terminate())
    take(webSocket)
  })
}

function refuse(socket: Socket, status: number): void {
  const reason = load().STATUS_CODES[status] ?? ''
  socket.end(`HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroySoon())
}

function listen(server: http.Server, place: WebPlace): Promise<void> {
  if ('file' in place) return listenAt(server, place.file)
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: '127.0.0.1', port: place.port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** Reads the body of a request; undefined where it is larger than that, or breaks off. */
export async function readBody(request: HttpRequest, mostBytes: number): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > mostBytes) return undefined
  const pieces: Buffer[] = []
  let bytes = 0
  try {
    for await (const piece of request as AsyncIterable<Buffer>) {
      bytes += piece.length
      if (bytes > mostBytes) return undefined
      pieces.push(piece)
    }
  } catch {
    return undefined
  }
  return Buffer.concat(pieces)
}

/** What a text or a file is sent as to those who unpack it. */
export function gzip(bytes: Buffer): Buffer {
  return process.getBuiltinModule('node:zlib').gzipSync(bytes, { level: 9 })
}

/** So much may be on its way to a page before its source waits. */
const highBytes = 1024 * 1024

/** A WebSocket that is written to at the pace of whoever reads it. */
export interface PacedSocket {
  /** Sends; false: no more for now, until `onRoom`. A text is a text frame, bytes are a binary one. */
  send(frame: string | Buffer): boolean
  /** Whether more is on its way than should be. */
  isFull(): boolean
}

/** `onRoom` is called each time that there is room again after a false. */
export function paced(socket: WebSocket, onRoom: () => void): PacedSocket {
  let waits = false
  const isFull = (): boolean => socket.bufferedAmount > highBytes
  return {
    isFull,
    send: (frame) => {
      if (socket.readyState !== WebSocket.OPEN) return true
      socket.send(frame, { binary: typeof frame !== 'string' }, () => {
        if (!waits || isFull()) return
        waits = false
        onRoom()
      })
      if (isFull()) waits = true
      return !waits
    },
  }
}
