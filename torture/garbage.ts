// What QEMU, a guest's agent and a web server answer, when a guest has taken them over: cut off, slow, far too long, for somebody else, without end. Each
// question ends by its deadline, in bounded memory, with an answer that was checked or a Failure.
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import os from 'node:os'
import { Failure } from '../src/core/errors.js'
import { withAgent } from '../src/guest/agent.js'
import { withQmp } from '../src/qemu/qmp.js'
import { httpGet } from '../src/sys/http.js'
import { kinds, type Kind } from './badreplies.js'
import type { Random } from './random.js'
import type { Job, Row } from './row.js'

const mostRss = 150 * 2 ** 20
const deadlineMs = 150
/** What comes on top of a deadline: connecting, a handshake, a machine that does other things too. */
const graceMs = 3000
/** So many at once. */
const asking = 8

export const garbage: Row = {
  name: 'garbage',
  what: 'QMP, agent and http garbage: truncated, slow, 100 MB, wrong ids, never-ending',
  minutes: 15,
  run: (job) => askAll(job),
}

interface Asked {
  readonly name: string
  readonly ask: (kind: Kind, random: Random) => Promise<unknown>
}

async function askAll(job: Job): Promise<void> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-garbage-'))
  const sides = [qmpSide(folder), agentSide(folder), await httpSide()]
  const counts = new Map<string, number>()
  let [most, slowest] = [0, 0]
  const watch = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 20)
  const strays: unknown[] = []
  const stray = (error: unknown): void => void strays.push(error)
  process.on('uncaughtException', stray).on('unhandledRejection', stray)
  const turns = job.turns(10_000, 400)[Symbol.iterator]()
  const often = kinds.filter(({ isRare }) => isRare !== true)
  const rare = kinds.filter(({ isRare }) => isRare === true)
  const call = async (): Promise<void> => {
    for (let turn = turns.next(); turn.done !== true; turn = turns.next()) {
      const { random } = turn.value
      const kind = random.pick(random.below(40) === 0 ? rare : often)
      const side = random.pick(sides)
      const begun = performance.now()
      const fault = await judged(side.ask(kind, random))
      const ms = performance.now() - begun
      slowest = Math.max(slowest, ms)
      counts.set(side.name, (counts.get(side.name) ?? 0) + 1)
      if (fault !== undefined) job.found(`${side.name}, ${kind.name}: ${fault}`)
      if (ms > deadlineMs + graceMs) job.found(`${side.name}, ${kind.name}: ${ms.toFixed(0)} ms`)
    }
  }
  try {
    await Promise.all(Array.from({ length: asking }, call))
  } finally {
    clearInterval(watch)
    process.off('uncaughtException', stray).off('unhandledRejection', stray)
    for (const { close } of sides) close()
    fs.rmSync(folder, { recursive: true, force: true })
  }
  for (const error of strays) job.found(`thrown where nobody waits: ${String(error)}`)
  if (most > mostRss) job.found(`${(most / 2 ** 20).toFixed(0)} MB of memory`)
  const told = [...counts].map(([side, times]) => `${side} ${times}`).join(', ')
  job.done(`${told}; the longest took ${slowest.toFixed(0)} ms of ${deadlineMs} + ${graceMs}, ${(most / 2 ** 20).toFixed(0)} MB`)
  job.note('passt and swtpm are not asked anything by nbsvm: their lives are seen by locks')
}

/** What is wrong with how it ended; an answer and a Failure are both right. */
async function judged(asked: Promise<unknown>): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('it did not end'), deadlineMs + 10 * graceMs)
  })
  try {
    return await Promise.race([asked.then(() => undefined), late])
  } catch (error) {
    // Of the system (EPIPE, ECONNRESET) or our own: somebody says what was wrong. A TypeError is a shape that nobody looked at.
    const isOurs =
      error instanceof Failure || (error instanceof Error && /^(Error|Silence|Qmp\w+|TimeoutError)$/.test(error.name))
    return isOurs ? undefined : String(error instanceof Error ? error.stack : error)
  } finally {
    clearTimeout(timer)
  }
}

interface Side extends Asked {
  readonly close: () => void
}

