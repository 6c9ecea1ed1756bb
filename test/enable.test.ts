// `enable` and `disable`: what is written where, what is typed for the user, and what systemd says of it. That it works under a
// systemd that runs is shown in whole/systemd.test.ts.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, beforeEach, describe, test } from 'node:test'
import { Failure } from '../src/core/errors.js'
import type { RunResult } from '../src/sys/process.js'
import { disableVm, enableVm, type UnitHost } from '../src/service/enable.js'
import { findPlace, type Outside } from '../src/host/place.js'
import { openVm } from '../src/vm/record/vm.js'
import { program, run } from './cli.js'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-test-enable-'))
fs.chmodSync(root, 0o755)
after(() => fs.rmSync(root, { recursive: true }))

let home: string
let host: UnitHost
let lines: string[]
let count = 0
beforeEach(() => {
  home = path.join(root, String(++count))
  fs.mkdirSync(home, { mode: 0o755 })
  lines = []
  host = {
    isSystem: true,
    folder: path.join(home, 'units'),
    program: [process.execPath, program],
    systemd: 'running',
    lingers: true,
    run: record({ status: 0, stdout: '', stderr: '' }),
  }
})

/** A `run` that writes the lines down. */
function record(result: RunResult): UnitHost['run'] {
  return async (command) => {
    lines.push(command.join(' '))
    return result
  }
}

function outside(given: Partial<Outside> = {}, homeName = 'home'): Outside {
  const environment = { PATH: 'bin:/usr/bin:/bin', NBSVM_HOME: path.join(home, homeName), ...given.environment }
  return { place: findPlace(environment, false, home), vmClass: undefined, line: {}, ...given, environment }
}

const enable = (world: Outside, name = 'foo', on: UnitHost = host) => openVm(name, world).then((vm) => enableVm(vm, world, on))
const disable = (world: Outside, name = 'foo') => openVm(name, world).then((vm) => disableVm(vm, host))
const unit = (name = 'nbsvm-foo.service'): string => fs.readFileSync(path.join(host.folder, name), 'utf8')

describe('enable', () => {
  test('writes a unit for everybody to read, has it read and enabled', async () => {
    const umask = process.umask(0o077)
    const done = await enable(outside()).finally(() => process.umask(umask))
    const file = path.join(host.folder, 'nbsvm-foo.service')
    assert.deepEqual(done, { file, name: 'nbsvm-foo', todo: [] })
    assert.deepEqual(lines, ['systemctl daemon-reload', 'systemctl enable nbsvm-foo.service'])
    assert.equal(fs.statSync(file).mode & 0o777, 0o644)
    assert.deepEqual(fs.readdirSync(host.folder), ['nbsvm-foo.service'], 'no temporary file is left')
    assert.match(unit(), new RegExp(`^ExecStart=${process.execPath} ${program} foo start$`, 'm'))
    assert.match(unit(), new RegExp(`^PIDFile=${home}/home/state/foo/pid$`, 'm'))
    assert.match(unit(), /^Environment=PATH=\/usr\/bin:\/bin$/m, 'a relative folder means nothing under systemd')
  })

  test('keeps class, settings in place and settings of the environment, and only those', async () => {
    const environment = { vg: '', gold: 'bar', mem: '1G', HOME: '/x', LANG: 'C' }
    await enable(outside({ vmClass: 'win', line: { mem: '2G', timeout: '300' }, environment }))
    const text = unit('nbsvm-win-foo.service')
    assert.match(text, / foo class=win mem=2G timeout=300 start$/m)
    assert.match(text, / foo class=win mem=2G timeout=300 shutdown$/m)
    assert.match(text, /^TimeoutStopSec=315$/m)
    assert.match(text, /^Environment=gold=bar$/m)
    assert.doesNotMatch(text, /mem=1G|vg=|HOME=\/x|LANG/)
  })

  test("a user's unit is for the user's manager, and knows where the user keeps things", async () => {
    host = { ...host, isSystem: false }
    const environment = { NBSVM_HOME: '', XDG_STATE_HOME: '/state', XDG_DATA_HOME: '/data' }
    await enable(outside({ environment }))
    assert.deepEqual(lines, ['systemctl --user daemon-reload', 'systemctl --user enable nbsvm-foo.service'])
    assert.match(unit(), /^Environment=XDG_STATE_HOME=\/state\n/m)
    assert.match(unit(), /^Environment=XDG_DATA_HOME=\/data\n/m)
    assert.match(unit(), /^PIDFile=\/state\/nbsvm\/foo\/pid$/m)
    assert.match(unit(), /^WantedBy=default.target$/m)
  })

  test('a bridge has to be there before', async () => {
    await enable(outside({ line: { bridge: 'br0' } }))
    assert.match(unit(), /^Wants=network-online.target$/m)
  })

  test('a second time it writes the unit anew', async () => {
    await enable(outside({ line: { mem: '1G' } }))
    await enable(outside({ line: { mem: '2G' } }))
    assert.match(unit(), /mem=2G/)
  })

  test('a unit of somebody else, or one that is masked, is left as it is', async () => {
    const file = path.join(host.folder, 'nbsvm-foo.service')
    const isForeign = (error: unknown): boolean =>
      error instanceof Failure && error.message === `cannot enable foo: ${file} was not written by nbsvm`
    fs.mkdirSync(host.folder)
    fs.writeFileSync(file, '[Service]\nExecStart=/mine\n')
    await assert.rejects(enable(outside()), isForeign)
    assert.equal(unit(), '[Service]\nExecStart=/mine\n')
    fs.rmSync(file)
    fs.symlinkSync('/dev/null', file)
    await assert.rejects(enable(outside()), isForeign)
    await assert.rejects(disable(outside()), /cannot disable foo: .* was not written by nbsvm/)
    assert.equal(fs.readlinkSync(file), '/dev/null')
    assert.deepEqual(lines, [])
  })

  test('where systemd does not run, what is left to do is said; where there is none, what to do instead', async () => {
    const { todo } = await enable(outside(), 'foo', { ...host, systemd: 'installed' })
    assert.deepEqual(todo, ['systemctl daemon-reload', 'systemctl enable nbsvm-foo.service'])
    assert.deepEqual(lines, [])
    await assert.rejects(enable(outside(), 'bar', { ...host, systemd: 'missing' }), (error) => {
      assert.ok(error instanceof Failure)
      assert.equal(error.message, 'cannot enable bar: this machine has no systemd')
      assert.match(error.hints[0] ?? '', /nbsvm bar start$/)
      return true
    })
    assert.deepEqual(fs.readdirSync(host.folder), ['nbsvm-foo.service'])
  })

  test("systemctl's own words are shown when it fails", async () => {
    const failing = { ...host, run: record({ status: 1, stdout: '', stderr: 'Failed to connect to bus: No medium found\n' }) }
    await assert.rejects(
      enable(outside(), 'foo', failing),
      /cannot enable foo: .* is written, but .* to connect to bus: No medium/,
    )
  })
})

