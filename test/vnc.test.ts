// A VM's screen through a served port, by a real QEMU and a real VNC client (vncsnapshot).
import assert from 'node:assert/strict'
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { runViewer, viewerCommand } from '../src/console/viewer.js'
import { serveVnc, type VncServer } from '../src/console/vnc.js'
import { Failure } from '../src/core/errors.js'
import { run } from '../src/sys/process.js'
import { bootGuest, until, type Guest } from './fixture/guest.js'

const never = new AbortController().signal

/** Takes a picture of what a port shows, and returns it as JPEG. */
async function takePicture(port: number, folder: string): Promise<Buffer> {
  const file = path.join(folder, `shot-${port}.jpg`)
  const { status, stderr } = await run(['vncsnapshot', '-quiet', `127.0.0.1::${port}`, file])
  assert.equal(status, 0, stderr)
  return fs.readFileSync(file)
}

describe('serveVnc', () => {
  let one: Guest
  let other: Guest
  const servers: VncServer[] = []
  const serve = async (socketPath: string, port?: number): Promise<VncServer> => {
    const server = await serveVnc({ socketPath, port })
    servers.push(server)
    return server
  }

  before(async () => {
    ;[one, other] = await Promise.all([bootGuest('the first screen'), bootGuest('and here is another one')])
  })
  after(async () => {
    for (const server of servers) server.close()
    await Promise.all([one.kill(), other.kill()])
  })

  it('serves two VMs at once, each its own picture, several clients a VM', async () => {
    const [first, second] = await Promise.all([serve(one.vnc), serve(other.vnc)])
    assert.notEqual(first.port, second.port)
    assert.ok(Math.min(first.port, second.port) >= 5900)
    const [a, b] = await Promise.all([takePicture(first.port, one.folder), takePicture(second.port, other.folder)])
    // A JPEG of 720 by 400 with text in it; a blank one takes some 5 KB.
    for (const picture of [a, b]) {
      assert.equal(picture.readUInt16BE(0), 0xffd8)
      assert.ok(picture.length > 20_000, `${picture.length} bytes`)
    }
    assert.notDeepEqual(a, b)
    const again = await Promise.all([takePicture(first.port, one.folder), takePicture(first.port, other.folder)])
    for (const picture of again) assert.ok(picture.length > 20_000)
    assert.equal(first.served(), 3)
    await until('all have gone', () => first.connections() === 0)
  })

  it('takes the next port when one is taken, for twelve nbsvm in a race', async () => {
    const script = `import { serveVnc } from ${JSON.stringify(path.resolve('build/js/src/console/vnc.js'))};
      console.log((await serveVnc({ socketPath: '/nowhere', port: undefined })).port)`
    const children: ChildProcess[] = Array.from({ length: 12 }, () => spawn('node', ['--input-type=module', '-e', script]))
    const ports = await Promise.all(
      children.map((child) => new Promise<string>((resolve) => child.stdout?.once('data', (text) => resolve(String(text))))),
    )
    assert.equal(new Set(ports).size, 12)
    for (const child of children) child.kill()
  })

  it('names the port that was asked for and is taken', async () => {
    const taken = await serve(one.vnc)
    const isFailure = (error: unknown): boolean =>
      error instanceof Failure && error.message === `cannot serve the screen: port ${taken.port} is taken`
    await assert.rejects(serve(other.vnc, taken.port), isFailure)
  })

  it('listens on the loopback address only', async () => {
    const { port } = await serve(one.vnc)
    const listening = execFileSync('ss', ['-Htln', `sport = :${port}`], { encoding: 'utf8' })
    assert.match(listening, new RegExp(`127\\.0\\.0\\.1:${port}`))
    assert.doesNotMatch(listening, new RegExp(`(0\\.0\\.0\\.0|\\*|\\[::\\]):${port}`))
  })

  it("runs the user's viewer and ends with it", async () => {
    const server = await serve(one.vnc)
    const file = path.join(one.folder, 'by-viewer.jpg')
    const command = viewerCommand(server.port, { viewer: ['vncsnapshot', '-quiet', '127.0.0.1::{port}', file], hasScreen: false })
    await runViewer(command ?? [], server, never)
    assert.ok(fs.statSync(file).size > 20_000)
    assert.equal(server.connections(), 0)
  })

  it('cuts the client off when the VM is gone, and lets none in', async () => {
    const guest = await bootGuest('short life')
    const server = await serve(guest.vnc)
    const client = net.connect(server.port, '127.0.0.1').resume()
    await new Promise((resolve) => client.once('data', resolve))
    const closed = new Promise((resolve) => client.once('close', resolve))
    await guest.kill()
    await closed
    const late = net
      .connect(server.port, '127.0.0.1')
      .resume()
      .on('error', () => {})
    await new Promise((resolve) => late.once('close', resolve))
    await until('none is left', () => server.connections() === 0)
  })
})

describe('a joined connection', () => {
  /** A peer on a unix socket, and a client of the port that leads to it. */
  async function joined(onPeer: (peer: net.Socket) => void, body: (client: net.Socket) => Promise<void>): Promise<void> {
    const folder = fs.mkdtempSync('/tmp/nbsvm-join-')
    const listener = net.createServer({ allowHalfOpen: true }, onPeer)
    await new Promise<void>((resolve) => void listener.listen(path.join(folder, 's'), resolve))
    const server = await serveVnc({ socketPath: path.join(folder, 's'), port: undefined })
    const client = net.connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
    try {
      await body(client)
    } finally {
      client.destroy()
      server.close()
      listener.close()
      fs.rmSync(folder, { recursive: true })
    }
  }

  it('passes on the end of one direction and goes on with the other', () =>
    joined(
      (peer) => void peer.resume().once('end', () => peer.end('answer after the end')),
      async (client) => {
        client.end('question')
        assert.equal(Buffer.concat(await client.toArray()).toString(), 'answer after the end')
      },
    ))

  it('holds the sender back when the receiver does not read', async () => {
    let sentBytes = 0
    const block = Buffer.alloc(1024 * 1024)
    await joined(
      (peer) => {
        const send = (): void => {
          while (sentBytes < 200 * block.length && peer.write(block)) sentBytes += block.length
        }
        peer.on('drain', send).on('error', () => {})
        send()
      },
      async (client) => {
        client.pause()
        await new Promise((resolve) => setTimeout(resolve, 1500))
        assert.ok(sentBytes < 50 * block.length, `${sentBytes} bytes went nowhere`)
      },
    )
  })
})
