// Debian's Chromium, driven as a user would, behind a line that can be cut: it reaches the server only through a SOCKS proxy of ours.
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { chromium, type Browser } from 'playwright-core'

const program = '/usr/bin/chromium'

/** Why there is no browser; undefined where there is one. */
export const withoutBrowser = existsSync(program) ? undefined : `${program} is not installed`

/** The way between browser and server. */
export class Way {
  readonly #proxy = net.createServer((socket) => this.#take(socket))
  readonly #sockets = new Set<net.Socket>()
  #isCut = false

  async open(): Promise<string> {
    this.#proxy.listen(0, '127.0.0.1')
    await once(this.#proxy, 'listening')
    return `socks5://127.0.0.1:${(this.#proxy.address() as AddressInfo).port}`
  }

  /** All connections break, and none comes about. */
  cut(): void {
    this.#isCut = true
    for (const socket of this.#sockets) socket.destroy()
  }

  mend(): void {
    this.#isCut = false
  }

  close(): void {
    this.cut()
    this.#proxy.close()
  }

  #take(socket: net.Socket): void {
    this.#keep(socket)
    if (this.#isCut) {
      socket.destroy()
      return
    }
    // RFC 1928: methods are offered, none is needed; then CONNECT, whose last two bytes are the port.
    socket.once('data', () => {
      socket.write(Buffer.from([5, 0]))
      socket.once('data', (request: Buffer) => {
        const other = net.connect(request.readUInt16BE(request.length - 2), '127.0.0.1')
        this.#keep(other)
        other.once('connect', () => {
          socket.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
          socket.pipe(other).pipe(socket)
        })
        other.once('close', () => socket.destroy())
        socket.once('close', () => other.destroy())
      })
    })
  }

  #keep(socket: net.Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => {}).once('close', () => this.#sockets.delete(socket))
  }
}

/** A reverse proxy in front of what serves at a unix socket, as docs/web.md asks for: below `prefix` it passes all on, as it is. */
export async function reverseProxy(socketPath: string, prefix: string): Promise<http.Server> {
  const proxy = http.createServer((request, response) => {
    if (request.url?.startsWith(prefix) !== true) {
      response.writeHead(404).end()
      return
    }
    const { url: path, method, headers } = request
    const onwards = http.request({ socketPath, path, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    onwards.on('error', () => response.destroy())
    request.pipe(onwards)
  })
  proxy.on('upgrade', ({ url, rawHeaders }: http.IncomingMessage, socket: net.Socket, first: Buffer) => {
    const onwards = net.connect(socketPath)
    const lines = rawHeaders.map((word, at) => (at % 2 === 0 ? `${word}: ` : `${word}\r\n`)).join('')
    onwards.write(`GET ${url} HTTP/1.1\r\n${lines}\r\n`)
    onwards.write(first)
    socket.pipe(onwards).pipe(socket)
    for (const [one, other] of [
      [socket, onwards],
      [onwards, socket],
    ] as const)
      one.on('error', () => {}).once('close', () => other.destroy())
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  return proxy
}

/** Starts it; with `proxy` all goes through there, what is on this machine too. */
export function launch(proxy?: string): Promise<Browser> {
  return chromium.launch({
    executablePath: program,
    // What it would look up in the network by itself it shall not.
    args: [
      '--no-sandbox',
      '--disable-dev-shm-usage',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
    ...(proxy === undefined ? {} : { proxy: { server: proxy, bypass: '<-loopback>' } }),
  })
}
