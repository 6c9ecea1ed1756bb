import type * as net from 'node:net'
import path from 'node:path'
import { Failure } from '../core/errors.js'
import { isEmbedded } from './embedded.js'
import { ownUid } from './environment.js'
import { close, openPath, setMode, statOpen } from './file.js'

export type Socket = net.Socket
export type Server = net.Server

// node:net takes 3 ms to load, which `ls` need not pay.
const load = (): typeof net => process.getBuiltinModule('node:net')

/** Takes each piece that comes, which is overwritten afterwards. False: no more for now, until `resume` of the socket. */
export type TakePiece = (piece: Buffer) => boolean

/** So much is read at a time where the pieces are taken: less costs a flood half its speed. */
const pieceBytes = 64 * 1024

/**
 * Connects to a unix socket, however long its path: Node silently cuts paths at 107 bytes. The socket must have been made by
 * the owner of its folder and stand there itself: a link to a socket of somebody else's, which we may connect to and the
 * folder's owner may not, is refused. A link of our own, in a folder of our own, may lead to a socket of our own elsewhere.
 * With `take` there are no `data` events: pieces of one buffer come faster than a new buffer each time. Rejects with the
 * system's error, or a Failure for what is not such a socket.
 */
export function connect(file: string, take?: TakePiece): Promise<Socket> {
  const target = openSocket(file)
  const buffer = Buffer.alloc(take === undefined ? 0 : pieceBytes)
  const onread = take === undefined ? {} : { onread: { buffer, callback: (length: number) => take(buffer.subarray(0, length)) } }
  return new Promise((resolve, reject) => {
    const socket = load().connect({ path: `/proc/self/fd/${target}`, ...onread })
    close(target)
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
  })
}

/** Names the socket without opening it (O_PATH); what the descriptor leads to cannot be exchanged any more. */
function openSocket(file: string): number {
  const folder = openPath(path.dirname(file))
  try {
    const { uid } = statOpen(folder)
    const inside = `/proc/self/fd/${folder}/${path.basename(file)}`
    const socket = openPath(inside)
    const made = statOpen(socket)
    if (made.isSocket() && made.uid === uid) return socket
    close(socket)
    if (made.isSymbolicLink() && made.uid === uid && uid === ownUid()) {
      const leads = openPath(inside, 'follow')
      const there = statOpen(leads)
      if (there.isSocket() && there.uid === uid) return leads
      close(leads)
    }
  } finally {
    close(folder)
  }
  throw new Failure(`${file} is not a socket that the owner of its folder has made`)
}

/** Listens on a port of the loopback address. Rejects with `EADDRINUSE` when it is taken. */
export function listenLocal(port: number, onConnection: (socket: Socket) => void): Promise<net.Server> {
  const server = load().createServer(onConnection)
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: '127.0.0.1', port }, () => resolve(server))
  })
}

/** Listens on a unix socket that is made at `file`, and that only we can connect to. */
export async function listenPrivate(file: string, onConnection: (socket: Socket) => void): Promise<net.Server> {
  const server = load().createServer(onConnection)
  await listenAt(server, file)
  return server
}

/** Has a server listen on a unix socket that is made at `file`, however long its path, and that only we can connect to. */
export function listenAt(server: net.Server, file: string): Promise<void> {
  const folder = openPath(path.dirname(file))
  let isOpen = true
  const letGo = (): void => {
    if (isOpen) close(folder)
    isOpen = false
  }
  // The socket is removed by this name as well.
  server.once('close', letGo)
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      letGo()
      reject(error)
    })
    // The socket is made before `listen` returns.
    const listen = (): unknown => server.listen(`/proc/self/fd/${folder}/${path.basename(file)}`, resolve)
    if (isEmbedded()) {
      // The umask is not ours to set. Until the next line others are kept out by the folder alone.
      listen()
      setMode(file, 0o600)
      return
    }
    const umask = process.umask(0o177)
    try {
      listen()
    } finally {
      process.umask(umask)
    }
  })
}

/** Whether somebody listens on a unix socket, whoever made it. */
export function isServed(file: string): Promise<boolean> {
  const socket = openPath(file)
  return new Promise((resolve) => {
    const client = load().connect(`/proc/self/fd/${socket}`)
    const end = (isThere: boolean): void => {
      client.destroy()
      resolve(isThere)
    }
    client.once('connect', () => end(true)).once('error', () => end(false))
    close(socket)
  })
}

/** Whether nobody listens on a TCP port of the loopback address, and this user may. */
export async function isFree(port: number): Promise<boolean> {
  try {
    const server = await listenLocal(port, (socket) => socket.destroy())
    await new Promise((resolve) => server.close(resolve))
    return true
  } catch {
    return false
  }
}

export interface FirstBytesOptions {
  readonly greeting: string
  readonly length: number
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Connects to a TCP port, says `greeting` and resolves to the first `length` bytes that come. Rejects when they do not come in
 * time, or the other side ends.
 */
export function firstBytes(
  { host, port }: { readonly host: string; readonly port: number },
  { greeting, length, timeoutMs, signal }: FirstBytesOptions,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = load().connect({ host, port })
    socket.write(greeting)
    let bytes = Buffer.alloc(0)
    const end = (error: Error): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      socket.destroy()
      reject(error)
    }
    const onAbort = (): void => end(signal?.reason as Error)
    const timer = setTimeout(() => end(new Error(`nothing came within ${timeoutMs} ms`)), timeoutMs)
    signal?.addEventListener('abort', onAbort)
    socket.on('error', end).on('close', () => end(new Error('the connection was closed')))
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk])
      if (bytes.length < length) return
      resolve(bytes.subarray(0, length))
      end(new Error('done'))
    })
    if (signal?.aborted === true) onAbort()
  })
}
