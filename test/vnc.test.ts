// A VM's screen through a served port, by a real QEMU and a real VNC client (vncsnapshot).
import assert from 'node:assert/strict'
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { runViewer, viewerCommand } from '../src/console/viewer.js'
import { passwordFile } from '../src/console/rfb.js'
import { serveVnc, serveVncPrivately, type VncServer } from '../src/console/vnc.js'
import { Failure } from '../src/core/errors.js'
import { run } from '../src/sys/process.js'
import { makeHome, program } from './cli.js'
import { bootGuest, until, type Guest } from './fixture/guest.js'

const never = new AbortController().signal

const password = 'k3ep0ut!'

/** Takes a picture of what is served there, and returns it as JPEG. */
async function takePicture(port: number | string, folder: string, typed = password): Promise<Buffer> {
  const file = path.join(folder, `shot-${port}.jpg`)
  const secret = path.join(folder, 'passwd')
  fs.writeFileSync(secret, passwordFile(typed))
  const { status, stderr } = await run(['vncsnapshot', '-quiet', '-passwd', secret, `127.0.0.1::${port}`, file])
  assert.equal(status, 0, stderr)
  return fs.readFileSync(file)
}

describe('serveVnc', () => {
  let one: Guest
  let other: Guest
  const servers: VncServer[] = []
  const serve = async (socketPath: string, port?: number): Promise<VncServer> => {
    const server = await serveVnc({ socketPath, port, password })
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
    assert.notEqual(first.at, second.at)
    assert.ok(Math.min(Number(first.at), Number(second.at)) >= 5900)
    const [a, b] = await Promise.all([takePicture(first.at, one.folder), takePicture(second.at, other.folder)])
    // A JPEG of 720 by 400 with text in it; a blank one takes some 5 KB.
    for (const picture of [a, b]) {
      assert.equal(picture.readUInt16BE(0), 0xffd8)
      assert.ok(picture.length > 20_000, `${picture.length} bytes`)
    }
    assert.notDeepEqual(a, b)
    const again = await Promise.all([takePicture(first.at, one.folder), takePicture(first.at, other.folder)])
    for (const picture of again) assert.ok(picture.length > 20_000)
    assert.equal(first.served(), 3)
    await until('all have gone', () => first.connections() === 0)
  })

  it('takes the next port when one is taken, for twelve nbsvm in a race', async () => {
    const script = `import { serveVnc } from ${JSON.stringify(path.resolve('build/js/src/console/vnc.js'))};
      console.log((await serveVnc({ socketPath: '/nowhere', port: undefined, password: '' })).at)`
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
      error instanceof Failure && error.message === `cannot serve the screen: port ${taken.at} is taken`
    await assert.rejects(serve(other.vnc, Number(taken.at)), isFailure)
  })

  it('listens on the loopback address only', async () => {
    const { at: port } = await serve(one.vnc)
    const listening = execFileSync('ss', ['-Htln', `sport = :${port}`], { encoding: 'utf8' })
    assert.match(listening, new RegExp(`127\\.0\\.0\\.1:${port}`))
    assert.doesNotMatch(listening, new RegExp(`(0\\.0\\.0\\.0|\\*|\\[::\\]):${port}`))
  })

  it("runs the user's viewer and ends with it", async () => {
    const server = await serve(one.vnc)
    const file = path.join(one.folder, 'by-viewer.jpg')
    const secretFile = path.join(one.folder, 'secret')
    fs.writeFileSync(secretFile, passwordFile(password))
    const viewer = ['vncsnapshot', '-quiet', '-passwd', '{passwd}', '127.0.0.1::{port}', file]
    const found = viewerCommand({ at: server.at, secretFile }, { viewer, hasScreen: false })
    await runViewer(found?.command ?? [], server, never)
    assert.ok(fs.statSync(file).size > 20_000)
    assert.equal(server.connections(), 0)
  })

  it('shows nothing to whoever does not know the password, of whatever version', async () => {
    const server = await serve(one.vnc)
    for (const version of ['RFB 003.003\n', 'RFB 003.007\n', 'RFB 003.008\n']) {
      const { told, answer } = await guess(Number(server.at), version)
      // VNC's password, and nothing else, is offered; what comes after the guess is a refusal, and no screen.
      assert.equal(told, version === 'RFB 003.003\n' ? '00000002' : '0102', version)
      assert.match(answer, /^00000001/, version)
      assert.ok(answer.length < 100, version)
    }
    await until('they are sent away', () => server.connections() === 0)
    // Nobody is kept waiting for one that says nothing of the kind.
    const stranger = net.connect(Number(server.at), '127.0.0.1').resume()
    stranger.write('GET / HTTP/1.1\r\n\r\n')
    await once(stranger, 'close')
  })

  it('serves a socket that only its owner can connect to, and removes it', async () => {
    const at = path.join(one.folder, 'private.sock')
    const server = await serveVncPrivately({ socketPath: one.vnc, at })
    assert.equal(fs.statSync(at).mode & 0o777, 0o600)
    const client = net.connect(at)
    assert.match(String(await new Promise((resolve) => client.once('data', resolve))), /^RFB 003/)
    server.close()
    await once(client, 'close')
    assert.ok(!fs.existsSync(at))
  })

  it('cuts the client off when the VM is gone, and lets none in', async () => {
    const guest = await bootGuest('short life')
    const at = path.join(one.folder, 'short.sock')
    const server = await serveVncPrivately({ socketPath: guest.vnc, at })
    const client = net.connect(at).resume()
    await new Promise((resolve) => client.once('data', resolve))
    const closed = new Promise((resolve) => client.once('close', resolve))
    await guest.kill()
    await closed
    const late = net
      .connect(at)
      .resume()
      .on('error', () => {})
    await new Promise((resolve) => late.once('close', resolve))
    await until('none is left', () => server.connections() === 0)
    server.close()
  })
})