describe('disable', () => {
  test('undoes it', async () => {
    const world = outside()
    await enable(world)
    // What `systemctl enable` makes, and a systemctl that cannot reach its manager leaves.
    const wants = path.join(host.folder, 'multi-user.target.wants')
    fs.mkdirSync(wants)
    fs.symlinkSync('../nbsvm-foo.service', path.join(wants, 'nbsvm-foo.service'))
    lines = []
    assert.deepEqual((await disable(world))?.todo, [])
    assert.deepEqual(lines, ['systemctl disable nbsvm-foo.service', 'systemctl daemon-reload'])
    assert.deepEqual([fs.readdirSync(wants), fs.readdirSync(host.folder)], [[], ['multi-user.target.wants']])
    assert.equal(await disable(world), undefined)
  })

  test('a systemctl that fails is said, and nothing stays all the same', async () => {
    const world = outside()
    await enable(world)
    host = { ...host, run: record({ status: 1, stdout: '', stderr: 'no bus' }) }
    assert.deepEqual((await disable(world))?.todo, ['systemctl daemon-reload'])
    assert.deepEqual(fs.readdirSync(host.folder), [])
  })
})

const noAnalyze = spawnSync('systemd-analyze', ['--version']).status !== 0 && 'no systemd-analyze: apt-get install systemd'

describe('systemd-analyze verify', { skip: noAnalyze }, () => {
  /** Its verdict on the unit of VM foo; empty where it finds nothing wrong. */
  function verify(...options: string[]): string {
    fs.mkdirSync(path.join(home, 'run'), { recursive: true, mode: 0o700 })
    const env = { PATH: process.env['PATH'], HOME: home, XDG_RUNTIME_DIR: path.join(home, 'run'), SYSTEMD_LOG_TARGET: 'console' }
    const words = [...options, 'verify', '--man=no', path.join(host.folder, 'nbsvm-foo.service')]
    const { status, stdout, stderr } = spawnSync('systemd-analyze', words, { encoding: 'utf8', env, timeout: 30_000 })
    return status === 0 ? `${stdout}${stderr}` : `status ${status}: ${stdout}${stderr}`
  }

  const worlds: Record<string, () => Outside> = {
    'a plain unit': () => outside(),
    'settings that mean something to systemd': () =>
      outside({ line: { args: '-name "%n $HOME ${x} $$" \\; ; \'"\' -- \n#\t\\x é', usb: ' ' }, environment: { gold: '%h' } }),
    'a home that means something to systemd': () => outside({}, 'a b%n$HOME;\'"\\x é'),
    bridges: () => outside({ line: { bridge: 'br0 br1' } }),
  }
  for (const [name, world] of Object.entries(worlds)) {
    test(`finds nothing wrong: ${name}`, async () => {
      await enable(world())
      assert.equal(verify(), '')
      await enable(world(), 'foo', { ...host, isSystem: false })
      assert.equal(verify('--user'), '')
    })
  }

  test('nor with programs in odd places; it does find one that is not there', async () => {
    for (const name of ['a b%n$HOME;é', 'a b%n$HOME;\'"\\x é']) {
      const odd = path.join(home, name)
      fs.mkdirSync(odd)
      fs.symlinkSync(process.execPath, path.join(odd, 'node'))
      await enable(outside(), 'foo', { ...host, program: [path.join(odd, 'node'), path.join(odd, 'nbsvm.cjs')] })
      assert.equal(verify(), '')
    }
    await enable(outside(), 'foo', { ...host, program: [path.join(home, 'a b%n$HOME;é/nod'), program] })
    assert.match(verify(), /nod.*not executable/)
  })
})

