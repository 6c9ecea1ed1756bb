// The client of the guest agent against agents that lie, flood, drip, stop, or hand over what was meant for somebody else.
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import type net from 'node:net'
import { test, type TestContext } from 'node:test'
import { Failure } from '../src/core/errors.js'
import { AgentRefused, AgentSilent, withAgent, type Turn } from '../src/guest/agent.js'
import { readGuestFile, writeGuestFile } from '../src/guest/files.js'
import { runProgram } from '../src/guest/program.js'
import { agentShell } from '../src/guest/shell.js'
import { refuse, say, serveAgent, shake, type Answer } from './support/agent.js'

const ask = (file: string, options = {}): Promise<{ pid: number }> =>
  withAgent(file, { handshakeMs: 5000 }, (agent) => agent.ask('guest-exec', {}, options))

/** Turns with the agent that answers so. */
async function turns(context: TestContext, answer: Answer): Promise<Turn> {
  const file = await serveAgent(context, answer)
  return (work) => withAgent(file, {}, work)
}

/** Writes until nobody reads any more. */
function flood(socket: net.Socket, piece: Buffer): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(piece));
  }
  socket.on('drain', more)
  more()
}

test('an honest agent is understood, an answer in pieces and a character cut in two', async (context) => {
  const file = await serveAgent(context, (socket) => {
    const bytes = Buffer.from('{"return": {"pid": 7, "x": "ö🥊"}}\n')
    for (const [at, byte] of bytes.entries()) setTimeout(() => socket.write(Buffer.from([byte])), at)
  })
  assert.deepEqual(await ask(file), { pid: 7 })
})

test('what was meant for a client before is thrown away: answers, errors, 3 MB of them, and another handshake', async (context) => {
  const stale = `{"return": {"out-data": "${'QUJD'.repeat(750_000)}"}}\n{"error": {"class": "GenericError", "desc": "stray"}}\n`
  let isShaken = false
  const file = await serveAgent(
    context,
    (socket, request) => {
      // Whoever takes another's number for its own asks too soon, and gets another's answer.
      if (request.execute !== 'guest-sync-delimited') return isShaken ? say(socket, { pid: 8 }) : undefined
      socket.write(stale)
      shake(socket, request, 5)
      shake(socket, request, '"x"')
      setTimeout(() => {
        socket.write('{"return": {"pid": 6}}\nhalf of an ans')
        shake(socket, request)
        isShaken = true
      }, 50)
    },
    { shakes: false },
  )
  assert.deepEqual(await ask(file), { pid: 8 })
})

test('a handshake that was lost is tried again', async (context) => {
  let tries = 0
  const file = await serveAgent(
    context,
    (socket, request) => {
      if (request.execute !== 'guest-sync-delimited') say(socket, { pid: tries })
      else if (++tries === 2) shake(socket, request)
    },
    { shakes: false },
  )
  assert.deepEqual(await ask(file), { pid: 2 })
})

test('an agent that floods the handshake is given up, and costs no memory', async (context) => {
  const file = await serveAgent(context, (socket) => flood(socket, Buffer.alloc(64 * 1024, '\u00FFx')), { shakes: false })
  const before = process.memoryUsage().rss
  await assert.rejects(
    withAgent(file, { handshakeMs: 600 }, () => Promise.resolve()),
    AgentSilent,
  )
  assert.ok(process.memoryUsage().rss - before < 100 * 1024 ** 2)
})

