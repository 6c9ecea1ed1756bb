// The end of a terminal is an end like others: the window is closed, or nobody reads it.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { lockHolders } from '../src/sys/lock.js'
import { makeHome, program } from './cli.js'
import { until } from './fixture/guest.js'
import { openWindow, type Window } from './fixture/window.js'

/** As after SIGHUP. */
const hungUp = 129

const home = makeHome()
const isTheirs = (pid: number): boolean =>
  fs.readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`NBSVM_HOME=${home.folder}\0`)

/** The programs of this home that run, but for QEMU. */
function running(): string[] {
  return fs
    .readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const words = fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0')
        return isTheirs(Number(pid)) && !words[0]?.includes('qemu-system') ? [words.join(' ')] : []
      } catch {
        return []
      }
    })
}

async function inWindow(line: string, told: boolean, body: (window: Window) => Promise<void>): Promise<void> {
  const window = openWindow(`${process.execPath} ${program} ${line}`, { folder: home.folder, env: home.env, told })
  try {
    await body(window)
    assert.deepEqual(window.leftovers(), [])
  } finally {
    window.kill()
  }
}

/** Reads on, into nothing, until the screen has shown this. */
async function shows(window: Window, pattern: RegExp): Promise<void> {
  let shown = ''
  window.screen.setEncoding('latin1').on('data', (text: string) => (shown += text))
  await until(`the screen shows ${pattern}`, () => pattern.test(shown))
}

describe('the window is closed', () => {
  const big = path.join(home.folder, 'big.raw')

  before(async () => {
    assert.equal((await home.nbsvm(['foo', 'mem=64', 'network= ', 'newimg', 'start', '-S'])).status, 0)
    assert.equal((await home.nbsvm(['bar', 'newimg'])).status, 0)
  })

  for (const told of [true, false]) {
    const how = told ? 'with SIGHUP' : 'without a signal'
    for (const verb of ['console', 'monitor']) {
      it(`during ${verb}, ${how}: it ends, and the next one can attach`, () =>
        inWindow(`foo ${verb}`, told, async (window) => {
          await shows(window, /leaves/)
          window.close()
          assert.equal(await window.status(), hungUp)
          await inWindow(`foo ${verb}`, told, async (next) => {
            await shows(next, /leaves/)
            next.keyboard.write('\u001D')
            assert.equal(await next.status(), 0)
          })
        }))
    }

    it(`during a question, ${how}: nothing is done`, () =>
      inWindow('bar rm', told, async (window) => {
        await shows(window, /remove bar: .*\?/)
        window.close()
        assert.notEqual(await window.status(), 0)
        assert.ok(fs.existsSync(path.join(home.folder, 'drives/nbsvm-bar-0.qcow2')))
      }))
  }

  it('before anything was said: that is an end like the others', async () => {
    const line = `sh -c 'while [ -t 1 ]; do sleep 0.01; done; exec ${process.execPath} ${program} ls'`
    const window = openWindow(line, { folder: home.folder, env: home.env, told: false })
    await window.pid()
    window.close()
    assert.equal(await window.status(), hungUp)
  })

  it('a question is ended by SIGTERM', () =>
    inWindow('bar rm', true, async (window) => {
      await shows(window, /remove bar: .*\?/)
      process.kill(await window.pid(), 'SIGTERM')
      assert.equal(await window.status(), 143)
    }))

  it('during vnc: it ends', () =>
    inWindow('foo vnc', true, async (window) => {
      await shows(window, /127\.0\.0\.1/)
      window.close()
      assert.equal(await window.status(), hungUp)
    }))

  it('during clone: its programs end with it, and no drive is half made', async () => {
    fs.writeFileSync(big, '')
    // Not a hole, which takes no time to copy.
    for (let megabytes = 0; megabytes < 1024; megabytes += 64)
      fs.appendFileSync(big, Buffer.alloc(64 * 1024 * 1024, megabytes + 1))
    await inWindow(`baz source=${big} clone`, true, async (window) => {
      await shows(window, /%/)
      window.close()
      assert.equal(await window.status(), hungUp)
      assert.deepEqual(running(), [])
      const made = fs.readdirSync(path.join(home.folder, 'drives')).filter((name) => /baz|^\.tmp/.test(name))
      assert.deepEqual(made, [])
    })
    fs.rmSync(big)
  })

  it('a question is asked, and answered, after a console in the same line', () =>
    inWindow('foo console stop rm', true, async (window) => {
      await shows(window, /leaves/)
      window.keyboard.write('\u001D')
      await shows(window, /remove foo: .*\?/)
      window.keyboard.write('n\n')
      assert.notEqual(await window.status(), 0)
    }))
})

