// Answers that no honest program gives.
import type net from 'node:net'
import type { Random } from './random.js'

/** Says something on a connection; `id` is that of the question. */
type Says = (socket: net.Socket, id: unknown, random: Random) => void

export interface Kind {
  readonly name: string
  /** How often, of 100; else now and then: these take their whole deadline, or move 100 MB. */
  readonly isRare?: boolean
  readonly says: Says
}

const reply = (id: unknown, value: unknown): string => `${JSON.stringify({ return: value, id })}\r\n`
const values: readonly unknown[] = [
  null,
  [],
  {},
  0,
  -1,
  1e308,
  '',
  'x',
  true,
  [[[]]],
  { status: 5 },
  { status: 'x'.repeat(5000) },
  { pid: '1' },
  { pid: -1 },
  { running: 'yes' },
  { __proto__: { status: 'running' } },
  { constructor: 1 },
  { status: '\u001B]52;c;x\u0007' },
  { status: null },
]

function flood(socket: net.Socket, piece: Buffer, mostBytes: number): void {
  let sent = 0
  const more = (): void => {
    while (!socket.destroyed && sent < mostBytes) {
      sent += piece.length
      if (!socket.write(piece)) return
    }
  }
  socket.on('drain', more)
  more()
}

export const kinds: readonly Kind[] = [
  { name: 'another shape', says: (socket, id, random) => socket.write(reply(id, random.pick(values))) },
  { name: 'a wrong id', says: (socket, _, random) => socket.end(reply(random.pick([0, 4711, -1, 'x', null, {}, 2 ** 60]), {})) },
  { name: 'no id', says: (socket) => socket.end('{"return": {}}\r\n') },
  {
    name: 'truncated',
    says: (socket, id, random) => {
      const whole = reply(id, { status: 'running', pid: 7, running: true })
      socket.end(whole.slice(0, random.below(whole.length)))
    },
  },
  {
    name: 'bits that are wrong',
    says: (socket, id, random) => {
      const bytes = Buffer.from(reply(id, { status: 'running', pid: 7 }))
      for (let times = 1 + random.below(4); times > 0; times--) bytes[random.below(bytes.length)] = random.below(256)
      socket.end(bytes)
    },
  },
  {
    name: 'noise',
    says: (socket, _, random) => socket.end(Buffer.concat([random.bytes(1 + random.below(500)), Buffer.from('\n')])),
  },
  {
    name: 'nested 100,000 deep',
    says: (socket, id) => socket.end(`{"return": ${'['.repeat(1e5)}${']'.repeat(1e5)}, "id": ${String(id)}}\n`),
  },
  {
    name: 'an error of any shape',
    says: (socket, id, random) =>
      socket.write(
        `${JSON.stringify({ error: random.pick<unknown>([1, null, [], {}, { desc: 5 }, { class: {}, desc: '\u001B[6n' }]), id })}\n`,
      ),
  },
  { name: 'twice', says: (socket, id) => socket.write(reply(id, {}) + reply(id, {})) },
  {
    name: 'among events',
    says: (socket, id, random) => {
      const event = `${JSON.stringify({ event: random.pick<unknown>(['STOP', 5, null, 'x'.repeat(9999)]), data: random.pick(values), timestamp: 1 })}\n`
      socket.write(event.repeat(50) + reply(id, { status: 'running' }))
    },
  },
  {
    name: 'a number of 100,000 digits',
    says: (socket, id) => socket.end(`{"return": {"pid": ${'9'.repeat(1e5)}}, "id": ${String(id)}}\n`),
  },
  { name: 'nothing, and the end', says: (socket) => socket.end() },
  { name: 'a connection that is cut', says: (socket) => void socket.destroy() },
  { name: 'silence', isRare: true, says: () => {} },
  {
    name: 'a byte now and then, without end',
    isRare: true,
    says: (socket) => {
      const timer = setInterval(() => socket.write(' '), 10)
      socket.on('close', () => clearInterval(timer))
    },
  },
  { name: '100 MB in one line', isRare: true, says: (socket) => flood(socket, Buffer.alloc(64 * 1024, 'x'), 100 * 2 ** 20) },
  {
    name: '100 MB of lines',
    isRare: true,
    says: (socket) => flood(socket, Buffer.from('{"event": "STOP", "data": {}}\n'.repeat(2000)), 100 * 2 ** 20),
  },
  { name: 'lines without end', isRare: true, says: (socket) => flood(socket, Buffer.from('{}\n'.repeat(9000)), Infinity) },
  {
    name: 'handshakes without end',
    isRare: true,
    says: (socket) => flood(socket, Buffer.alloc(4096, '\u00FF{"return": 5}\n', 'latin1'), Infinity),
  },
]
