// A guest agent for tests, on a socket as QEMU's: it does what it is told to, honest or not.
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'

export interface Request {
  readonly execute: string
  readonly arguments?: Readonly<Record<string, unknown>>
}

/** Gets each command, and says what it likes. */
export type Answer = (socket: net.Socket, request: Request) => void

/** Listens until the test ends; returns the socket's path. `answer` gets handshakes too where `shakes` is false. */
export async function serveAgent(context: TestContext, answer: Answer, { shakes = true } = {}): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'nbsvm-agent-'))
  const open = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    open.add(socket)
    socket.on('error', () => {})
    let text = ''
    socket.setEncoding('latin1').on('data', (piece: string) => {
      text += piece
      const lines = text.split('\n')
      text = lines.pop() ?? ''
      for (const line of lines) {
        const request = JSON.parse(Buffer.from(line.replaceAll('\u00FF', ''), 'latin1').toString()) as Request
        if (shakes && request.execute === 'guest-sync-delimited') shake(socket, request)
        else answer(socket, request)
      }
    })
  })
  const file = path.join(folder, 'agent.sock')
  server.listen(file)
  await once(server, 'listening')
  context.after(() => {
    for (const socket of open) socket.destroy()
    server.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return file
}

/** The answer to a handshake, `id` in place of its own where one is given. */
export function shake(socket: net.Socket, request: Request, id: unknown = request.arguments?.['id']): void {
  socket.write(Buffer.from(`\u00FF{"return": ${String(id)}}\n`, 'latin1'))
}

export function say(socket: net.Socket, value: unknown): void {
  socket.write(`${JSON.stringify({ return: value })}\n`)
}

export function refuse(socket: net.Socket, desc: string, kind = 'GenericError'): void {
  socket.write(`${JSON.stringify({ error: { class: kind, desc } })}\n`)
}
