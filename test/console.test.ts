// The console in a real terminal (tmux), at a real QEMU.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { bootGuest, until, type Guest } from './fixture/guest.js'
import { openTerminal, type Terminal } from './fixture/tmux.js'
import { lockHolders } from '../src/sys/lock.js'

const driver = fileURLToPath(import.meta.resolve('./fixture/attach.js'))
const attachTo = (socket: string, ...flags: string[]): string => `node ${driver} ${socket} ${flags.join(' ')}`

/** Runs a body in a terminal whose settings must be afterwards what they were before. */
async function inTerminal(folder: string, body: (terminal: Terminal) => Promise<void>): Promise<void> {
  const terminal = openTerminal()
  const settings = async (name: string): Promise<string> => {
    const file = path.join(folder, name)
    terminal.type(`clear; stty -g >${file}; echo saved`)
    await terminal.see(/^saved$/m)
    return fs.readFileSync(file, 'utf8')
  }
  try {
    const first = await settings('stty-before')
    terminal.type('clear')
    await body(terminal)
    assert.equal(await settings('stty-after'), first)
  } finally {
    terminal.close()
  }
}

describe('console of a QEMU', () => {
  let guest: Guest
  before(async () => {
    guest = await bootGuest('hello from the guest')
  })
  after(() => guest.kill())

  it('shows what was said before, echoes, leaves with Ctrl-] and gives the shell back', () =>
    inTerminal(guest.folder, async (terminal) => {
      terminal.type(attachTo(guest.console))
      await terminal.see(/foo: console; Ctrl-\] leaves\n(.*\n)*hello from the guest/)
      terminal.type('typed')
      await terminal.see(/^typed$/m)
      terminal.keys('C-]')
      await terminal.see(/left foo's console\n\$$/)
      terminal.type('echo again')
      await terminal.see(/^again$/m)
    }))

  it('attaches a second time in the same line', () =>
    inTerminal(guest.folder, async (terminal) => {
      terminal.type(attachTo(guest.console, '--twice'))
      await terminal.see(/leaves\n/)
      terminal.keys('C-]')
      await terminal.see(/left foo's console\nfoo: console; Ctrl-\] leaves\n/)
      terminal.type('second time')
      await terminal.see(/^.*second time$/m)
      terminal.keys('C-]')
      await terminal.see(/left foo's console\n\$$/)
    }))

  it('sends what comes before Ctrl-] in one piece, and not what comes after', () =>
    inTerminal(guest.folder, async (terminal) => {
      terminal.type(attachTo(guest.console))
      await terminal.see(/leaves\n/)
      terminal.keys('-H', ...(Buffer.from('last words\u001Decho not for the shell\r').toString('hex').match(/../g) ?? []))
      await terminal.see(/left foo's console\n\$$/)
      await until('the guest has it', () => fs.readFileSync(guest.log, 'latin1').includes('last words'))
      assert.doesNotMatch(fs.readFileSync(guest.log, 'latin1'), /not for/)
      assert.doesNotMatch(terminal.screen(), /not for/)
    }))

  it('keeps Ctrl-C, Ctrl-Z, Ctrl-S and Ctrl-\\ for the guest', () =>
    inTerminal(guest.folder, async (terminal) => {
      terminal.type(attachTo(guest.console))
      await terminal.see(/leaves\n/)
      terminal.keys('C-c', 'C-z', 'C-s', 'C-\\', 'C-q')
      terminal.type('still here')
      await terminal.see(/still here/)
      assert.ok(fs.readFileSync(guest.log, 'latin1').includes('\u0003\u001A\u0013\u001C\u0011still here'))
      terminal.keys('C-]')
      await terminal.see(/left foo/)
    }))

  it("drops the guest's queries: the terminal answers nobody", () =>
    inTerminal(guest.folder, async (terminal) => {
      terminal.type(attachTo(guest.console))
      await terminal.see(/leaves\n/)
      // The guest echoes what is sent, so it asks for the cursor, the kind of terminal, its version.
      for (const query of ['\u001B[6n', '\u001B[c', '\u001B[>c', '\u001B[>q']) terminal.keys('-H', ...hex(query))
      terminal.type('asked')
      await terminal.see(/asked/)
      terminal.keys('C-]')
      await terminal.see(/left foo's console\n\$$/)
      const log = fs.readFileSync(guest.log, 'latin1')
      assert.ok(log.includes('\u001B[6n\u001B[c\u001B[>c\u001B[>qasked'), 'an answer came between')
    }))

  it('undoes what the guest left switched on', () =>
    inTerminal(guest.folder, async (terminal) => {
      terminal.type(attachTo(guest.console))
      await terminal.see(/leaves\n/)
      for (const mode of ['?1049h', '?1000h', '?1006h', '?2004h', '?25l', '?1h', '5;10r', '4h', '31m'])
        terminal.keys('-H', ...hex(`\u001B[${mode}`))
      const state = '#{alternate_on} #{mouse_any_flag} #{cursor_flag} #{keypad_cursor_flag} #{scroll_region_upper} #{insert_flag}'
      await until('all is on', () => terminal.ask(state) === '1 1 0 1 4 1')
      terminal.keys('C-]')
      await terminal.see(/left foo's console\n\$$/)
      assert.equal(terminal.ask(state), '0 0 1 0 0 0')
    }))

  it('tells a second one who has it, at once, and lets it in afterwards', () =>
    inTerminal(guest.folder, async (terminal) => {
      terminal.type(attachTo(guest.console))
      await terminal.see(/leaves\n/)
      const second = spawnSync('node', [driver, guest.console], { encoding: 'utf8', input: '', timeout: 5000 })
      assert.equal(second.status, 1)
      assert.match(
        second.stderr,
        /^foo's console is attached already, by pid (\d+) on pts\/\d+\n {2}leave it there with Ctrl-\]\n {2}or end that one: kill \1\n$/,
      )
      terminal.keys('C-]')
      await terminal.see(/left foo/)
      terminal.type(`clear; ${attachTo(guest.console)}`)
      await terminal.see(/leaves\n/)
      terminal.keys('C-]')
      await terminal.see(/left foo/)
    }))

  it('believes the lock, not what its file says', () => {
    fs.writeFileSync(`${guest.console}.lock`, 'pid 1 on pts/9 since 1970-01-01 00:00\n')
    const { status, stdout, stderr } = spawnSync('node', [driver, guest.console], {
      encoding: 'utf8',
      input: 'stale',
      timeout: 20_000,
    })
    assert.deepEqual([status, stdout, stderr], [0, 'stale', ''])
  })

  for (const [signal, flags] of [['TERM'], ['HUP'], ['INT'], ['TERM', '--signals']] as const) {
    it(`gives the terminal back on SIG${signal} ${flags ?? ''}`, () =>
      inTerminal(guest.folder, async (terminal) => {
        terminal.type(`${attachTo(guest.console, flags ?? '')}; echo status $?`)
        await terminal.see(/leaves\n/)
        terminal.keys('-H', ...hex('\u001B[?1049h'))
        await until('it draws elsewhere', () => terminal.ask('#{alternate_on}') === '1')
        process.kill(lockHolders(`${guest.console}.lock`)[0] ?? 0, `SIG${signal}`)
        await terminal.see(flags === undefined ? /status 1(29|30|43)\n\$$/ : /left foo's console\nstatus 0\n\$$/)
        assert.equal(terminal.ask('#{alternate_on}'), '0')
      }))
  }

  it('gives the terminal back on an exception', () =>
    inTerminal(guest.folder, async (terminal) => {
      terminal.type(attachTo(guest.console, '--throw'))
      await terminal.see(/thrown on purpose/)
      await terminal.see(/\n\$$/)
    }))

  it('sends a pipe and prints the answer, unfiltered, and ends when the guest is silent', () => {
    const input = 'echo \u001B[6n \u001D piped\r'
    const { status, stdout, stderr } = spawnSync('node', [driver, guest.console], { input, timeout: 20_000 })
    assert.equal(stdout.toString(), `${input}\n`)
    assert.deepEqual([status, stderr.toString()], [0, ''])
  })

  it("prints the monitor's lines into a pipe, without what its line editor draws", () => {
    const input = 'info status\n'
    const { status, stdout, stderr } = spawnSync('node', [driver, guest.monitor, '--monitor'], { input, timeout: 20_000 })
    assert.match(stdout.toString(), /^QEMU .*\n\(qemu\) info status\nVM status: running\n$/)
    assert.deepEqual([status, stderr.toString()], [0, ''])
  })

  it('ends quietly when nobody reads what it prints', () => {
    const line = `(echo one; sleep 1; echo two; sleep 1) | ${attachTo(guest.console)} | head -c 1 >/dev/null; echo "\${PIPESTATUS[1]}"`
    const { stdout, stderr } = spawnSync('bash', ['-c', line], { encoding: 'utf8', timeout: 20_000 })
    assert.deepEqual([stdout, stderr], ['0\n', ''])
  })

  it("attaches to QEMU's monitor the same way", () =>
    inTerminal(guest.folder, async (terminal) => {
      terminal.type(attachTo(guest.monitor))
      await terminal.see(/leaves\n/)
      terminal.type('info status')
      await terminal.see(/VM status: running/)
      terminal.keys('C-]')
      await terminal.see(/left foo's console\n\$$/)
    }))

  it('says so when the VM is killed', () =>
    inTerminal(guest.folder, async (terminal) => {
      terminal.type(attachTo(guest.console))
      await terminal.see(/leaves\n/)
      process.kill(guest.pid, 'SIGKILL')
      await terminal.see(/foo has ended\n\$$/)
      terminal.type(`clear; ${attachTo(guest.console)}`)
      await terminal.see(/cannot attach to foo's console: nobody listens/)
    }))
})

const hex = (text: string): string[] => Buffer.from(text, 'latin1').toString('hex').match(/../g) ?? []

describe('console of any peer', () => {
  it('listens as long as the VM runs when there is no input', async () => {
    const folder = fs.mkdtempSync('/tmp/nbsvm-peer-')
    const socket = path.join(folder, 's')
    const server = net.createServer((client) => void setTimeout(() => client.end('late\n'), 2500))
    await new Promise<void>((resolve) => void server.listen(socket, resolve))
    const child = spawn('node', [driver, socket], { stdio: ['ignore', 'pipe', 'pipe'] })
    const [stdout, stderr] = await Promise.all(
      [child.stdout, child.stderr].map(async (stream) => Buffer.concat(await stream.toArray()).toString()),
    )
    assert.deepEqual([stdout, stderr], ['late\n', 'foo has ended\n'])
    server.close()
    fs.rmSync(folder, { recursive: true })
  })

  it('leaves a guest that reads nothing, also when more was pasted than is kept for it', async () => {
    const folder = fs.mkdtempSync('/tmp/nbsvm-peer-')
    const socket = path.join(folder, 's')
    const clients: net.Socket[] = []
    const server = net.createServer((client) => void clients.push(client.pause()))
    await new Promise<void>((resolve) => void server.listen(socket, resolve))
    try {
      await inTerminal(folder, async (terminal) => {
        terminal.type(attachTo(socket))
        await terminal.see(/leaves/)
        const block = path.join(folder, 'block')
        fs.writeFileSync(block, 'x'.repeat(256 * 1024))
        for (let times = 0; times < 8; times++) terminal.paste(block)
        terminal.keys('C-]')
        await terminal.see(/left foo's console\n\$$/)
      })
    } finally {
      for (const client of clients) client.destroy()
      server.close()
      fs.rmSync(folder, { recursive: true })
    }
  })
})