describe('as a user', () => {
  const nobody = '65534'
  const drop = ['--reuid', nobody, '--regid', nobody, '--clear-groups', '--']
  const isRoot = process.geteuid?.() === 0
  const cannot =
    isRoot &&
    spawnSync('setpriv', [...drop, process.execPath, program, 'version']).status !== 0 &&
    'root cannot run this as nobody'

  test('the real program writes under ~/.config, says what else to type, and removes it again', { skip: cannot }, async () => {
    if (isRoot) fs.chownSync(home, Number(nobody), Number(nobody))
    const bin = path.join(home, 'bin')
    fs.mkdirSync(bin)
    fs.writeFileSync(path.join(bin, 'systemctl'), `#!/bin/sh\necho "$*" >>'${home}/lines'\n`, { mode: 0o755 })
    fs.writeFileSync(path.join(home, 'lines'), '', { mode: 0o666 })
    fs.chmodSync(path.join(home, 'lines'), 0o666)
    const nbsvm = (...words: string[]) => {
      const command = [...(isRoot ? ['setpriv', ...drop] : []), process.execPath, program, ...words]
      const env = { PATH: `${bin}:${process.env['PATH']}`, HOME: home, NBSVM_HOME: path.join(home, 'own') }
      return run(command[0] ?? '', command.slice(1), env)
    }
    await nbsvm('foo', 'drive_size=1M', 'newimg')
    const { status, stdout, stderr } = await nbsvm('foo', 'mem=1G', 'enable')
    const file = path.join(home, '.config/systemd/user/nbsvm-foo.service')
    assert.deepEqual([status, stdout], [0, `${file}\n`], stderr)
    assert.match(fs.readFileSync(file, 'utf8'), new RegExp(`^ExecStart=\\S+ ${program} foo mem=1G start$`, 'm'))
    assert.match(fs.readFileSync(file, 'utf8'), new RegExp(`^Environment=NBSVM_HOME=${home}/own$`, 'm'))
    const typed = fs.readFileSync(path.join(home, 'lines'), 'utf8')
    if (fs.existsSync('/run/systemd/system')) assert.equal(typed, '--user daemon-reload\n--user enable nbsvm-foo.service\n')
    else assert.match(stderr, /type: systemctl --user daemon-reload && systemctl --user enable nbsvm-foo\.service$/m)
    if (isRoot) assert.match(stderr, /with the machine: loginctl enable-linger$/m)
    const removed = await nbsvm('foo', 'disable')
    assert.deepEqual([removed.status, removed.stderr, fs.existsSync(file)], [0, `removed ${file}\n`, false])
    assert.equal((await nbsvm('foo', 'disable')).stderr, 'foo was not enabled\n')

    await nbsvm('foo', 'enable')
    assert.match((await nbsvm('foo', 'rm', '--yes')).stderr, /^removed foo: nbsvm-foo-0, and its systemd unit$/m)
    assert.equal(fs.existsSync(file), false, 'what is removed is not started with the machine')
    await nbsvm('foo', 'drive_size=1M', 'newimg', 'enable')
    fs.writeFileSync(file, '[Service]\n')
    assert.match((await nbsvm('foo', 'rm', '--yes')).stderr, /^removed foo: nbsvm-foo-0$/m)
    assert.equal(fs.existsSync(file), true, 'a unit of somebody else stays')
  })

  test('a VM that is not there is not enabled', { skip: cannot }, async () => {
    const { status, stderr } = await run(process.execPath, [program, 'bar', 'enable'], { ...process.env, NBSVM_HOME: home })
    assert.equal(status, 2)
    assert.match(stderr, /there is no VM bar/)
  })
})
