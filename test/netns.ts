// A network of its own for tests of taps and bridges: a namespace with its own /sys/class/net and a tun device that every
// user may open, as udev sees to it on real machines. Nothing of it is seen outside, and it goes with its last process.
import { propagation } from './propagation.js'
import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'

export interface TestNetwork {
  /** A process inside. */
  readonly pid: number
  /** What runs a command inside: words to put before it. */
  readonly inside: readonly string[]
  /** Runs a command of the shell inside to its end and returns what it wrote; throws when it fails. */
  readonly sh: (command: string) => string
  readonly close: () => void
}

const setUp = `
  folder=$(mktemp -d)
  mount -t tmpfs none $folder
  mknod $folder/tun c 10 200
  chmod 666 $folder/tun
  mkdir -p /dev/net
  touch /dev/net/tun 2>/dev/null || true
  mount --bind $folder/tun /dev/net/tun
  umount -l $folder
  rmdir $folder
  mount -t sysfs sysfs /sys
  ip link set lo up
  ip tuntap add dev trial mode tap
  ip link delete trial
  ip link add trial type bridge
  ip link delete trial
  echo ready
  exec sleep 1000`

/** Makes a network, or returns in words why it cannot be had here. */
export async function makeNetwork(): Promise<TestNetwork | string> {
  if (process.geteuid?.() !== 0) return 'taps and network namespaces need root'
  const child = spawn('unshare', ['--mount', '--net', ...propagation(), 'sh', '-euc', setUp], { stdio: 'pipe' })
  const close = (): void => void child.kill('SIGKILL')
  let fault = ''
  const isReady = await new Promise<boolean>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => resolve(text.includes('ready')))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (fault += text))
    child.on('error', (error) => ((fault = error.message), resolve(false))).on('close', () => resolve(false))
  })
  if (!isReady) {
    close()
    return `no network namespace with taps here: ${fault.trim()}`
  }
  // Neither it nor its pipes shall keep the tests from ending.
  child.unref()
  for (const stream of [child.stdin, child.stdout, child.stderr]) (stream as net.Socket).unref()
  const inside = ['nsenter', '--target', String(child.pid), '--mount', '--net', '--root', '--wd', '--']
  const sh = (command: string): string => {
    const [enter = '', ...words] = inside
    const { status, stdout, stderr } = spawnSync(enter, [...words, 'sh', '-euc', command], { encoding: 'utf8' })
    if (status !== 0) throw new Error(`${command}: ${stderr}`)
    return stdout
  }
  return { pid: child.pid ?? 0, inside, sh, close }
}

/** How a `sudo` in PATH behaves: it refuses, or has root run what it is given. */
export interface FakeSudo {
  /** The folder to put in front of PATH. */
  readonly folder: string
  /** The words of each call so far. */
  readonly calls: () => string[]
  readonly close: () => void
}

/**
 * A sudo for a user who is not root: it hands its words to this process, which is. `prefix` is what a command is run
 * through; without it every call is refused.
 */
export async function makeSudo(parent: string, prefix?: readonly string[]): Promise<FakeSudo> {
  const folder = fs.mkdtempSync(path.join(parent, 'sudo-'))
  const calls: string[] = []
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    let request = ''
    socket
      .setEncoding('utf8')
      .on('data', (text: string) => (request += text))
      .on('end', () => {
        const words = JSON.parse(request) as string[]
        calls.push(words.join(' '))
        socket.end(JSON.stringify(answer(words, prefix)))
      })
  })
  const socketFile = path.join(folder, 'socket')
  await new Promise<void>((resolve) => server.listen(socketFile, resolve))
  fs.writeFileSync(path.join(folder, 'sudo'), sudoScript(socketFile), { mode: 0o755 })
  for (const file of [folder, socketFile]) fs.chmodSync(file, 0o777)
  return { folder, calls: () => [...calls], close: () => void server.close() }
}

interface Answer {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

function answer(words: readonly string[], prefix: readonly string[] | undefined): Answer {
  if (prefix === undefined) return { status: 1, stdout: '', stderr: 'sudo: a password is required\n' }
  const [program = '', ...rest] = [...prefix, ...words.slice(words.indexOf('--') + 1)]
  const { status, stdout, stderr } = spawnSync(program, rest, { encoding: 'utf8' })
  return { status, stdout, stderr }
}

function sudoScript(socketFile: string): string {
  return `#!${process.execPath}
const socket = require('node:net').connect(${JSON.stringify(socketFile)})
let text = ''
socket.on('data', (bytes) => (text += bytes)).on('end', () => {
  const { status, stdout, stderr } = JSON.parse(text)
  process.stdout.write(stdout)
  process.stderr.write(stderr)
  process.exitCode = status
})
socket.end(JSON.stringify(process.argv.slice(2)))
`
}