/** What a viewer of that version is told that answers the challenge with noise, as hexadecimal digits. */
async function guess(port: number, version: string): Promise<{ told: string; answer: string }> {
  const client = net.connect(port, '127.0.0.1')
  const read = async (length: number): Promise<string> => {
    for (;;) {
      const bytes = client.read(length) as Buffer | null
      if (bytes !== null) return bytes.toString('hex')
      await once(client, 'readable')
    }
  }
  await read(12)
  client.write(version)
  const told = await read(version === 'RFB 003.003\n' ? 4 : 2)
  if (version !== 'RFB 003.003\n') client.write(Buffer.of(2))
  await read(16)
  client.write(Buffer.alloc(16, 7))
  return { told, answer: Buffer.concat(await client.toArray()).toString('hex') }
}

describe('a joined connection', () => {
  /** A peer on a unix socket, and a client of the port that leads to it. */
  async function joined(onPeer: (peer: net.Socket) => void, body: (client: net.Socket) => Promise<void>): Promise<void> {
    const folder = fs.mkdtempSync('/tmp/nbsvm-join-')
    const listener = net.createServer({ allowHalfOpen: true }, onPeer)
    await new Promise<void>((resolve) => void listener.listen(path.join(folder, 's'), resolve))
    const at = path.join(folder, 'served')
    const server = await serveVncPrivately({ socketPath: path.join(folder, 's'), at })
    const client = net.connect({ path: at, allowHalfOpen: true })
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

describe('the action', () => {
  const home = makeHome()
  before(async () => {
    assert.equal((await home.nbsvm(['foo', 'mem=64', 'network= ', 'newimg', 'start', '-S'])).status, 0)
  })

  it('hands the password to its viewer in a file, which is gone afterwards', async () => {
    const picture = path.join(home.folder, 'shot.jpg')
    const script = path.join(home.folder, 'viewer')
    const lines = [
      '#!/bin/sh',
      `stat -c '%a %n' "$1" >${script}.seen`,
      `exec vncsnapshot -quiet -passwd "$1" "127.0.0.1::$2" ${picture}`,
    ]
    fs.writeFileSync(script, lines.join('\n'), { mode: 0o755 })
    const { status, stderr } = await home.nbsvm(['foo', `viewer=${script} {passwd} {port}`, 'vnc'])
    assert.equal(status, 0, stderr)
    assert.ok(fs.existsSync(picture))
    const [mode, file = ''] = fs.readFileSync(`${script}.seen`, 'utf8').trim().split(' ')
    assert.equal(mode, '600')
    assert.ok(!fs.existsSync(file))
    assert.equal(stderr, '')
  })

  it('prints address and password without a viewer, and lets in who types it', async () => {
    const child = spawn(process.execPath, [program, 'foo', 'vnc'], { env: home.env })
    let shown = ''
    child.stdout.on('data', (text) => (shown += String(text)))
    child.stderr.on('data', (text) => (shown += String(text)))
    const printed = (): RegExpExecArray | null => /127\.0\.0\.1:(\d+)[^]*password is (\S+);/.exec(shown)
    await until('it says where', () => printed() !== null)
    const [, port = '', typed = ''] = printed() ?? []
    assert.ok((await takePicture(port, home.folder, typed)).length > 1000)
    await assert.rejects(takePicture(port, home.folder, 'wrong'))
    const exit = once(child, 'exit')
    child.kill('SIGTERM')
    assert.deepEqual(await exit, [143, null])
  })
})
