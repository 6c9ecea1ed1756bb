// Servers that lie, fall silent or drip, met by the download itself, whose patience is short here.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { download } from '../src/image/download.js'
import { partNames } from '../src/image/imagename.js'
import { sha } from './support/vendor.js'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-servers-'))
after(() => fs.rmSync(folder, { recursive: true, force: true }))

const names = partNames('0'.repeat(32))
/** How long a server may be silent: where that is tried, and where it is not. */
const [briefMs, patienceMs] = [200, 20_000]

/** A server that answers each connection in its own way. Resolves to its URL. */
async function serve(answer: (socket: Socket, request: string) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).once('data', (bytes) => answer(socket, bytes.toString()))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`
}

async function fails(answer: (socket: Socket, request: string) => void, silenceMs = patienceMs): Promise<string> {
  const url = await serve(answer)
  const notes: string[] = []
  const wanted = { url, algorithm: 'sha256', decidedBy: 'digest' } as const
  const [error] = await download(folder, names, wanted, {
    silenceMs,
    note: (text) => void notes.push(text),
    signal: AbortSignal.timeout(60_000),
  }).then(
    () => [undefined],
    (failure: unknown) => [failure],
  )
  assert.ok(error instanceof Error, 'it should have failed')
  assert.deepEqual(fs.readdirSync(folder), [], 'nothing stays')
  return error.message
}

const head = (length: number | string, more = ''): string => `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n${more}\r\n`

test('one that says nothing, or next to nothing, is given up', { timeout: 150_000 }, async () => {
  assert.match(await fails(() => {}, briefMs), /127\.0\.0\.1:\d+: nothing, or next to nothing, came for/)
  const drip = (socket: Socket): void => {
    socket.write(head(1e9))
    const timer = setInterval(() => socket.write('x'), 20)
    socket.on('close', () => clearInterval(timer))
  }
  assert.match(await fails(drip, briefMs), /next to nothing/)
})

test('one whose length is a lie', async () => {
  assert.match(await fails((socket) => socket.end(`${head(1000)}short`)), /aborted|ended|cannot fetch/)
  assert.match(await fails((socket) => socket.end(`${head('9'.repeat(14))}x`)), /which no image has/)
  // What is behind the length is not of this file.
  const url = await serve((socket) => socket.end(`${head(4)}goodEVIL`))
  const got = await download(folder, names, { url, algorithm: 'sha256', decidedBy: 'digest' }, { silenceMs: patienceMs })
  assert.equal(got.digest.hex, sha('sha256', Buffer.from('good')))
  fs.rmSync(path.join(folder, names.part))
  fs.rmSync(path.join(folder, names.facts))
})

test('one that never ends, packs, or answers another question', async () => {
  assert.match(await fails((socket) => socket.end(head(4, 'Content-Encoding: gzip\r\n'))), /comes packed as "gzip"/)
  assert.match(
    await fails((socket) => socket.end('HTTP/1.1 206 Partial\r\nContent-Range: bytes 5-8/9\r\nContent-Length: 4\r\n\r\nabcd')),
    /answers 206/,
  )
  assert.match(await fails((socket) => socket.end('HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n')), /answers 403/)
  assert.match(await fails((socket) => socket.end('\x1b[31mnot http at all\r\n\r\n')), /cannot fetch/)
  assert.match(await fails((socket) => socket.end(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`)), /cannot fetch/)
})

test('Ctrl-C ends it at once, and what came is kept', async () => {
  const url = await serve((socket) => socket.write(`${head(1e6, 'ETag: "1"\r\n')}${'x'.repeat(10_000)}`))
  const controller = new AbortController()
  const ending = download(
    folder,
    names,
    { url, algorithm: 'sha256', decidedBy: 'digest' },
    {
      signal: controller.signal,
      onProgress: (done) => done >= 10_000 && controller.abort(new Error('interrupted')),
    },
  )
  await assert.rejects(ending, /interrupted/)
  assert.equal(fs.statSync(path.join(folder, names.part)).size, 10_000)
})
