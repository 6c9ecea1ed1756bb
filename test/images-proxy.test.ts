// Images over TLS through a proxy, which is asked for a way through (CONNECT) and sees nothing of what goes there.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { after, test } from 'node:test'
import { makeHome, until } from './cli.js'
import { certificate, imageBytes, makeVendor, sha } from './support/vendor.js'
import { fetchSmall } from '../src/image/fetch.js'

const vendor = await makeVendor('https')
const bytes = imageBytes()
vendor.files.set('/x', { bytes })
const url = `${vendor.url}/x`

/** A proxy that deals with each connection in its own way, once its head is there. Resolves to `HOST:PORT`. */
async function serveProxy(onHead: (client: Socket, head: string) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    sockets.add(client.on('error', () => {}))
    client.once('data', (head) => onHead(client, head.toString()))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Lets through to the vendor, saying so with `status`. */
function letThrough(client: Socket, status: string): void {
  const server = connect(Number(new URL(url).port), '127.0.0.1')
  server.on('error', () => client.destroy()).once('connect', () => client.write(`HTTP/1.1 ${status}\r\n\r\n`))
  client.pipe(server).pipe(client)
}

/** Fetches through a proxy, as it is done for lists: once. */
function fetchBy(
  proxy: string,
  { silenceMs = 20_000, signal }: { silenceMs?: number; signal?: AbortSignal } = {},
): Promise<Buffer> {
  Object.assign(process.env, { https_proxy: `http://${proxy}`, SSL_CERT_FILE: certificate })
  return fetchSmall(url, 2 ** 30, { decidedBy: 'digest', silenceMs, signal })
}

test('the proxy is told its own name and password and where to, and the server nothing of that', async () => {
  const heads: string[] = []
  const proxy = await serveProxy((client, head) => {
    heads.push(head)
    letThrough(client, '200 Connection established')
  })
  const { nbsvm } = makeHome()
  const env = { https_proxy: `http://me:se%40cret@${proxy}`, SSL_CERT_FILE: certificate }
  const pull = ['images', 'pull', `${url}#sha256:${sha('sha256', bytes)}`]
  const { status, stdout, stderr } = await nbsvm(pull, { env })
  assert.equal(status, 0, stderr)
  assert.deepEqual(fs.readFileSync(stdout.trim()), bytes)
  assert.match(heads[0] ?? '', new RegExp(`^CONNECT ${new URL(url).host} HTTP/1.1\r\n`))
  assert.match(
    heads[0] ?? '',
    new RegExp(`\r\nproxy-authorization: Basic ${Buffer.from('me:se@cret').toString('base64')}\r\n`, 'i'),
  )
  assert.equal(vendor.askedFor('/x').length, 1)
  assert.deepEqual(
    vendor.headers.filter((name) => /authorization/i.test(name)),
    [],
  )
  // What the proxy leads to must show the server's certificate all the same.
  const { status: strange, stderr: why } = await nbsvm(['images', 'pull', `${url}#unchecked`], {
    env: { https_proxy: env.https_proxy },
  })
  assert.equal(strange, 1)
  assert.match(why, /shows a certificate that is not believed/)
  assert.doesNotMatch(why, /se%40cret|se@cret/)
})

test('any 2xx lets through; a percent sign in a password that begins no escape is one', async () => {
  const heads: string[] = []
  const proxy = await serveProxy((client, head) => {
    heads.push(head)
    letThrough(client, '201 Created')
  })
  assert.deepEqual(await fetchBy(`me:100%@${proxy}`), bytes)
  assert.match(heads[0] ?? '', new RegExp(Buffer.from('me:100%').toString('base64')))
})

test('one that refuses, cuts, falls silent, or does not lead to TLS is told as what it is', async () => {
  const by = async (onHead: (client: Socket) => void): Promise<string> =>
    String(await fetchBy(await serveProxy(onHead), { silenceMs: 300 }).catch((error: unknown) => error))
  assert.match(
    await by((client) => client.end('HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n')),
    /the proxy wants a name and a password/,
  )
  assert.match(await by((client) => client.end('HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n')), /the proxy \S+ answers 403 for/)
  const through = 'HTTP/1.1 200 OK\r\n\r\n'
  assert.match(await by((client) => client.write(through)), /through the proxy \S+: nothing, or next to nothing, came/)
  assert.match(
    await by((client) => client.write(through, () => client.destroy())),
    /through the proxy \S+: the connection broke off/,
  )
  assert.match(
    await by((client) => client.write(`${through}hello, this is no TLS\r\n`)),
    /through the proxy \S+: what answers does not speak TLS$/,
  )
})

test('Ctrl-C ends it at once, also while the proxy keeps us waiting for TLS', async () => {
  const controller = new AbortController()
  const proxy = await serveProxy((client) =>
    client.write('HTTP/1.1 200 OK\r\n\r\n', () => setTimeout(() => controller.abort(new Error('interrupted')), 20)),
  )
  const began = performance.now()
  await assert.rejects(fetchBy(proxy, { signal: controller.signal }), /interrupted/)
  assert.ok(performance.now() - began < 10_000, 'and not when the proxy is given up')
})

test('a way that breaks off at any moment is an error that is told, and nothing worse', { timeout: 60_000 }, async () => {
  for (let afterMs = 0; afterMs < 60; afterMs += 2) {
    let isOver = false
    const proxy = await serveProxy((client) => {
      letThrough(
        client.once('close', () => (isOver = true)),
        '200 OK',
      )
      setTimeout(() => client.resetAndDestroy(), afterMs)
    })
    await fetchBy(proxy).catch((error: unknown) => assert.match(String(error), /through the proxy/))
    await until('its end', 10_000, () => isOver)
    // What is in nobody's hands any more would end the process about now.
    await new Promise((done) => setTimeout(done, 10))
  }
})
