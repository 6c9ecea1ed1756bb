// A real terminal (tmux) at a real machine (sshd): what takes the terminal has it, and gives it back as it was, however it ends.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { before, describe, it } from 'node:test'
import { agentKernel, program, until } from '../cli.js'
import { openTerminal, type Terminal } from '../fixture/tmux.js'
import { freePort } from '../guest.js'
import { makeMachines, whyNoMachine } from '../support/machines.js'

const noTerminal = process.geteuid?.() === 0 ? false : 'an sshd that is not root may be unable to give a terminal away'

describe('a terminal at another machine', { skip: whyNoMachine || noTerminal }, () => {
  const { home, of, cutHere } = makeMachines('box1', 'box2')
  const { nbsvm } = home
  const box1 = of('box1')

  before(async () => {
    const start = ['box1:guest', 'user=me', `forward=${await freePort()}:22`, 'start', ...agentKernel]
    assert.deepEqual((await nbsvm(start)).stdout, '')
    assert.equal((await nbsvm(['box1:guest', 'timeout=120', 'wait', 'agent'])).status, 0)
  })

  /** Runs a body in a terminal whose settings must be afterwards what they were before. */
  async function inTerminal(body: (terminal: Terminal) => Promise<void>): Promise<void> {
    const terminal = openTerminal(60_000)
    const settings = async (): Promise<string> => {
      const file = path.join(home.folder, 'stty')
      terminal.type(`clear; stty -g >${file}; echo sav''ed`)
      await terminal.see(/^saved$/m)
      return fs.readFileSync(file, 'utf8')
    }
    const environment = Object.entries(home.env).map(([name, value]) => `export ${name}='${value}'\n`)
    fs.writeFileSync(path.join(home.folder, 'environment'), environment.join(''))
    try {
      terminal.type(`. ${home.folder}/environment; n() { ${process.execPath} ${program} "$@"; echo "status $?"; }`)
      const first = await settings()
      terminal.type('clear')
      await body(terminal)
      assert.equal(await settings(), first)
      assert.deepEqual(
        ['alternate_on', 'mouse_any_flag', 'cursor_flag', 'insert_flag'].map((flag) => terminal.ask(`#{${flag}}`)),
        ['0', '0', '1', '0'],
      )
    } finally {
      terminal.close()
    }
  }

  it('console: what is typed goes to the guest, Ctrl-C too; Ctrl-] leaves', () =>
    inTerminal(async (terminal) => {
      terminal.type('n box1:guest console')
      await terminal.see(/guest: console; Ctrl-\] leaves/)
      terminal.type('echo $((40+2)); sleep 100')
      await terminal.see(/^42$/m)
      terminal.keys('C-c')
      terminal.type('echo $((50+3))')
      await terminal.see(/^53$/m)
      terminal.keys('C-]')
      await terminal.see(/left guest's console\n(.*\n)*status 0\n\$$/)
    }))

  it('console: a connection that is cut is told, on a terminal that is as it was', () =>
    inTerminal(async (terminal) => {
      terminal.type('n box1:guest console')
      await terminal.see(/guest: console; Ctrl-\] leaves/)
      terminal.type(String.raw`printf '\033[?1049h\033[?25l\033[?1000h\033[4h\033[5;9r'; echo $((60+4))`)
      await terminal.see(/^64/m)
      box1.cut()
      await terminal.see(/the connection to box1 is lost: .*\n.*\n?.*nbsvm ls box1:\n(.*\n)*status 1\n\$$/)
      await until('nobody is attached there', 20_000, async () => {
        const { stdout } = await box1.nbsvm(['guest', 'console'], { input: '\n' })
        return stdout.includes('guest# ')
      })
    }))

  it('ssh: it has the size of the window, now and later, and Ctrl-C; its exit status is the line’s', async () => {
    // The guest has no sshd, only something that answers like one; where it would be, another machine is.
    const ssh = fs.readFileSync(path.join(box1.bin, 'ssh'), 'utf8').replace(/ "\$@"\n$/, '')
    const lines = ['for last; do :; done', 'case $last in 127.0.0.1) last= ;; esac', 'exec']
    fs.writeFileSync(path.join(box1.bin, 'ssh'), ssh.replace('exec', lines.join('\n')) + ' -t box2 $last\n')
    const answer = '(while :; do echo SSH-2.0-none | nc -l -p 22; done) >/dev/null 2>&1 &'
    assert.equal((await nbsvm(['box1:guest', 'exec', 'sh', '-c', answer])).status, 0)
    await inTerminal(async (terminal) => {
      terminal.type('n box1:guest ssh')
      terminal.type('stty size; PS1="there# "')
      await terminal.see(/^24 80\nthere#$/m)
      terminal.resize(100, 30)
      terminal.type('stty size; sleep 100')
      await terminal.see(/^30 100$/m)
      terminal.keys('C-c')
      terminal.type('exit 7')
      await terminal.see(/status 7\n\$$/)
    })
  })

  it('ssh’s questions come one at a time, also where several machines ask', async () => {
    for (const name of ['box1', 'box2']) await nbsvm([`${name}:`, 'version'])
    cutHere()
    const key = path.join(home.folder, 'keys/mine')
    const change = (from: string, to: string): unknown =>
      execFileSync('ssh-keygen', ['-q', '-p', '-P', from, '-N', to, '-f', key], { stdio: 'ignore' })
    change('', 'geheim')
    try {
      await inTerminal(async (terminal) => {
        for (const [line, answer] of [
          ['n box1:guest,box2:nosuch status', /^box1:guest: +state +running/m],
          ['n ls -c vm,state box1: box2:', /^box1:guest +running/m],
        ] as const) {
          terminal.type(`clear; ${line}`)
          await terminal.see(/Enter passphrase[^]*:$/)
          assert.equal(terminal.screen().match(/Enter passphrase/g)?.length, 1)
          terminal.type('geheim')
          // What the first one says may come after the question of the second.
          await terminal.see(/Enter passphrase[^]*Enter passphrase/)
          terminal.type('geheim')
          await terminal.see(/status \d\n\$$/)
          assert.match(terminal.screen(), answer)
          cutHere()
        }
      })
    } finally {
      change('geheim', '')
    }
  })

  it('vnc: Ctrl-C ends it', () =>
    inTerminal(async (terminal) => {
      terminal.type('n box1:guest viewer=none vnc')
      await terminal.see(/its password is/)
      terminal.keys('C-c')
      await terminal.see(/status 0\n\$$/)
    }))

  it('a question there is one here', () =>
    inTerminal(async (terminal) => {
      assert.equal((await nbsvm(['box1:old', 'drive_size=1M', 'newimg'])).status, 0)
      terminal.type('n box1:old rm')
      await terminal.see(/remove old: .*\?/)
      terminal.type('y')
      await terminal.see(/status 0\n\$$/)
    }))

  it('what somebody has put in the place of nbsvm there has no power over the terminal', () =>
    inTerminal(async (terminal) => {
      fs.rmSync(path.join(of('box2').bin, 'nbsvm'))
      const words = String.raw`printf 'begin\033[6n\033[>c\033[?1000h\033[?25l\033[4h\033[?1049h\033P+q544e\033\\end\n' | tee /dev/stderr`
      fs.writeFileSync(path.join(of('box2').bin, 'nbsvm'), `#!/bin/sh\n${words}; exit 5\n`, { mode: 0o755 })
      terminal.type('n box2:guest start')
      await terminal.see(/status 5\n\$$/)
      terminal.type('echo nothing')
      await terminal.see(/^nothing\n\$$/m)
    }))
})
