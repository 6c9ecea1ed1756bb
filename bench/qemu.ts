// QEMU without nbsvm: the floor under `nbsvm VM start`, timed in this process, which has loaded all it needs.
import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import path from 'node:path'
import type { World } from './world.js'

/** The lines that `explain` prints for bash: the log keeper, which reads what QEMU writes, and QEMU. */
export function commandsOf(world: World, ...words: readonly string[]): string {
  const explained = JSON.parse(world.nbsvm(...words, 'explain', '--json')) as { readonly commands: readonly string[] }
  return explained.commands.join('\n')
}

/** Starts QEMU in a drawer and leaves it running; resolves when it is there. */
export async function startRaw(commands: string, drawer: string, as: World['as'] = {}): Promise<void> {
  const { socket, qemu } = await begin(commands, drawer, as)
  socket.destroy()
  qemu.unref()
}

/** Starts QEMU in a drawer and returns how long it took until its QMP answered `query-status`, in ms. Ends it again. */
export async function timeRaw(commands: string, drawer: string, as: World['as'] = {}): Promise<number> {
  const { ms, socket, ended } = await begin(commands, drawer, as)
  socket.write('{"execute":"quit"}')
  await ended
  socket.destroy()
  return ms
}

async function begin(commands: string, drawer: string, as: World['as']) {
  rmSync(path.join(drawer, 'run/qmp.sock'), { force: true })
  // Node cuts the paths of sockets at 107 bytes.
  process.chdir(path.join(drawer, 'run'))
  const started = performance.now()
  const qemu = spawn('bash', ['-c', commands], { detached: true, stdio: 'ignore', ...as })
  const ended = new Promise((resolve, reject) => qemu.on('error', reject).on('exit', resolve))
  const failed = ended.then((status) => Promise.reject(new Error(`QEMU ended with status ${String(status)}`)))
  failed.catch(() => {})
  const socket = await Promise.race([reach('qmp.sock'), failed])
  await Promise.race([answers(socket, 'qmp_capabilities', 'query-status'), failed])
  const ms = performance.now() - started
  return { ms, socket, ended, qemu }
}

/** Connects as soon as somebody listens. */
async function reach(name: string): Promise<Socket> {
  for (;;) {
    const socket = connect(name)
    const isThere = await new Promise((resolve) =>
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false)),
    )
    if (isThere === true) return socket
    await new Promise((resolve) => setTimeout(resolve, 0.5))
  }
}

/** Sends commands and waits until each is answered. */
function answers(socket: Socket, ...commands: readonly string[]): Promise<void> {
  for (const command of commands) socket.write(JSON.stringify({ execute: command }))
  let text = ''
  return new Promise((resolve, reject) => {
    socket.on('error', reject).on('data', (bytes: Buffer) => {
      text += bytes.toString()
      if (text.split('"return"').length > commands.length) resolve()
    })
  })
}
