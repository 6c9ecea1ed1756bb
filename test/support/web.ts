// A real `nbsvm web`, and a browser's place in front of it: requests by hand, so that each can be as wrong as it likes.
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import { WebSocket } from 'ws'
import type { RunFrame } from '../../src/web/protocol.js'
import { program, until, type Home } from '../cli.js'

export interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: string
  readonly bytes: Buffer
}

export interface RequestOptions {
  readonly method?: string
  readonly headers?: http.OutgoingHttpHeaders
  readonly body?: string
}

/** A `nbsvm web` that runs. */
export class Web {
  readonly child: ChildProcess
  readonly link: URL
  readonly #notes: () => string

  private constructor(child: ChildProcess, link: URL, notes: () => string) {
    this.child = child
    this.link = link
    this.#notes = notes
  }

  /** Starts it with these words in place of `web`, and waits for its link. */
  static async start(home: Home, words: readonly string[] = ['web']): Promise<Web> {
    const child = spawn(process.execPath, [program, ...words, '--no-open'], { env: home.env, stdio: ['ignore', 'pipe', 'pipe'] })
    let [out, notes] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (notes += text))
    await until(`a link; it says ${notes}`, 60_000, () => out.includes('\n') || child.exitCode !== null)
    assert.ok(URL.canParse(out.trim()), notes)
    return new Web(child, new URL(out.trim()), () => notes)
  }

  get port(): number {
    return Number(this.link.port)
  }

  get origin(): string {
    return this.link.origin
  }

  get notes(): string {
    return this.#notes()
  }

  request(path: string, { method = 'GET', headers = {}, body }: RequestOptions = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = http.request({ host: '127.0.0.1', port: this.port, path, method, headers, agent: false }, (response) => {
        const pieces: Buffer[] = []
        response.on('data', (piece: Buffer) => pieces.push(piece)).on('error', reject)
        response.on('end', () => {
          const bytes = Buffer.concat(pieces)
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: bytes.toString(), bytes })
        })
      })
      request.on('error', reject)
      request.end(body)
    })
  }

  /** Swaps the token of a link. */
  enter(token: string): Promise<Answer> {
    const headers = { origin: this.origin, 'content-type': 'application/json' }
    return this.request('/api/session', { method: 'POST', headers, body: JSON.stringify({ token }) })
  }

  async session(token = this.link.hash.slice(1)): Promise<Session> {
    const { status, headers, body } = await this.enter(token)
    assert.equal(status, 200, body)
    const cookie = headers['set-cookie']?.[0]?.split(';')[0] ?? ''
    return new Session(this, cookie, (JSON.parse(body) as { key: string }).key)
  }

  /** Ctrl-C. */
  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    this.child.kill('SIGINT')
    await once(this.child, 'exit')
  }
}

/** A page that is in. */
export class Session {
  readonly web: Web
  readonly cookie: string
  readonly key: string

  constructor(web: Web, cookie: string, key: string) {
    this.web = web
    this.cookie = cookie
    this.key = key
  }

  get headers(): http.OutgoingHttpHeaders {
    return { cookie: this.cookie, 'x-nbsvm-key': this.key }
  }

  get(path: string, headers: http.OutgoingHttpHeaders = {}): Promise<Answer> {
    return this.web.request(path, { headers: { ...this.headers, ...headers } })
  }

  async json<T>(path: string): Promise<T> {
    const { status, body } = await this.get(path)
    assert.equal(status, 200, body)
    return JSON.parse(body) as T
  }

  post(words: readonly string[], headers: http.OutgoingHttpHeaders = {}): Promise<Answer> {
    const all = { ...this.headers, origin: this.web.origin, 'content-type': 'application/json', ...headers }
    return this.web.request('/api/run', { method: 'POST', headers: all, body: JSON.stringify({ words }) })
  }

  /** Has a line run, and resolves to all that is told of it. */
  async run(...words: readonly string[]): Promise<RunFrame[]> {
    const { status, body } = await this.post(words)
    assert.equal(status, 200, body)
    return body
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as RunFrame)
  }

  socket(path: string, { headers = {}, protocols = ['nbsvm', `key.${this.key}`] }: SocketOptions = {}): Page {
    const all = { cookie: this.cookie, origin: this.web.origin, ...headers }
    return new Page(
      new WebSocket(`ws://127.0.0.1:${this.web.port}${path}`, protocols, { headers: all, perMessageDeflate: false }),
    )
  }
}

export interface SocketOptions {
  readonly headers?: Record<string, string>
  readonly protocols?: string[]
}

/** One WebSocket of a page, and all that came. */
export class Page {
  readonly socket: WebSocket
  readonly frames: Record<string, unknown>[] = []
  /** Bytes, and how many text frames had come before. */
  bytes = Buffer.alloc(0)
  closed: { code: number; reason: string } | undefined
  refused: number | undefined

  constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data, isBinary) => {
      if (isBinary) this.bytes = Buffer.concat([this.bytes, data as Buffer])
      else this.frames.push(JSON.parse((data as Buffer).toString()) as Record<string, unknown>)
    })
    socket.on('close', (code, reason) => (this.closed = { code, reason: String(reason) }))
    socket.on('unexpected-response', (request, response) => {
      this.refused = response.statusCode
      request.destroy()
    })
    socket.on('error', () => {})
  }

  async frame(kind: string, timeoutMs = 60_000): Promise<Record<string, unknown>> {
    const find = () => this.frames.find((frame) => frame['kind'] === kind)
    await until(`a frame ${kind}; there are ${JSON.stringify(this.frames).slice(0, 2000)}`, timeoutMs, () => find() !== undefined)
    return find() ?? {}
  }

  async says(pattern: RegExp, timeoutMs = 90_000): Promise<void> {
    await until(`${String(pattern)} in ${this.bytes.toString().slice(-500)}`, timeoutMs, () =>
      pattern.test(this.bytes.toString()),
    )
  }

  async end(timeoutMs = 30_000): Promise<{ code: number; reason: string }> {
    await until('the end of a WebSocket', timeoutMs, () => this.closed !== undefined)
    return this.closed ?? { code: 0, reason: '' }
  }
}
