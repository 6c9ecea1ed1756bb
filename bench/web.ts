// The page's server: a key at the console against the console on a terminal, and the screen against websockify, each with the same peer at
// the other end of the socket.
import { spawn, type ChildProcess } from 'node:child_process'
import { rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import path from 'node:path'
import { WebSocket } from 'ws'
import { inPairs, median, type Bench } from './table.js'
import { program, type World } from './world.js'

const keys = 300
const floodBytes = 256 * 1024 * 1024
const piece = Buffer.alloc(64 * 1024, 7)

export const web: Bench = {
  name: 'web',
  async *rows(world) {
    world.run('socat', '-V')
    world.atEnd(() => world.nbsvm('foo', 'stop'))
    // Only a socket of QEMU's own user is connected to, and the one that takes its place will be ours.
    const asUs = process.getuid?.() === 0 ? ['run_as=root'] : []
    world.nbsvm('foo', 'mem=64', 'network= ', ...asUs, 'start', '-S')
    const run = path.join(world.env['NBSVM_HOME'] ?? '', 'state', 'foo', 'run')
    const page = await openPage(world)
    const byPage = () => withPeer(run, 'console.sock', (peer) => latencyOnPage(page, peer))
    const byTerminal = () => withPeer(run, 'console.sock', (peer) => latencyOnTerminal(world, peer))
    const delays = await inPairs(5, byPage, byTerminal)
    yield { what: 'one key, there and back: page | console', pairs: delays, unit: 'ms', goal: { atMost: 2 } }
    world.run('websockify', '--help')
    const ours = () => withPeer(run, 'vnc.sock', (peer) => throughput(peer, () => page.open('/api/vms/foo/vnc')))
    const theirs = () =>
      withPeer(run, 'vnc.sock', (peer) => throughput(peer, () => websockify(world, path.join(run, 'vnc.sock'))))
    const floods = await inPairs(5, ours, theirs)
    yield { what: 'screen, 256 MB of pixels | websockify', pairs: floods, unit: 'MB/s', goal: { atLeast: 0.8 } }
  },
}

interface Page {
  readonly open: (target: string) => WebSocket
}

/** A `nbsvm web`, and a session there. */
async function openPage(world: World): Promise<Page> {
  const child = spawn(program, ['web', '--no-open'], { env: world.env, stdio: ['ignore', 'pipe', 'ignore'] })
  world.atEnd(() => child.kill('SIGKILL'))
  const link = new URL(await new Promise<string>((resolve) => child.stdout.once('data', (text) => resolve(String(text).trim()))))
  const answer = await fetch(new URL('/api/session', link), {
    method: 'POST',
    headers: { origin: link.origin, 'content-type': 'application/json' },
    body: JSON.stringify({ token: link.hash.slice(1) }),
  })
  const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? ''
  const { key } = (await answer.json()) as { key: string }
  const headers = { cookie, origin: link.origin }
  return {
    open: (target) => new WebSocket(`ws://${link.host}${target}`, ['nbsvm', `key.${key}`], { headers, perMessageDeflate: false }),
  }
}

/** Puts this process in QEMU's place: the VM is there and waits, but the name of its socket leads here. */
async function withPeer(folder: string, name: string, measure: (peer: Server) => Promise<number>): Promise<number> {
  process.chdir(folder)
  rmSync(name, { force: true })
  const server = createServer().listen(name)
  try {
    return await measure(server)
  } finally {
    server.close()
  }
}

function connected(server: Server): Promise<Socket> {
  return new Promise((resolve) => server.once('connection', resolve))
}

/** Median time of a key to the guest and of its echo, in ms. */
async function latencyOnPage(page: Page, peer: Server): Promise<number> {
  const guest = connected(peer)
  const socket = page.open('/api/vms/foo/console')
  echo(await guest)
  // What was said before, and how it stands.
  await pause(300)
  const times = await delays(
    () => socket.send(Buffer.from('x')),
    () => new Promise((resolve) => socket.once('message', resolve)),
  )
  socket.terminate()
  return times
}

async function latencyOnTerminal(world: World, peer: Server): Promise<number> {
  const guest = connected(peer)
  const terminal = spawn('socat', ['-', `EXEC:${program} foo console,pty,setsid,ctty`], {
    env: world.env,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const ended = new Promise((resolve) => terminal.once('exit', resolve))
  echo(await guest)
  terminal.stdout.resume()
  await pause(300)
  const times = await delays(
    () => void terminal.stdin.write('x'),
    () => new Promise((resolve) => terminal.stdout.once('data', resolve)),
  )
  terminal.stdin.end('\u001D')
  await ended
  return times
}

function echo(guest: Socket): void {
  guest.setNoDelay(true).on('data', (bytes: Buffer) => guest.write(bytes))
}

async function delays(send: () => void, answered: () => Promise<unknown>): Promise<number> {
  const times: number[] = []
  for (let key = 0; key < keys; key++) {
    const begin = performance.now()
    const answer = answered()
    send()
    await answer
    times.push(performance.now() - begin)
  }
  return median(times)
}

/** MB/s from the first byte that a page gets to the last. */
async function throughput(peer: Server, open: () => WebSocket | Promise<WebSocket>): Promise<number> {
  const guest = connected(peer)
  const socket = await open()
  let [begin, bytes] = [0, 0]
  const done = new Promise<number>((resolve) => {
    socket.on('message', (data: Buffer) => {
      begin ||= performance.now()
      bytes += data.length
      if (bytes >= floodBytes) resolve(performance.now())
    })
  })
  const vnc = await guest
  vnc.on('error', () => {})
  for (let sent = 0; sent < floodBytes; sent += piece.length) {
    if (!vnc.write(piece)) await new Promise((resolve) => vnc.once('drain', resolve))
  }
  const end = await done
  socket.terminate()
  vnc.destroy()
  return floodBytes / 1e6 / ((end - begin) / 1000)
}

const theirPort = 6099

/** A websockify for one connection, and a client of it. */
async function websockify(world: World, target: string): Promise<WebSocket> {
  const words = ['--run-once', `--unix-target=${target}`, `127.0.0.1:${theirPort}`]
  const child: ChildProcess = spawn('websockify', words, { env: world.env, stdio: 'ignore' })
  world.atEnd(() => child.kill('SIGKILL'))
  for (let tries = 0; ; tries++) {
    await pause(200)
    const socket = new WebSocket(`ws://127.0.0.1:${theirPort}`, ['binary'], { perMessageDeflate: false })
    try {
      await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
      return socket
    } catch (error) {
      if (tries === 50) throw error
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
