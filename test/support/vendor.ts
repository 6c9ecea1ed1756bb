// A vendor of images in a box: a web server on loopback with files, faults and keys of its own.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { after } from 'node:test'

/** How one file is served. */
export interface Served {
  bytes: Buffer
  /** Strong where nothing is said: made of the bytes. null for none. */
  etag?: string | null
  headers?: Record<string, string>
  status?: number
  /** The connection is cut after so many bytes of an answer, as many times as `cuts` says. */
  cutAfter?: number
  cuts?: number
  /** How long the file is only its end tells. */
  hidesLength?: boolean
  /** Bytes a second. */
  rate?: number
  /** Called before an answer begins. */
  onRequest?: (count: number) => void
}

export interface Asked {
  readonly path: string
  readonly range: string | undefined
  readonly ifRange: string | undefined
  readonly method: string
}

export interface Vendor {
  /** `http://127.0.0.1:4711` */
  readonly url: string
  readonly files: Map<string, Served>
  readonly asked: Asked[]
  /** The requests for one path. */
  readonly askedFor: (file: string) => Asked[]
  /** The names of all headers that came. */
  readonly headers: string[]
}

export const certificate = path.resolve('test/fixture/loopback.crt')

/** Serves until the test file ends. */
export async function makeVendor(scheme: 'http' | 'https' = 'http'): Promise<Vendor> {
  const files = new Map<string, Served>()
  const asked: Asked[] = []
  const headers: string[] = []
  const sockets = new Set<Socket>()
  const listener: http.RequestListener = (request, response) => {
    const file = request.url ?? ''
    const { range, 'if-range': ifRange } = request.headers
    headers.push(...Object.keys(request.headers))
    asked.push({ path: file, range, ifRange: ifRange?.toString(), method: request.method ?? '' })
    const served = files.get(file)
    served?.onRequest?.(asked.filter((one) => one.path === file).length)
    if (served === undefined) response.writeHead(404).end('no such file\n')
    else void answer(response, files.get(file) ?? served, { range, ifRange: ifRange?.toString() })
  }
  const read = (name: string): Buffer => fs.readFileSync(path.resolve('test/fixture', name))
  const server =
    scheme === 'http'
      ? http.createServer(listener)
      : https.createServer({ key: read('loopback.key'), cert: read('loopback.crt') }, listener)
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const url = `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, files, asked, askedFor: (file) => asked.filter((one) => one.path === file), headers }
}

async function answer(
  response: http.ServerResponse,
  served: Served,
  { range, ifRange }: { range: string | undefined; ifRange: string | undefined },
): Promise<void> {
  const { bytes, headers = {}, status } = served
  const etag = served.etag === undefined ? `"${sha('sha256', bytes).slice(0, 16)}"` : served.etag
  const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1])
  const isRest = Number.isSafeInteger(start) && (ifRange === undefined || ifRange === etag)
  const named = etag === null ? {} : { etag }
  if (isRest && start >= bytes.length) {
    response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end()
    return
  }
  const part = isRest ? bytes.subarray(start) : bytes
  const ranged = isRest ? { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {}
  const length = served.hidesLength === true ? {} : { 'content-length': part.length }
  response.writeHead(status ?? (isRest ? 206 : 200), { ...length, ...named, ...ranged, ...headers })
  const isCut = (served.cuts ?? 0) > 0
  if (isCut) served.cuts = (served.cuts ?? 0) - 1
  const end = isCut ? Math.min(served.cutAfter ?? 0, part.length) : part.length
  await send(response, part.subarray(0, end), served.rate)
  if (isCut) response.destroy()
  else response.end()
}

async function send(response: http.ServerResponse, bytes: Buffer, rate = Infinity): Promise<void> {
  const everyMs = 50
  const pieceBytes = Number.isFinite(rate) ? Math.max(1, Math.round((rate * everyMs) / 1000)) : 256 * 1024
  for (let at = 0; at < bytes.length && !response.destroyed; at += pieceBytes) {
    const isTaken = response.write(bytes.subarray(at, at + pieceBytes))
    if (Number.isFinite(rate)) await new Promise((resolve) => setTimeout(resolve, everyMs))
    else if (!isTaken) await new Promise((resolve) => response.once('drain', resolve).once('close', resolve))
  }
  await new Promise((resolve) => setImmediate(resolve))
}

export function sha(algorithm: 'sha256' | 'sha512', bytes: Buffer): string {
  return createHash(algorithm).update(bytes).digest('hex')
}

/** An image with random bytes in it, so that no two are alike and nothing is packed away. */
export function imageBytes(dataBytes = 256 * 1024): Buffer {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-image-'))
  try {
    const raw = path.join(folder, 'raw')
    fs.writeFileSync(
      raw,
      Buffer.concat([
        execFileSync('head', ['-c', String(dataBytes), '/dev/urandom'], { maxBuffer: 2 ** 28 }),
        Buffer.alloc(2 ** 20),
      ]),
    )
    execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, path.join(folder, 'image')])
    return fs.readFileSync(path.join(folder, 'image'))
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
}

export interface Signer {
  readonly fingerprint: string
  /** Path of a ring in binary form. */
  readonly ring: string
  clear(text: string): Buffer
  detached(bytes: Buffer | string): Buffer
}

/** Long ago, for keys that have expired. */
const longAgo = ['--faked-system-time', '20200102T000000!']

/** A key of its own in a home of its own, which ends with the test file. */
export function makeSigner(name: string, { isExpired = false } = {}): Signer {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-gpg-'))
  const gpg = (args: readonly string[], input?: Buffer | string): Buffer =>
    execFileSync('gpg', ['--homedir', home, '--batch', '--quiet', '--passphrase', '', '--pinentry-mode', 'loopback', ...args], {
      ...(input === undefined ? {} : { input }),
      stdio: ['pipe', 'pipe', 'ignore'],
    })
  after(() => {
    execFileSync('gpgconf', ['--homedir', home, '--kill', 'all'], { stdio: 'ignore' })
    fs.rmSync(home, { recursive: true, force: true })
  })
  const when = isExpired ? longAgo : []
  gpg([...when, '--quick-gen-key', `${name} <${name}@example.org>`, 'ed25519', 'sign', isExpired ? '1w' : 'never'])
  const listed = gpg(['--list-keys', '--with-colons']).toString()
  const fingerprint = /^fpr:+(?<hex>[0-9A-F]{40}):/m.exec(listed)?.groups?.['hex'] ?? assert.fail(listed)
  const ring = path.join(home, 'ring.gpg')
  fs.writeFileSync(ring, gpg(['--export']))
  return {
    fingerprint,
    ring,
    clear: (text) => gpg([...when, '--clearsign'], text),
    detached: (bytes) => gpg([...when, '--detach-sign'], bytes),
  }
}
