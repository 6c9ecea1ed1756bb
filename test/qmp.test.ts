// QMP sessions: against a server on a real socket that misbehaves on purpose, and against QEMU itself.
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { getEventListeners, once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, test, type TestContext } from 'node:test'
import { Failure } from '../src/core/errors.js'
import { connectQmp, QemuEnded, QmpDisconnected, QmpError, withQmp } from '../src/qemu/qmp.js'

const greeting =
  '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian"}, "capabilities": ["oob"]}}\r\n'

interface Request {
  readonly execute: string
  readonly id: number
}

let folder: string
before(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-qmp-'))
})
after(() => fs.rmSync(folder, { recursive: true, force: true }))

let sockets = 0
const newSocket = (): string => path.join(folder, `${++sockets}.sock`)

type Answer = (socket: net.Socket, request: Request) => void

/** A server that greets, agrees to the negotiation and leaves all else to `answer`. Ends with the test. */
async function serve(
  context: TestContext,
  answer: Answer,
  options: { greet?: (socket: net.Socket) => void } = {},
): Promise<string> {
  const open = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    open.add(socket)
    socket.on('error', () => {})
    ;(options.greet ?? ((to: net.Socket) => to.write(greeting)))(socket)
    let text = ''
    socket.on('data', (piece) => {
      text += piece.toString()
      const lines = text.split('\n')
      text = lines.pop() ?? ''
      for (const line of lines) {
        const request = JSON.parse(line) as Request
        if (request.execute === 'qmp_capabilities') socket.write(`{"return": {}, "id": ${request.id}}\r\n`)
        else answer(socket, request)
      }
    })
  })
  const file = newSocket()
  server.listen(file)
  await once(server, 'listening')
  context.after(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  return file
}

const status = (id: number, word = 'running'): string =>
  `{"return": {"status": "${word}", "singlestep": false, "running": true}, "id": ${id}}\r\n`

const timeoutMs = 5000

const greetSlowly = (socket: net.Socket): void => {
  setTimeout(() => socket.write(greeting.slice(0, 20)), 30)
  setTimeout(() => socket.write(greeting.slice(20)), 60)
}

const messageOfCause = (error: unknown): string => (error instanceof Error ? String(error.cause) : '')