describe('a guest that floods', () => {
  const driver = fileURLToPath(import.meta.resolve('./fixture/attach.js'))
  const socket = path.join(home.folder, 'flood.sock')
  const block = Buffer.from('0123456789abcde\n'.repeat(4096))
  const peers = new Set<net.Socket>()
  const server = net.createServer((peer) => {
    peers.add(peer)
    const flood = (): void => {
      while (peer.write(block));
    }
    peer
      .on('drain', flood)
      .on('error', () => {})
      .on('close', () => peers.delete(peer))
      .resume()
    flood()
  })

  before(() => new Promise<void>((resolve) => void server.listen(socket, resolve)))
  after(() => {
    for (const peer of peers) peer.destroy()
    server.close()
  })

  /** Runs the console at it, and returns how long it took to end after `leave`. */
  async function timeToLeave(
    line: string,
    read: (window: Window) => void,
    leave: (window: Window) => void,
  ): Promise<[number, number]> {
    const window = openWindow(line, { folder: home.folder, told: true })
    try {
      read(window)
      await until('it is attached', () => lockHolders(`${socket}.lock`).length > 0)
      // Whatever can be full is full by now.
      await new Promise((resolve) => setTimeout(resolve, 1500))
      const begin = performance.now()
      leave(window)
      return [await window.status(30_000), performance.now() - begin]
    } finally {
      window.kill()
    }
  }

  const console = `${process.execPath} ${driver} ${socket}`
  const typed = (window: Window): void => void window.keyboard.write('\u001D')
  const ended = (window: Window): void => void window.pid().then((pid) => process.kill(pid, 'SIGTERM'))
  const unread = (): void => {}
  /** 4 KB a second. */
  const slowly = (window: Window): void => {
    const timer = setInterval(() => window.screen.read(400) ?? window.screen.read(), 100)
    window.screen.once('close', () => clearInterval(timer))
  }

  it('is left at once by Ctrl-], nobody reading the terminal', async () => {
    const [status, ms] = await timeToLeave(console, unread, typed)
    assert.equal(status, 0)
    assert.ok(ms < 4000, `${ms} ms`)
  })

  it('is left at once by Ctrl-], on a line of 4 KB a second', async () => {
    const [status, ms] = await timeToLeave(console, slowly, typed)
    assert.equal(status, 0)
    assert.ok(ms < 4000, `${ms} ms`)
  })

  it('is left at once on SIGTERM, nobody reading the terminal', async () => {
    const [, ms] = await timeToLeave(`${console} --signals`, unread, ended)
    assert.ok(ms < 4000, `${ms} ms`)
  })

  it('is left at once on SIGTERM, nobody reading the pipes', async () => {
    const child = spawn(process.execPath, [driver, socket, '--signals'], { stdio: ['ignore', 'pipe', 'pipe'] })
    await until('it is attached', () => lockHolders(`${socket}.lock`).length > 0)
    await new Promise((resolve) => setTimeout(resolve, 1500))
    const begin = performance.now()
    const exit = once(child, 'exit')
    child.kill('SIGTERM')
    await exit
    assert.ok(performance.now() - begin < 2000)
  })
})
