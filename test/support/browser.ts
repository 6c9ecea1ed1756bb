// Debian's Chromium, driven as a user would, behind a line that can be cut: it reaches the server only through a SOCKS proxy of ours.
import { once } from 'node:events'
import { existsSync } from 'node:fs'
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