describe('a server that misbehaves', () => {
  test('an answer that comes byte by byte, a character split in two, is put together', async (context) => {
    const file = await serve(context, (socket, { id }) => {
      const bytes = Buffer.from(`{"return": "zwölf Boxkämpfer 🥊", "id": ${id}}\r\n`)
      let at = 0
      const timer = setInterval(() => {
        socket.write(bytes.subarray(at, ++at))
        if (at === bytes.length) clearInterval(timer)
      }, 0)
    })
    const text = await withQmp(file, { timeoutMs }, (qmp) => qmp.execute('human-monitor-command', { 'command-line': 'x' }))
    assert.equal(text, 'zwölf Boxkämpfer 🥊')
  })

  test('a greeting that comes late and in pieces is waited for', async (context) => {
    const file = await serve(context, (socket, { id }) => socket.write(status(id)), { greet: greetSlowly })
    await withQmp(file, { timeoutMs }, async (qmp) => {
      assert.equal((await qmp.execute('query-status')).status, 'running')
    })
  })

  test('pipelined calls get their own answers, in whatever order and together with events', async (context) => {
    const requests: Request[] = []
    const file = await serve(context, (socket, request) => {
      requests.push(request)
      if (requests.length < 3) return
      const event = '{"timestamp": {"seconds": 1, "microseconds": 2000}, "event": "RESUME", "data": {"offset": 7}}\r\n'
      socket.write(
        event +
          requests
            .toReversed()
            .map(({ id, execute }) => `{"return": {"was": "${execute}"}, "id": ${id}}\r\n`)
            .join(''),
      )
    })
    await withQmp(file, { timeoutMs }, async (qmp) => {
      const seen = qmp.waitFor('RESUME', { timeoutMs })
      const answers = await Promise.all([qmp.execute('stop'), qmp.execute('cont'), qmp.execute('quit')])
      assert.deepEqual(answers, [{ was: 'stop' }, { was: 'cont' }, { was: 'quit' }])
      assert.deepEqual(await seen, { name: 'RESUME', data: { offset: 7 }, atMs: 1002 })
    })
  })

  test('a refusal carries what was sent and what came', async (context) => {
    const file = await serve(context, (socket, { id }) =>
      socket.write(`{"id": ${id}, "error": {"class": "DeviceNotFound", "desc": "Device 'd9' not found"}}\r\n`),
    )
    const refused = withQmp(file, { timeoutMs }, (qmp) => qmp.execute('block_resize', { device: 'd9', size: 512 }))
    await assert.rejects(refused, (error) => {
      assert.ok(error instanceof QmpError)
      assert.equal(error.class, 'DeviceNotFound')
      assert.equal(error.message, "QEMU refused block_resize: Device 'd9' not found")
      assert.match(error.sent, /"execute":"block_resize","arguments":\{"device":"d9","size":512\}/)
      return true
    })
  })

  test('a connection that ends fails the calls that are open, and every later one', async (context) => {
    const file = await serve(context, (socket) => socket.end('{"return": '))
    await withQmp(file, { timeoutMs }, async (qmp) => {
      const event = qmp.waitFor('STOP', { timeoutMs })
      await assert.rejects(
        qmp.execute('stop'),
        (error) => error instanceof QmpDisconnected && /did not answer stop/.test(error.message),
      )
      await qmp.closed
      await assert.rejects(event, QmpDisconnected)
      await assert.rejects(
        qmp.execute('cont'),
        (error) => error instanceof QmpDisconnected && /cannot send cont/.test(error.message),
      )
      await assert.rejects(qmp.waitFor('STOP', { timeoutMs }), QmpDisconnected)
    })
  })

  for (const [name, bytes, why] of [
    ['rubbish', 'SSH-2.0-OpenSSH_9.2\r\n', /not a QMP message: "SSH-2.0/],
    ['half an object', '{"return": \r\n', /not a QMP message/],
    ['an answer to nothing', '{"return": {}, "id": 4711}\r\n', /an answer to nothing/],
    ['an error without a call', '{"error": {"class": "GenericError", "desc": "JSON parse error"}}\r\n', /JSON parse error/],
  ] as const) {
    test(`${name} in place of an answer ends the session with a quotation`, async (context) => {
      const file = await serve(context, (socket) => socket.write(bytes))
      const call = withQmp(file, { timeoutMs }, (qmp) => qmp.execute('stop'))
      await assert.rejects(call, (error) => {
        assert.ok(error instanceof QmpDisconnected)
        assert.ok(error.cause instanceof Error)
        assert.match(error.cause.message, why)
        return true
      })
    })
  }

  test('rubbish in place of the greeting is not tried again', async (context) => {
    let connections = 0
    const greet = (socket: net.Socket): void => {
      connections++
      socket.write('220 smtp\r\n')
    }
    const file = await serve(context, () => {}, { greet })
    await assert.rejects(connectQmp(file, { timeoutMs }), /cannot talk to QEMU over/)
    assert.equal(connections, 1)
  })

  test('a flood without a line end is given up', async (context) => {
    const file = await serve(context, (socket) => {
      const block = Buffer.alloc(1024 * 1024, 'x')
      const pour = (): void => {
        while (!socket.destroyed && socket.write(block));
      }
      socket.on('drain', pour)
      pour()
    })
    const call = withQmp(file, { timeoutMs }, (qmp) => qmp.execute('stop'))
    await assert.rejects(call, (error) => error instanceof Error && /a line of more than/.test(String(error.cause)))
  })

  test('a server that closes before it greets is tried again', async (context) => {
    let connections = 0
    const greet = (socket: net.Socket): void => {
      connections++
      if (connections < 4) socket.end()
      else socket.write(greeting)
    }
    const file = await serve(context, (socket, { id }) => socket.write(status(id)), { greet })
    await withQmp(file, { timeoutMs }, (qmp) => qmp.execute('query-status'))
    assert.equal(connections, 4)
  })

  test('a call that is not answered in time fails alone; its late answer is no fault', async (context) => {
    const file = await serve(context, (socket, { id, execute }) => {
      setTimeout(() => socket.write(status(id)), execute === 'stop' ? 60 : 0)
    })
    await withQmp(file, { timeoutMs }, async (qmp) => {
      await assert.rejects(qmp.execute('stop', {}, { timeoutMs: 20 }), /did not answer stop within 20 ms/)
      await new Promise((resolve) => setTimeout(resolve, 80))
      assert.equal((await qmp.execute('query-status')).status, 'running')
    })
  })

  test("the caller's signal ends a call, an event and the session, with its reason, and keeps no listener", async (context) => {
    const file = await serve(context, () => {})
    const controller = new AbortController()
    const { signal } = controller
    const reason = new Error('interrupted')
    await withQmp(file, { timeoutMs, signal }, async () => assert.equal(getEventListeners(signal, 'abort').length, 1))
    assert.equal(getEventListeners(signal, 'abort').length, 0)
    setTimeout(() => controller.abort(reason), 20)
    await assert.rejects(
      withQmp(file, { timeoutMs: 60_000, signal }, async (qmp) => {
        const event = qmp.waitFor('STOP', { timeoutMs: 60_000 })
        await assert.rejects(qmp.execute('stop'), reason)
        await assert.rejects(event, reason)
        await qmp.execute('cont')
      }),
      reason,
    )
  })

  test('each call has the time of the session, or its own', async (context) => {
    const file = await serve(context, () => {})
    await withQmp(file, { timeoutMs: 300 }, async (qmp) => {
      await assert.rejects(qmp.execute('cont', {}, { timeoutMs: 10 }), /did not answer cont within 10 ms/)
      await assert.rejects(qmp.execute('stop'), /did not answer stop within 300 ms/)
    })
  })

  test('an answer of another shape is a failure that says so', async (context) => {
    const file = await serve(context, (socket, { id }) => socket.write(`{"return": {"status": ["running"]}, "id": ${id}}\r\n`))
    await assert.rejects(
      withQmp(file, { timeoutMs }, (qmp) => qmp.execute('query-status')),
      (error) => {
        assert.ok(error instanceof Failure)
        assert.equal(
          `${error.message}: ${messageOfCause(error)}`,
          "QEMU's answer to query-status is not one: Failure: its status is not a word",
        )
        return true
      },
    )
  })

  test('a refusal that is long, speaks to the terminal or is no text is told in bounds', async (context) => {
    const descs = ['"\\u001b]52;c;x\\u0007"', `"${'x'.repeat(1_000_000)}"`, '{"toString": 5}', 'null']
    const file = await serve(context, (socket, { id }) =>
      socket.write(`{"id": ${id}, "error": {"class": {"valueOf": 1}, "desc": ${descs.shift()}}}\r\n`),
    )
    await withQmp(file, { timeoutMs }, async (qmp) => {
      for (const shown of ['?]52;c;x?', `${'x'.repeat(1000)}...`, '{"toString":5}', 'null']) {
        await assert.rejects(qmp.execute('stop'), { name: 'QmpError', message: `QEMU refused stop: ${shown}` })
      }
    })
  })

  test('waiting for an event ends after its time', async (context) => {
    const file = await serve(context, () => {})
    await withQmp(file, { timeoutMs }, async (qmp) => {
      await assert.rejects(qmp.waitFor('STOP', { timeoutMs: 20 }), /did not send STOP within 20 ms/)
    })
  })
})

describe('connecting', () => {
  test('says what was wrong when time is up: no socket, nobody listening, no greeting', async (context) => {
    const none = newSocket()
    await assert.rejects(connectQmp(none, { timeoutMs: 50 }), (error) => /there is no such socket/.test(messageOfCause(error)))
    const dead = newSocket()
    const server = net.createServer().listen(dead)
    await once(server, 'listening')
    fs.linkSync(dead, `${dead}.kept`)
    await new Promise((resolve) => server.close(resolve))
    await assert.rejects(connectQmp(`${dead}.kept`, { timeoutMs: 50 }), (error) => /nobody listens/.test(messageOfCause(error)))
    const mute = await serve(context, () => {}, { greet: () => {} })
    await assert.rejects(connectQmp(mute, { timeoutMs: 50 }), (error) => /another client holds it/.test(messageOfCause(error)))
  })

  test('a path that is no socket fails at once', async () => {
    const file = newSocket()
    fs.writeFileSync(file, '')
    const since = Date.now()
    await assert.rejects(connectQmp(path.join(file, 'x'), { timeoutMs: 60_000 }))
    assert.ok(Date.now() - since < 5000)
  })

  test('aborting ends it with the reason, and leaves no connection', async (context) => {
    const closed = new AbortController()
    const mute = await serve(context, () => {}, { greet: (socket) => void socket.on('close', () => closed.abort()) })
    const reason = new Error('interrupted')
    await assert.rejects(connectQmp(mute, { timeoutMs: 60_000, signal: AbortSignal.abort(reason) }), reason)
    const controller = new AbortController()
    setTimeout(() => controller.abort(reason), 20)
    await assert.rejects(connectQmp(mute, { timeoutMs: 60_000, signal: controller.signal }), reason)
    if (!closed.signal.aborted) await once(closed.signal, 'abort')
  })

  test('a QEMU that ended is noticed at once, with its status', async () => {
    const since = Date.now()
    const ended = new Promise<number>((resolve) => setTimeout(() => resolve(1), 50))
    await assert.rejects(connectQmp(newSocket(), { timeoutMs: 60_000, ended }), (error) => {
      assert.ok(error instanceof QemuEnded)
      assert.equal(error.qemuStatus, 1)
      return true
    })
    assert.ok(Date.now() - since < 2000)
  })

  test('a path of more than 107 bytes works', async (context) => {
    const deep = path.join(folder, 'd'.repeat(120))
    fs.mkdirSync(deep)
    const short = await serve(context, (socket, { id }) => socket.write(status(id)))
    fs.linkSync(short, path.join(deep, 'q.sock'))
    await withQmp(path.join(deep, 'q.sock'), { timeoutMs }, (qmp) => qmp.execute('query-status'))
  })
})

/** A QEMU that waits for `cont`, killed with the test. */
function startQemu(
  context: TestContext,
  args: readonly string[] = [],
): { qemu: ChildProcess; ended: Promise<number>; file: string } {
  const file = newSocket()
  const common = ['-nodefaults', '-no-user-config', '-display', 'none', '-S', '-m', '16', '-accel', 'tcg', ...args]
  const qemu = spawn('qemu-system-x86_64', [...common, '-qmp', `unix:${path.basename(file)},server=on,wait=off`], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'ignore'],
  })
  const ended = new Promise<number>((resolve) => {
    qemu.on('exit', (code) => resolve(code ?? 137))
  })
  context.after(async () => {
    qemu.kill('SIGKILL')
    await ended
  })
  return { qemu, ended, file }
}

