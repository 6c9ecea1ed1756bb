// One HTTP request, over TLS or not, through a proxy or not. Node's own fetch knows neither proxies nor further certificates
// before Node 24. What to make of an answer, where a redirection may lead, how often to try: the caller's.
import type * as http from 'node:http'
import type * as https from 'node:https'
import type * as net from 'node:net'
import type * as tls from 'node:tls'

const load = {
  http: (): typeof http => process.getBuiltinModule('node:http'),
  https: (): typeof https => process.getBuiltinModule('node:https'),
  tls: (): typeof tls => process.getBuiltinModule('node:tls'),
}

export interface HttpRequest {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** `http://[USER:PASSWORD@]HOST:PORT`, or https. */
  readonly proxy?: URL | undefined
  /** Certificates in PEM that are believed besides Node's own. */
  readonly certificates: readonly string[]
  /** A server that sends fewer than `leastBytes` in this time is given up. */
  readonly silenceMs: number
  readonly signal?: AbortSignal | undefined
}

/** In a time of silence less than this came: as good as nothing. */
const leastBytes = 4096

export interface HttpAnswer {
  readonly status: number
  /** By name in small letters; of several with one name the first. */
  readonly header: (name: string) => string | undefined
  /** The body as it comes. Rejects where the connection breaks off, or falls silent. */
  readonly body: AsyncIterable<Buffer>
  /** Ends it; nothing more comes. */
  close(): void
}

/** The server, or the proxy, fell silent. */
export class Silence extends Error {
  constructor(silenceMs: number) {
    super(`nothing, or next to nothing, came for ${Math.round(silenceMs / 1000)} s`)
  }
}

/** A proxy refused to let us through. */
export class ProxyRefusal extends Error {
  readonly status: number

  constructor(proxy: URL, status: number, end: string) {
    super(`the proxy ${proxy.host} answers ${status} for ${end}`)
    this.status = status
  }
}

/** Sends a GET. Resolves with the head of the answer; rejects with the system's error, Silence, or what aborted `signal`. */
export async function httpGet(request: HttpRequest): Promise<HttpAnswer> {
  const { url, proxy, silenceMs, signal } = request
  signal?.throwIfAborted()
  const watch = watchSilence(silenceMs)
  try {
    const socket = proxy !== undefined && url.protocol === 'https:' ? await tunnel(request, proxy, watch) : undefined
    return await send(request, socket, watch)
  } catch (error) {
    watch.end()
    throw error
  }
}

interface Watch {
  /** What is ended where nothing comes. */
  attach(target: { destroy(error: Error): unknown }): void
  came(bytes: number): void
  end(): void
}

function watchSilence(silenceMs: number): Watch {
  let target: { destroy(error: Error): unknown } | undefined
  let bytes = 0
  const timer = setInterval(() => {
    if (bytes < leastBytes) target?.destroy(new Silence(silenceMs))
    bytes = 0
  }, silenceMs)
  return {
    attach: (next) => (target = next),
    came: (more) => (bytes += more),
    end: () => clearInterval(timer),
  }
}

function send({ url, headers, proxy, certificates, signal }: HttpRequest, tunneled: net.Socket | undefined, watch: Watch) {
  const isTls = url.protocol === 'https:'
  const common = { method: 'GET', agent: false, ...(signal === undefined ? {} : { signal }) } as const
  // Without it node would offer gzip nowhere either, but a proxy might pack what it passes on.
  const all = { 'accept-encoding': 'identity', ...headers }
  const request = isTls
    ? load.https().request(url, {
        ...common,
        headers: all,
        ca: trusted(certificates),
        ...(tunneled === undefined ? {} : { createConnection: () => tunneled }),
      })
    : proxy === undefined
      ? load.http().request(url, { ...common, headers: all })
      : plainProxy(
          proxy,
          { ...common, path: url.href, headers: { ...all, host: url.host, ...authorization(proxy) } },
          certificates,
        )
  watch.attach(request)
  return new Promise<HttpAnswer>((resolve, reject) => {
    request.on('error', (error) => reject(signal?.aborted === true ? signal.reason : error))
    request.on('response', (response) => {
      watch.attach(response)
      resolve({
        status: response.statusCode ?? 0,
        header: (name) => [response.headers[name] ?? []].flat()[0],
        body: pieces(response, watch, signal),
        close: () => {
          watch.end()
          response.destroy()
          request.destroy()
        },
      })
    })
    request.end()
  })
}

async function* pieces(response: http.IncomingMessage, watch: Watch, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  try {
    for await (const piece of response) {
      watch.came((piece as Buffer).length)
      yield piece as Buffer
    }
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    watch.end()
  }
}

/** A request for what is not secret: the proxy is told all of it. */
function plainProxy(proxy: URL, options: http.RequestOptions, certificates: readonly string[]): http.ClientRequest {
  return proxy.protocol === 'https:'
    ? load.https().request({ ...options, ...address(proxy), ca: trusted(certificates) })
    : load.http().request({ ...options, ...address(proxy) })
}

/** A way through a proxy to a server that speaks TLS: CONNECT, then TLS inside. */
async function tunnel({ url, certificates, signal }: HttpRequest, proxy: URL, watch: Watch): Promise<net.Socket> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const end = `${url.hostname}:${url.port || '443'}`
  const options = { method: 'CONNECT', path: end, agent: false, headers: { host: end, ...authorization(proxy) } }
  const request = plainProxy(proxy, signal === undefined ? options : { ...options, signal }, certificates)
  watch.attach(request)
  const raw = await new Promise<net.Socket>((resolve, reject) => {
    request.on('error', (error) => reject(signal?.aborted === true ? signal.reason : error))
    request.on('connect', ({ statusCode = 0 }, socket: net.Socket, begun: Buffer) => {
      // Any 2xx lets through: https://www.rfc-editor.org/rfc/rfc9110#name-connect
      if (statusCode < 200 || statusCode > 299) {
        socket.destroy()
        return reject(new ProxyRefusal(proxy, statusCode, end))
      }
      if (begun.length > 0) socket.unshift(begun)
      resolve(socket)
    })
    request.end()
  })
  watch.attach(raw)
  const isName = process.getBuiltinModule('node:net').isIP(host) === 0
  const secure = load.tls().connect({ socket: raw, host, ...(isName ? { servername: host } : {}), ca: trusted(certificates) })
  watch.attach(secure)
  // The request on it hears of errors only once it has begun, and Node ends a process in which nobody does.
  secure.on('error', () => {})
  const stop = (): void => void secure.destroy(signal?.reason as Error)
  signal?.addEventListener('abort', stop, { once: true })
  if (signal?.aborted === true) stop()
  try {
    return await new Promise((resolve, reject) => {
      secure.once('error', reject)
      secure.once('secureConnect', () => {
        secure.off('error', reject)
        resolve(secure)
      })
    })
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}

function address({ hostname, port, protocol }: URL): http.RequestOptions {
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port || (protocol === 'https:' ? 443 : 80) }
}

function authorization({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {}
  const pair = `${decoded(username)}:${decoded(password)}`
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` }
}

/** A percent sign that begins no escape stands for itself, as in curl. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function trusted(certificates: readonly string[]): string[] {
  return [...load.tls().rootCertificates, ...certificates]
}