test('an answer of 100 MB and more is refused as soon as it is too long', async (context) => {
  const file = await serveAgent(context, (socket) => flood(socket, Buffer.alloc(64 * 1024, 'x')))
  await assert.rejects(ask(file), /the guest agent's answer is longer than 1048576 bytes/)
})

test('an answer that drips, and one that never comes, are not waited for any longer', async (context) => {
  const drips = await serveAgent(context, (socket) => void setInterval(() => socket.write(' '), 20).unref())
  await assert.rejects(ask(drips, { timeoutMs: 500 }), /did not answer guest-exec within 500 ms/)
  const silent = await serveAgent(context, () => {})
  await assert.rejects(ask(silent, { silenceMs: 300 }), AgentSilent)
})

test('who knows why there is no answer is asked, and says it', async (context) => {
  const file = await serveAgent(context, () => {}, { shakes: false })
  const whyNot = (): Promise<Failure> => Promise.resolve(new Failure('it is paused'))
  const begun = performance.now()
  await assert.rejects(
    withAgent(file, { whyNot }, () => Promise.resolve()),
    /it is paused/,
  )
  assert.ok(performance.now() - begun < 1000)
})

test('garbage, an answer of another shape, a refusal and a connection that is cut are four different errors', async (context) => {
  const serve = (answer: Answer): Promise<string> => serveAgent(context, answer)
  await assert.rejects(ask(await serve((socket) => socket.write('\u0000\u001B[31m{{{\n'))), /is not JSON/)
  await assert.rejects(ask(await serve((socket) => say(socket, { pid: 'x' }))), /answer to guest-exec is not one/)
  await assert.rejects(ask(await serve((socket) => refuse(socket, 'no \u001B]52;c;x\u0007'))), (error) => {
    assert.ok(error instanceof AgentRefused)
    assert.equal(error.desc, 'no ?]52;c;x?')
    return true
  })
  await assert.rejects(ask(await serve((socket) => socket.destroy())), AgentSilent)
})

test('giving up while the agent is waited for ends the wait, and leaves no listener', async (context) => {
  const file = await serveAgent(context, () => {}, { shakes: false })
  const { signal } = new AbortController()
  const aborted = AbortSignal.timeout(50)
  await assert.rejects(
    withAgent(file, { signal: aborted }, () => Promise.resolve()),
    { name: 'TimeoutError' },
  )
  await assert.rejects(
    withAgent(file, { signal, handshakeMs: 100 }, () => Promise.resolve()),
    AgentSilent,
  )
  assert.equal(getEventListeners(signal, 'abort').length, 0)
})

const notRun = (path: string, why: string): string =>
  `Guest agent command failed, error was 'Failed to execute child process “${path}” (${why})'`

test('a program: arguments as they are, status, signal, and what a shell says of one that is not there', async (context) => {
  const seen: unknown[] = []
  const turn = await turns(context, (socket, request) => {
    const args = request.arguments ?? {}
    if (request.execute === 'guest-get-osinfo') return say(socket, { id: 'debian' })
    if (request.execute === 'guest-exec') {
      seen.push(args)
      if (args['path'] === 'nosuch') return refuse(socket, notRun('nosuch', 'No such file or directory'))
      if (args['path'] === '/etc') return refuse(socket, notRun('/etc', 'Permission denied'))
      return say(socket, { pid: args['path'] === 'killed' ? 2 : 1 })
    }
    const ended = args['pid'] === 2 ? { signal: 9 } : { exitcode: 7, 'out-data': 'b3V0', 'err-data': 'ZXJy' }
    return say(socket, { exited: true, ...ended })
  })
  const ended = await runProgram(turn, { words: ['x', ' a b', '', '\'"\\', 'zwölf'], input: Buffer.from('in') })
  assert.deepEqual([ended.status, String(ended.stdout), String(ended.stderr)], [7, 'out', 'err'])
  const { path, arg, 'input-data': input } = seen[0] as Record<string, unknown>
  assert.deepEqual([path, arg, input], ['x', [' a b', '', '\'"\\', 'zwölf'], 'aW4='])
  assert.equal((await runProgram(turn, { words: ['killed'] })).status, 137)
  assert.equal((await runProgram(turn, { words: ['nosuch'] })).status, 127)
  assert.equal((await runProgram(turn, { words: ['/etc'] })).status, 126)
})

test('a program whose agent was started again is told as lost', async (context) => {
  const turn = await turns(context, (socket, { execute }) => {
    if (execute === 'guest-exec-status') refuse(socket, "Invalid parameter 'pid'")
    else say(socket, execute === 'guest-exec' ? { pid: 1 } : {})
  })
  await assert.rejects(runProgram(turn, { words: ['x'] }), /was started again meanwhile/)
})

test('giving up while a program runs ends it in the guest', async (context) => {
  const started: unknown[] = []
  const turn = await turns(context, (socket, { execute, arguments: args }) => {
    if (execute === 'guest-exec') started.push(args?.['arg'])
    const isKilled = started.length > 1
    const status = isKilled ? { exited: true, signal: 15 } : { exited: false }
    say(socket, execute === 'guest-exec' ? { pid: 40 + started.length } : execute === 'guest-exec-status' ? status : {})
  })
  const reason = new Failure('interrupted')
  const controller = new AbortController()
  setTimeout(() => controller.abort(reason), 100)
  await assert.rejects(runProgram(turn, { words: ['sleep', '100'] }, { signal: controller.signal }), reason)
  assert.deepEqual((started[1] as string[]).slice(2), ['sh', '41', '2'])
  started.length = 0
  const ended = await runProgram(turn, { words: ['sleep', '100'] }, { timeoutMs: 100 })
  assert.deepEqual([ended.status, ended.isTimedOut], [124, true])
})

test('a file that never ends is read until somebody gives up; one that gives nothing has ended', async (context) => {
  let closed = 0
  const answer =
    (read: unknown): Answer =>
    (socket, { execute }) => {
      if (execute === 'guest-file-close') closed++
      say(socket, execute === 'guest-file-open' ? 1000 : execute === 'guest-file-read' ? read : {})
    }
  const signal = AbortSignal.timeout(200)
  const endless = await turns(context, answer({ count: 3, 'buf-b64': 'QUJD', eof: false }))
  await assert.rejects(
    readGuestFile(endless, '/x', () => {}, signal),
    { name: 'TimeoutError' },
  )
  assert.equal(closed, 1)
  await readGuestFile(await turns(context, answer({ count: 0, 'buf-b64': '', eof: false })), '/x', () => {})
  assert.equal(closed, 2)
})

test('a guest that takes more than it was given, or nothing, does not have the file', async (context) => {
  for (const count of [0, 4]) {
    const turn = await turns(context, (socket, { execute }) => say(socket, execute === 'guest-file-open' ? 1000 : { count }))
    await assert.rejects(writeGuestFile(turn, '/x', [Buffer.from('abc')]), /the guest took . of 3 bytes/)
  }
})

test('a script that never stops complaining costs no memory', async (context) => {
  const piece = Buffer.alloc(1024 ** 2, 'no!').toString('base64')
  let left = 200
  let opened: number | undefined
  const turn = await turns(context, (socket, { execute, arguments: { handle, path } = {} }) => {
    if (execute === 'guest-exec') say(socket, { pid: 1 })
    else if (execute === 'guest-exec-status')
      say(socket, {
        exited: true,
        exitcode: opened === undefined ? 0 : 1,
        'out-data': Buffer.from('/tmp/x\n').toString('base64'),
      })
    else if (execute === 'guest-file-open') say(socket, (opened = path === '/tmp/x/err' ? 2 : 1))
    else if (execute === 'guest-file-read' && handle === 2) say(socket, { count: 1024 ** 2, 'buf-b64': piece, eof: --left === 0 })
    else if (execute === 'guest-file-read') say(socket, { count: 0, 'buf-b64': '', eof: true })
    else say(socket, execute === 'guest-get-osinfo' ? { id: 'debian' } : {})
  })
  const before = process.memoryUsage().arrayBuffers
  let most = 0
  const look = setInterval(() => (most = Math.max(most, process.memoryUsage().arrayBuffers - before)), 10)
  const shell = agentShell(turn, undefined)
  await assert.rejects(shell({ text: '', words: [], saysMuch: true }), /no!no!/).finally(() => clearInterval(look))
  assert.ok(most < 160 * 1024 ** 2, `${most} bytes`)
})