describe('QEMU', () => {
  test('answers while it starts, tells events, refuses in its own words, and quits', async (context) => {
    const { file, ended } = startQemu(context)
    const qmp = await connectQmp(file, { timeoutMs: 20_000, ended })
    assert.equal((await qmp.execute('query-status')).status, 'prelaunch')
    const resumed = qmp.waitFor('RESUME', { timeoutMs })
    await qmp.execute('cont')
    assert.ok(Math.abs((await resumed).atMs - Date.now()) < 10_000)
    await assert.rejects(
      qmp.execute('device_del', { id: 'x' }),
      (error) => error instanceof QmpError && error.class === 'DeviceNotFound',
    )
    const shutdown = qmp.waitFor('SHUTDOWN', { matching: ({ data }) => data['reason'] === 'host-qmp-quit', timeoutMs })
    await qmp.execute('quit')
    assert.equal((await shutdown).data['guest'], false)
    await qmp.closed
    assert.equal(await ended, 0)
  })

  test('a QEMU that refuses its command line is noticed at once', async (context) => {
    const { file, ended } = startQemu(context, ['-device', 'no-such-device'])
    await assert.rejects(
      connectQmp(file, { timeoutMs: 20_000, ended }),
      (error) => error instanceof QemuEnded && error.qemuStatus === 1,
    )
  })

  test('50 clients at once are all served, one after the other', async (context) => {
    const { file, ended } = startQemu(context)
    const words = await Promise.all(
      Array.from({ length: 50 }, () =>
        withQmp(file, { timeoutMs: 20_000, ended }, async (qmp) => (await qmp.execute('query-status')).status),
      ),
    )
    assert.deepEqual(
      words,
      Array.from({ length: 50 }, () => 'prelaunch'),
    )
  })
})
