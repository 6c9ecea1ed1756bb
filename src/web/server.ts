// The server of the page: who may come in, and what is where. Nothing is answered before it is known that our own page asks, and nothing
// but the page itself before its session is known.
import type { Outside } from '../host/place.js'
import { pause } from '../sys/clock.js'
import { randomBytes } from '../sys/crypto.js'
import { listenWeb, type Admission, type HttpRequest, type HttpResponse, type WebPlace } from '../sys/webserver.js'
import { openVm } from '../vm/record/vm.js'
import { createApi, type Api } from './api.js'
import type { Base } from './base.js'
import { createConsoles } from './console.js'
import { createFigures } from './figures.js'
import { readPageFiles, type PageFiles } from './files.js'
import { closeWith, watchOver } from './frames.js'
import { askedFor, gateOf, type Asked, type Gate } from './gate.js'
import { alwaysHeaders, dataPolicy, pagePolicy } from './headers.js'
import { createPictures } from './pictures.js'
import type { Me } from './protocol.js'
import type { RunLine } from './run.js'
import { cookieIn, keyIn, type Sessions } from './session.js'
import { createSockets, type Sockets } from './sockets.js'
import { createWatch, lookerOf } from './watch.js'

export interface WebOptions {
  readonly place: WebPlace
  readonly base: Base
  readonly outside: Outside
  readonly me: Me
  readonly sessions: Sessions
  /** What the cookie is called: other servers on this machine have theirs in the same jar. */
  readonly cookieName: string
  readonly runLine: RunLine
}

export interface WebPage {
  /** Undefined for a unix socket. */
  readonly port: number | undefined
  /** Tells all pages that it ends, and ends. */
  close(words: string): Promise<void>
}

const limits = { connections: 256, headMs: 10_000, idleMs: 5000, headBytes: 8192 }
const mostSockets = 128
/** So long pages are given to hear that it ends. */
const byeMs = 300

/** Serves the page until `close`. Rejects with the system's error where it cannot listen. */
export async function serveWeb(options: WebOptions): Promise<WebPage> {
  const files = readPageFiles()
  const { outside, me } = options
  const stop = new AbortController()
  const only = me.only ?? undefined
  const watch = createWatch(lookerOf(outside, only))
  const figures = createFigures(async (id) => (only === undefined || id === only ? openVm(id, outside, () => {}) : undefined))
  const works = new Set<Promise<void>>()
  const atWork = (work: Promise<void>): Promise<void> => {
    works.add(work)
    return work.finally(() => works.delete(work))
  }
  const api = createApi({ ...options, signal: stop.signal, takePicture: createPictures(), atWork, onDone: watch.poke })
  const sockets = createSockets({ outside, me, watch, figures, consoles: createConsoles() })
  // Until it listens, its port is not known.
  let gate: Gate | undefined
  const visit = (request: HttpRequest): Visit | number => (gate === undefined ? 503 : visitOf(request, gate))
  const server = await listenWeb(
    options.place,
    {
      onRequest: (request, response) => {
        const visitor = visit(request)
        if (typeof visitor === 'number') answerPlainly(response, visitor)
        else answer(visitor, request, response, { api, files, options }).catch(() => response.destroy())
      },
      onUpgrade: (request) => {
        const visitor = visit(request)
        return typeof visitor === 'number' ? visitor : admit(visitor, request, options, sockets)
      },
    },
    limits,
  )
  gate = gateOf({ port: server.port, base: options.base })
  return {
    port: server.port,
    close: async (words) => {
      stop.abort()
      sockets.bye(words)
      watch.close()
      figures.close()
      // What is given up in the midst is undone first.
      await Promise.all([pause(byeMs), Promise.allSettled(works)])
      server.close()
    },
  }
}

/** A request that has come to the right door. */
interface Visit {
  readonly asked: Asked
  readonly host: string
  readonly base: string
  /** Whether our own page sends it, as far as the browser says. */
  readonly isOwn: boolean
  /** Whether another page does. */
  readonly isForeign: boolean
}

