import type * as net from 'node:net'
import path from 'node:path'
import { close, open } from './file.js'

export type Socket = net.Socket
export type Server = net.Server

// node:net takes 3 ms to load, which `ls` need not pay.
const load = (): typeof net => process.getBuiltinModule('node:net')

/**
 * Connects to a unix socket, however long its path: Node silently cuts paths at 107 bytes, so the folder is opened
 * first and the socket reached through /proc/self/fd. Rejects with the system's error.
 */
export function connect(file: string): Promise<Socket> {
  const folder = open(path.dirname(file), 'read')
  return new Promise((resolve, reject) => {
    const socket = load().connect(`/proc/self/fd/${folder}/${path.basename(file)}`)
    close(folder)
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
  })
}

/** Listens on a port of the loopback address. Rejects with `EADDRINUSE` when it is taken. */
export function listenLocal(port: number, onConnection: (socket: Socket) => void): Promise<net.Server> {
  const server = load().createServer(onConnection)
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: '127.0.0.1', port }, () => resolve(server))
  })
}
