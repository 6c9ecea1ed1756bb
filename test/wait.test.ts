// Waiting for a guest and typing at it, by the real program at a real QEMU.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { findPlace } from '../src/host/place.js'
import { lockHolders } from '../src/sys/lock.js'
import { takeScreenshot } from '../src/vm/reach/screenshot.js'
import { openVm } from '../src/vm/record/vm.js'
import { agentKernel, guestKernel, makeHome, program, until, type Result } from './cli.js'
import { freePort } from './guest.js'

const home = makeHome()
const { nbsvm } = home

const httpPort = await freePort()
const silentPort = await freePort()
const sshPort = await freePort()
const start = ['mem=256', `forward=${httpPort}:80 ${silentPort}:81 ${sshPort}:22`, 'start', ...agentKernel, '--']

async function ok(...words: readonly string[]): Promise<Result> {
  const result = await nbsvm(words)
  assert.equal(result.status, 0, `nbsvm ${words.join(' ')}\n${result.stdout}${result.stderr}`)
  return result
}

async function fails(words: readonly string[], ...patterns: readonly RegExp[]): Promise<Result> {
  const result = await nbsvm(words)
  assert.equal(result.status, 1, `nbsvm ${words.join(' ')}\n${result.stdout}${result.stderr}`)
  for (const pattern of patterns) assert.match(result.stderr, pattern)
  return result
}

/** Somebody at the console, who only looks on. */
async function lookOn(id: string): Promise<ChildProcess> {
  const child = spawn(program, [id, 'console'], { env: home.env, stdio: ['ignore', 'ignore', 'inherit'] })
  const lock = path.join(home.folder, 'state', id, 'console.sock.lock')
  await until('somebody is attached', 20_000, () => lockHolders(lock).length > 0)
  return child
}