/** Looks at the head of a request; else the status that it is refused with. */
function visitOf({ headers, rawHeaders, url = '' }: HttpRequest, gate: Gate): Visit | number {
  const hosts = rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'host')
  // Misdirected: a name that leads here by somebody else's doing.
  if (hosts.length !== 1 || headers.host === undefined || !gate.knowsHost(headers.host)) return 421
  const asked = askedFor(url, gate.base)
  if (asked === undefined) return 404
  const { host, origin } = headers
  const isOwn = gate.isOwn(origin, host)
  const site = headers['sec-fetch-site']
  const isForeign = (origin !== undefined && !isOwn) || (site !== undefined && site !== 'same-origin' && site !== 'none')
  return { asked, host, base: gate.base, isOwn, isForeign }
}

function isIn(request: HttpRequest, key: string | undefined, { sessions, cookieName }: WebOptions): boolean {
  const cookie = cookieIn(request.headers.cookie, cookieName)
  return cookie !== undefined && key !== undefined && sessions.knows({ cookie, key })
}

function admit(visit: Visit, request: HttpRequest, options: WebOptions, sockets: Sockets): Admission | number {
  const { asked, isOwn, isForeign } = visit
  if (!isOwn || isForeign) return 403
  if (!isIn(request, keyIn(request.headers['sec-websocket-protocol']), options)) return 401
  if (sockets.count() >= mostSockets) return 429
  const take = sockets.find(asked)
  if (take === undefined) return 404
  return {
    protocol: 'nbsvm',
    messageBytes: take.messageBytes,
    take: (socket) => {
      watchOver(socket)
      sockets.add(socket)
      void Promise.resolve(take.join(socket)).catch(() => closeWith(socket, 1011, 'it failed'))
    },
  }
}

interface Inside {
  readonly api: Api
  readonly files: PageFiles
  readonly options: WebOptions
}

async function answer(visit: Visit, request: HttpRequest, response: HttpResponse, inside: Inside): Promise<void> {
  const { parts } = visit.asked
  if (parts[0] !== 'api') return answerFile(visit, request, response, inside)
  const key = request.headers['x-nbsvm-key']
  const isKnown = isIn(request, typeof key === 'string' ? key : undefined, inside.options)
  head(response, { 'content-security-policy': dataPolicy })
  await inside.api(parts.slice(1), { ...visit, isIn: isKnown }, request, response)
}

/** Routes of the page, which finds out by itself what it is to show. */
const pageRoute = /^(?:new|images|vm\/[\w.-]+(?:\/[a-z]+)?)?$/

function answerFile(
  { asked, base, host, isForeign }: Visit,
  request: HttpRequest,
  response: HttpResponse,
  { files, options }: Inside,
) {
  const { method } = request
  if (method !== 'GET' && method !== 'HEAD') return answerPlainly(response, 405)
  const route = asked.parts.join('/')
  const file = asked.parts[0] === 'page' && asked.parts.length === 2 ? files.file(asked.parts[1] ?? '') : undefined
  if (file !== undefined) {
    // No other page has a use for it.
    if (isForeign) return answerPlainly(response, 403)
    const packed = /\bgzip\b/.test(String(request.headers['accept-encoding'])) ? file.packed : undefined
    head(response, {
      'content-type': file.type,
      'content-security-policy': dataPolicy,
      ...(packed === undefined ? {} : { 'content-encoding': 'gzip' }),
    })
    return void response.end(packed ?? file.bytes)
  }
  if (!pageRoute.test(route)) return answerPlainly(response, 404)
  const nonce = randomBytes(16).toString('base64')
  const proxy = options.base.origin?.replace(/^http/, 'ws')
  const hosts = proxy === undefined ? [`ws://${host}`] : [proxy]
  head(response, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': pagePolicy({ nonce, hosts }) })
  response.end(files.page({ base, nonce }))
}

function head(response: HttpResponse, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries({ ...alwaysHeaders, ...headers })) response.setHeader(name, value)
}

/** Says no more than the status: nobody is known there. */
function answerPlainly(response: HttpResponse, status: number): void {
  head(response, { 'content-security-policy': dataPolicy, 'content-type': 'text/plain', connection: 'close' })
  response.statusCode = status
  response.end(`${status}\n`)
}
