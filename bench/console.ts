// The console on a terminal against socat on a terminal, both with the same peer at the other end of the socket.
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { chownSync, existsSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import path from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { inPairs, median, type Bench } from './table.js'
import type { World } from './world.js'

const floodBytes = 256 * 1024 * 1024
const keys = 300
const tailBytes = 1000

/** What a Linux says while it boots: its kernel plainly, systemd with colours. */
const kernel = [
  '[    0.412345] pci 0000:00:1f.2: [8086:2922] type 00 class 0x010601 conventional PCI endpoint',
  '[    0.413207] pci 0000:00:1f.2: BAR 4 [io  0xc040-0xc05f]',
  '[    1.035511] virtio_blk virtio1: [vda] 41943040 512-byte logical blocks (21.5 GB/20.0 GiB)',
  '[    1.873002] EXT4-fs (vda1): mounted filesystem with ordered data mode. Quota mode: none.',
]
const systemd = [
  '[\u001B[0;32m  OK  \u001B[0m] Started \u001B[0;1;39mssh.service\u001B[0m - OpenBSD Secure Shell server.',
  '[\u001B[0;32m  OK  \u001B[0m] Reached target \u001B[0;1;39mmulti-user.target\u001B[0m - Multi-User System.',
]

export const consoleBench: Bench = {
  name: 'console',
  async *rows(world) {
    world.run('socat', '-V')
    const ours = openConsole(world)
    const theirs = { ...ours, command: script(world, 'theirs', 'socat -,raw,echo=0,escape=0x1d UNIX-CONNECT:console.sock') }
    const goal = { atLeast: 0.9 }
    const floods = await inPairs(7, flood(ours), flood(theirs))
    yield { what: 'console, a guest that prints 256 MB | socat', pairs: floods, unit: 'MB/s', goal }
    const coloured = await inPairs(7, colours(ours), colours(theirs))
    yield { what: 'console, the same with colours | socat', pairs: coloured, unit: 'MB/s' }
    const delays = await inPairs(5, delay(theirs), delay(ours))
    yield { what: 'one key, there and back: socat | console', pairs: delays, unit: 'ms' }
  },
}

/** A program on a terminal, and where it finds the console's socket, which only QEMU's user makes. */
interface OnTerminal {
  readonly world: World
  readonly folder: string
  readonly owner: { readonly uid: number; readonly gid: number }
  readonly command: string
}

/** A VM that waits, and nbsvm's console of it. */
export function openConsole(world: World): OnTerminal {
  world.atEnd(() => world.nbsvm('foo', 'stop'))
  world.nbsvm('foo', 'mem=64', 'network= ', 'start', '-S')
  const folder = socketFolder(world, 'foo')
  const owner = statSync(path.join(folder, 'console.sock'))
  return { world, folder, owner, command: script(world, 'ours', `${world.program} foo console`) }
}

/** Where the sockets of a running VM's QEMU are. Before there were users of their own it was the drawer itself. */
export function socketFolder({ env }: World, vm: string): string {
  const drawer = path.join(env['NBSVM_HOME'] ?? '', 'state', vm)
  const run = path.join(drawer, 'run')
  return existsSync(run) ? run : drawer
}

// A file, because a comma in a command would be one of socat's own.
function script({ folder }: World, name: string, command: string): string {
  const file = path.join(folder, name)
  writeFileSync(file, `#!/bin/sh\nexec ${command}\n`, { mode: 0o755 })
  return file
}

interface Ends {
  /** The guest's end of the serial port. */
  readonly guest: Socket
  /** The terminal's: what is typed, and what is shown. */
  readonly keyboard: Writable
  readonly screen: Readable
}

/** On a terminal: a number of it. */
type Measure = (ends: Ends) => Promise<number>

const measuring = (measure: Measure) => (what: OnTerminal) => (): Promise<number> => withPeer(what, measure)

/**
 * Runs a command on a terminal of its own (socat makes one, for both alike) and puts this process in the guest's place: the
 * VM is there and waits, but the name of its console's socket leads here.
 */
async function withPeer({ world, folder, owner, command }: OnTerminal, measure: Measure): Promise<number> {
  process.chdir(folder)
  rmSync('console.sock', { force: true })
  const server = createServer().listen('console.sock')
  chownSync('console.sock', owner.uid, owner.gid)
  const terminal = spawn('socat', ['-', `EXEC:${command},pty,setsid,ctty`], {
    env: world.env,
    cwd: folder,
    ...world.as,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const ended = new Promise((resolve) => terminal.once('exit', resolve))
  try {
    const guest = await connected(server, terminal)
    // What is said at the begin is no part of it.
    await new Promise((resolve) => setTimeout(resolve, 300))
    return await measure({ guest, keyboard: terminal.stdin, screen: terminal.stdout })
  } finally {
    server.close()
    terminal.stdin.end('\u001D')
    await ended
  }
}

function connected(server: Server, terminal: ChildProcessByStdio<Writable, Readable, null>): Promise<Socket> {
  return new Promise((resolve, reject) => {
    server.once('connection', resolve)
    terminal.once('exit', (status) => reject(new Error(`the terminal's program ended with status ${status}`)))
  })
}

/** MB/s from the first byte on the screen to the last. */
const throughput =
  (lines: readonly string[]): Measure =>
  async ({ guest, screen }) => {
    const end = 'the end of it'
    let tail = ''
    let begin = 0
    const done = new Promise<number>((resolve) => {
      screen.on('data', (bytes: Buffer) => {
        begin ||= performance.now()
        // A program may say something behind it.
        tail = (tail + bytes.subarray(-tailBytes).toString('latin1')).slice(-tailBytes)
        if (tail.includes(end)) resolve(performance.now())
      })
    })
    const text = Buffer.from(lines.join('\r\n').concat('\r\n').repeat(200))
    for (let sent = 0; sent < floodBytes; sent += text.length) {
      if (!guest.write(text)) await new Promise((resolve) => guest.once('drain', resolve))
    }
    guest.end(`${end}\r\n`)
    return floodBytes / 1e6 / (((await done) - begin) / 1000)
  }

/** Median time of a key to the guest and of its echo to the screen, in ms. */
async function oneKey({ guest, keyboard, screen }: Ends): Promise<number> {
  guest.on('data', (bytes: Buffer) => guest.write(bytes))
  screen.resume()
  const times: number[] = []
  for (let key = 0; key < keys; key++) {
    const begin = performance.now()
    const shown = new Promise((resolve) => screen.once('data', resolve))
    keyboard.write('x')
    await shown
    times.push(performance.now() - begin)
  }
  guest.end()
  return median(times)
}

/** MB/s of what a kernel prints, and with colours; ms of one key, there and back. */
export const flood = measuring(throughput(kernel))
const colours = measuring(throughput([...kernel, ...systemd]))
export const delay = measuring(oneKey)