/** Serves on a new socket for each question, so that none meets another's bytes. */
function unixSide(
  folder: string,
  name: string,
  begin: (socket: net.Socket, kind: Kind, random: Random) => void,
  ask: (file: string) => Promise<unknown>,
): Side {
  let count = 0
  return {
    name,
    close: () => {},
    ask: async (kind, random) => {
      const file = path.join(folder, `${name}-${++count}`)
      const open = new Set<net.Socket>()
      const server = net.createServer((socket) => {
        open.add(socket)
        socket.on('error', () => {})
        begin(socket, kind, random)
      })
      await new Promise<void>((resolve) => server.listen(file, resolve))
      try {
        return await ask(file)
      } finally {
        for (const socket of open) socket.destroy()
        server.close()
      }
    },
  }
}

function onLines(socket: net.Socket, take: (line: { execute: string; id?: number; arguments?: { id?: number } }) => void): void {
  let text = ''
  socket.setEncoding('latin1').on('data', (piece: string) => {
    text += piece.replaceAll('\u00FF', '')
    const lines = text.split('\n')
    text = lines.pop() ?? ''
    for (const line of lines) take(JSON.parse(line) as { execute: string; id?: number; arguments?: { id?: number } })
  })
}

const greeting = '{"QMP": {"version": {"qemu": {"micro": 0, "minor": 0, "major": 9}, "package": ""}, "capabilities": []}}\r\n'

function beginQmp(socket: net.Socket, kind: Kind, random: Random): void {
  if (random.below(5) === 0) return kind.says(socket, 1, random)
  socket.write(greeting)
  onLines(socket, ({ execute, id }) => {
    if (execute === 'qmp_capabilities') socket.write(`{"return": {}, "id": ${id}}\r\n`)
    else kind.says(socket, id, random)
  })
}

function qmpSide(folder: string): Side {
  return unixSide(folder, 'qmp', beginQmp, (file) =>
    withQmp(file, { timeoutMs: deadlineMs }, async (qmp) => [
      await qmp.execute('query-status'),
      await qmp.execute('query-block'),
    ]),
  )
}

function beginAgent(socket: net.Socket, kind: Kind, random: Random): void {
  const isHonest = random.below(4) > 0
  onLines(socket, ({ execute, arguments: given }) => {
    if (execute === 'guest-sync-delimited' && isHonest) socket.write(Buffer.from(`\u00FF{"return": ${given?.id}}\n`, 'latin1'))
    else kind.says(socket, given?.id, random)
  })
}

function agentSide(folder: string): Side {
  const limits = { timeoutMs: deadlineMs, silenceMs: deadlineMs }
  return unixSide(folder, 'agent', beginAgent, (file) =>
    withAgent(file, { handshakeMs: deadlineMs }, async (agent) => [
      await agent.ask('guest-get-osinfo', {}, limits),
      await agent.ask('guest-network-get-interfaces', {}, limits),
    ]),
  )
}

/** One server: which kind a connection gets is said by the path that it asks for. */
async function httpSide(): Promise<Side> {
  const waiting = new Map<string, { kind: Kind; random: Random }>()
  const open = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    open.add(socket)
    socket.on('error', () => {}).on('close', () => open.delete(socket))
    socket.once('data', (bytes) => {
      const name = /^GET \/(\d+)/.exec(bytes.toString('latin1'))?.[1] ?? ''
      const asked = waiting.get(name)
      if (asked === undefined) return void socket.destroy()
      const { kind, random } = asked
      if (random.below(2) === 0)
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${random.pick(['5', '99999999999', '-1', 'x', '0'])}\r\n\r\n`)
      kind.says(socket, 0, random)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  let count = 0
  return {
    name: 'http',
    close: () => {
      for (const socket of open) socket.destroy()
      server.close()
    },
    ask: async (kind, random) => {
      const name = String(++count)
      waiting.set(name, { kind, random })
      const url = new URL(`http://127.0.0.1:${port}/${name}`)
      const signal = AbortSignal.timeout(deadlineMs)
      const answer = await httpGet({ url, headers: {}, certificates: [], silenceMs: deadlineMs, signal })
      let bytes = 0
      try {
        for await (const piece of answer.body) bytes += piece.length
      } finally {
        answer.close()
        waiting.delete(name)
      }
      return bytes
    },
  }
}