describe('a guest at its prompt', () => {
  before(() => ok('foo', ...start, 'wait', 'running', 'wait', 'guest ready', 'wait', 'guest# '))
  after(() => nbsvm(['foo', 'stop']))

  it('is waited for once: what a wait has found is behind it, in the next line too', async () => {
    const text = /foo did not say "guest ready" within 0 seconds; it is running\n.*its console ends with:\n(.*\n)*.*\| guest#\n/
    await fails(['foo', 'wait', 'guest ready', '--timeout=0'], text, /it was there before.*\n.*timeout=300/)
    await ok('foo', 'wait', '--all', 'guest ready', '--timeout=0')
    await ok('foo', 'wait', '/^GUEST# *$/i', '--timeout=0')
  })

  it('is typed at in lines of their own: what came before the first of them does not count', async () => {
    await ok('foo', 'type', 'echo one$((1)) two$((2))\\n')
    await ok('foo', 'wait', 'one1')
    await ok('foo', 'wait', 'two2')
    await fails(['foo', 'wait', 'one1', '--timeout=0'], /it was there before/)
    await ok('foo', 'type', '\\n')
    await fails(['foo', 'wait', 'two2', '--timeout=0'])
  })

  it('is waited for while somebody else is attached, and typed at only after', async () => {
    const other = await lookOn('foo')
    await fails(['foo', 'type', 'x'], /foo's console is attached already, by pid \d+/)
    await ok('foo', 'wait', '--all', 'guest# ')
    const gone = once(other, 'exit')
    other.kill()
    await gone
    await ok('foo', 'type', 'echo let in$((1))\\n', 'wait', 'let in1')
  })

  it('gets all that is typed, at its own pace', async () => {
    const line = `${'0123456789'.repeat(7)}\n`
    await ok('foo', 'type', 'stty -echo; cat >/tmp/x\\n')
    await ok('foo', 'type', line.repeat(300))
    const sum = createHash('md5').update(line.repeat(300)).digest('hex')
    await ok('foo', 'type', '\\x04', 'type', 'stty echo; md5sum </tmp/x\\n', 'wait', sum)
  })

  it('says only words: colours, titles and cursor movements are none', async () => {
    await ok('foo', 'type', `printf '\\\\033]0;t\\\\007\\\\033[31mfa\\\\033[0mll\\\\033[4Cback\\\\n'\\n`, 'wait', 'fall back')
  })

  it('is not waited for by an expression that would take years', async () => {
    await ok('foo', 'type', 'echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab; echo th$((1))ere\\n', 'wait', 'th1ere')
    await fails(['foo', 'wait', '--all', '/^(a+)+$/'], /takes too long to look for/)
  })

  it('is waited for by what runs in it: its agent, a port, cloud-init', async () => {
    await ok('foo', 'wait', 'agent', 'wait', 'port:80')
    const nothing = /foo: port 81 of its guest does not answer within 1 seconds; it is running\n(.*\n)*.*guest#/
    await fails(['foo', 'wait', 'port:81', '--timeout=1'], nothing)
    await fails(['foo', 'wait', 'port:82'], /no port of this machine leads to port 82 of foo/, /nbsvm foo forward 8082:82/)
    await fails(['foo', 'wait', 'cloud-init'], /cloud-init of foo has failed: there is none in this guest/)
    const script = '#!/bin/sh\necho "$*: status: error"; exit $(cat /tmp/status)\n'
    await ok('foo', 'exec', 'sh', '-c', `printf '%s' '${script}' >/bin/cloud-init; chmod +x /bin/cloud-init; echo 1 >/tmp/status`)
    await fails(['foo', 'wait', 'cloud-init'], /it ended with 1\n.*status --wait --long: status: error/)
    await ok('foo', 'exec', 'sh', '-c', 'echo 2 >/tmp/status', '--', 'wait', 'cloud-init')
  })

  it('is greeted by an ssh server only where one is', async () => {
    await fails(['foo', 'wait', 'ssh', '--timeout=1'], /its ssh does not answer within 1 seconds/)
    const serve = (greeting: string) => {
      const script = `while :; do (echo ${greeting}; sleep 1) | nc -l -p 22; done >/dev/null 2>&1 & echo $! >/tmp/server`
      return ok('foo', 'exec', 'sh', '-c', script)
    }
    await serve('HTTP/1.0')
    await fails(['foo', 'wait', 'ssh', '--timeout=2'], /its ssh does not answer/)
    await ok('foo', 'exec', 'sh', '-c', 'kill $(cat /tmp/server); pkill nc; true')
    await serve('SSH-2.0-test')
    await ok('foo', 'wait', 'ssh')
  })

  it('is paused and goes on, and typing at a paused one is told', async () => {
    await ok('foo', 'pause', 'wait', 'paused')
    await fails(['foo', 'timeout=1', 'type', `${'x'.repeat(100)}\\n`], /foo does not read what is typed/, /it is paused/)
    await fails(['foo', 'wait', 'never', '--timeout=0'], /within 0 seconds; it is paused/)
    await fails(['foo', 'wait', 'running', '--timeout=0'], /foo is not running within 0 seconds: it is paused/)
    await ok('foo', 'resume', 'wait', 'running', 'type', '\\x03')
  })

  it('takes Ctrl-C as the end of waiting', async () => {
    const child = spawn(program, ['foo', 'wait', 'never'], { env: home.env, stdio: 'ignore' })
    setTimeout(() => child.kill('SIGINT'), 500)
    assert.deepEqual(await once(child, 'exit'), [130, null])
  })

  it('ends, and who waits is told at once, with the reason', async () => {
    const began = performance.now()
    await fails(['foo', 'type', 'poweroff\\n', 'wait', 'never'], /foo did not say "never" and is gone: the guest shut down/)
    assert.ok(performance.now() - began < 30_000)
    await fails(['foo', 'wait', 'never'], /cannot wait for foo: it is not running/)
    await fails(['foo', 'wait', 'paused'], /foo is not paused: it does not run/)
    await fails(['foo', 'type', 'x'], /cannot type at foo: it is not running/)
    await ok('foo', 'wait', 'stopped')
  })
})

describe('a file of steps', () => {
  const steps = (text: string): string => {
    const file = path.join(home.folder, 'steps')
    writeFileSync(file, text)
    return file
  }

  it('is done line by line, and told with what each took', async () => {
    const quoted = guestKernel.map((word) => `'${word}'`).join(' ')
    const lines = [
      `start ${quoted}`,
      '',
      `wait 'guest ready' wait "# "`,
      `  type 'echo $((6*7))x\\n' wait 42x`,
      `type 'poweroff\\n'`,
    ]
    const file = steps(['# a guest', ...lines, 'wait stopped'].join('\n'))
    const { stderr } = await ok('steps', 'mem=256', 'run', file)
    assert.match(stderr, / +\d+\.\d s {2}start .*\n +\d+\.\d s {2}wait 'guest ready' wait "# "\n/)
    assert.match(stderr, / {2}type 'poweroff\\n'\nsteps: the guest shut down\n +\d+\.\d s {2}wait stopped\n/)
  })

  it('is checked before anything of it is done', async () => {
    for (const [text, told] of [
      ['newimg\nwiat x\n', /steps:2: unknown action "wiat"; did you mean wait\?/],
      ["newimg\ntype '\\q'\n", /steps:2: "\\\\q" in "\\\\q" is not an escape/],
      ["newimg\ntype 'x\n", /steps:2: unclosed '/],
      ['newimg\nrun steps\n', /steps:2: a file of steps runs no other one/],
      ['newimg\nmem=2G start\n', /steps:2: settings come before the first action/],
    ] as const) {
      const { status, stderr } = await nbsvm(['untouched', 'run', steps(text)])
      assert.equal(status, 2, stderr)
      assert.match(stderr, told)
    }
    assert.equal((await nbsvm(['untouched', 'run', '/nowhere/steps'])).status, 2)
    assert.equal((await nbsvm(['untouched'])).status, 2)
  })

  it('ends with its first failure, which is told with its place', async () => {
    await fails(
      ['bad', 'run', steps('newimg\n# not there\npause\nnewimg\n')],
      /steps:3: pause \(after \d+\.\d s\): cannot pause bad/,
    )
    assert.deepEqual(readdirSync(path.join(home.folder, 'drives')).filter((name) => name.startsWith('nbsvm-bad')).length, 1)
  })
})

describe('a screen and its keyboard', () => {
  const png = path.join(home.folder, 'screen.png')
  before(() => {
    const [kernel = '', image = '', initrd = '', file = ''] = guestKernel
    const words = [kernel, image, initrd, file, '-append', 'console=tty0 console=ttyS0 quiet no_timer_check']
    return ok('vga', 'mem=256', 'start', ...words, '--', 'wait', 'guest ready')
  })
  after(() => nbsvm(['vga', 'stop']))

  it('takes what is typed and pressed', async () => {
    await ok(
      'vga',
      'key',
      'ret',
      '--',
      'type',
      '--screen',
      `echo "Hello, $((6*7)) <World>" >/dev/ttyS0\\n`,
      'wait',
      'Hello, 42 <World>',
    )
    await ok(
      'vga',
      'key',
      'ctrl-c',
      'e',
      'c',
      'h',
      'o',
      'space',
      'shift-a',
      '5',
      '>',
      '/',
      'd',
      'e',
      'v',
      '/',
      't',
      't',
      'y',
      'S',
      '0',
      'ret',
    )
    await ok('vga', 'wait', '/^A5$/')
  })

  it('is written down as a picture, and nothing of it is left in the drawer', async () => {
    const { stderr } = await ok('vga', 'screenshot', png)
    assert.match(stderr, /screen\.png: \d+ x \d+ pixels/)
    const piped = spawn(program, ['vga', 'screenshot', '-'], { env: home.env, stdio: ['ignore', 'pipe', 'inherit'] })
    const [first] = (await once(piped.stdout, 'data')) as [Buffer]
    assert.equal(first.toString('latin1', 1, 4), 'PNG')
    await once(piped, 'exit')
    assert.deepEqual(
      readdirSync(path.join(home.folder, 'state/vga/run')).filter((name) => name.endsWith('.png')),
      [],
    )
    const vm = await openVm('vga', { place: findPlace(home.env, false, ''), environment: {}, vmClass: undefined, line: {} })
    const several = await Promise.all([1, 2, 3, 4].map(() => takeScreenshot(vm)))
    for (const { width, height } of several) assert.deepEqual([width, height], [several[0]?.width, several[0]?.height])
    await fails(['vga', 'screenshot', '/nowhere/x.png'], /cannot write \/nowhere\/x\.png: there is no folder \/nowhere/)
  })

  it('is not there without a graphics card', async () => {
    await ok('blind', 'mem=64', 'drives=none', 'start', '-vga', 'none')
    await fails(['blind', 'wait', 'ssh'], /no port of this machine leads to the ssh of blind/)
    await fails(['blind', 'screenshot', png], /cannot take a picture of blind: QEMU refused screendump/, /graphics card/)
    await ok('blind', 'stop')
  })
})
