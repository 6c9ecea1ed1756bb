// What `enable` writes, under a systemd that runs: one of its own inside User-Mode Linux, so that no machine's is touched.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { findProgram } from '../../src/sys/file.js'
import { run as runProgram } from '../../src/sys/process.js'
import { enableVm } from '../../src/service/enable.js'
import { findPlace, type Outside } from '../../src/host/place.js'
import { openVm } from '../../src/vm/record/vm.js'
import { guestKernel, program, until } from '../cli.js'
import { umlNeeds } from '../uml/run.js'
import { isInsideUml, reportFromUml } from '../uml/where.js'

const units = '/etc/systemd/system'

if (isInsideUml()) suite()
else {
  const needs = [...umlNeeds(), ...(findProgram('systemd-analyze') === undefined ? ['systemd'] : [])]
  // From build/js/test/whole.
  const script = path.join(import.meta.dirname, '../../../../test/uml/systemd.sh')
  if (needs.length > 0) test('units', { skip: `no systemd to try them with: apt-get install ${needs.join(' ')}` }, () => {})
  else reportFromUml(import.meta.filename, { memory: '1500M', timeoutMs: 1_200_000 }, ['unshare', '--mount', 'sh', script])
}

function suite(): void {
  const home = '/run/tmp/home'
  const env = { PATH: process.env['PATH'], HOME: '/run/home', NBSVM_HOME: home, accel: 'tcg' }
  const enter = (process.env['NBSVM_TEST_ENTER'] ?? '').split(' ')

  /** Runs a program where systemd is process 1. */
  function run(...command: string[]): { status: number | null; stdout: string; stderr: string } {
    const [first = '', ...words] = [...enter, ...command]
    return spawnSync(first, words, { encoding: 'utf8', env, timeout: 300_000 })
  }
  const nbsvm = (...words: string[]) => run(process.execPath, program, ...words)
  const systemctl = (...words: string[]) => run('systemctl', '--no-pager', ...words)

  /** What systemd says of the unit. */
  function shown(...names: string[]): string[] {
    const { stdout } = systemctl('show', 'nbsvm-foo', ...names.map((name) => `--property=${name}`))
    return names.map((name) => new RegExp(`^${name}=(.*)$`, 'm').exec(stdout)?.[1] ?? '')
  }
  const log = (): string => ['/run/log', '/run/systemd.log'].map((file) => fs.readFileSync(file, 'utf8')).join('\n---\n')

  test('a program gets the words and variables that were meant, whatever is in them', async () => {
    const odd = '/run/tmp/a b%n$HOME;é'
    const worse = '/run/tmp/a\'b"%n${HOME}\\x$$'
    const values = [
      odd,
      worse,
      '%%',
      '$$$',
      '${x:-y}',
      '\\n\n\t\r\u0001\u007f\u0085',
      '; \\; | > # ',
      "'",
      '"',
      '',
      ' ',
      '\u{1f600}',
    ]
    for (const folder of [odd, worse]) {
      fs.mkdirSync(folder)
      fs.symlinkSync(process.execPath, `${folder}/node`)
      const tell = `require('fs').writeFileSync(${JSON.stringify(`${folder}/told`)}, JSON.stringify([process.argv, process.env]))`
      fs.writeFileSync(`${folder}/tell.cjs`, tell)
      const environment = { NBSVM_HOME: folder, args: `-fw_cfg\t'${odd}'\n%n`, PATH: `${folder}:/usr/bin:/bin` }
      const line = { source: `/${values.join('|')}` }
      const outside: Outside = { place: findPlace(environment, true, '/run/home'), environment, vmClass: undefined, line }
      const words = [`${folder}/node`, `${folder}/tell.cjs`]
      const host = {
        isSystem: true,
        folder: units,
        program: words,
        systemd: 'installed',
        lingers: true,
        run: runProgram,
      } as const
      await enableVm(await openVm('foo', outside), outside, host)
      systemctl('daemon-reload')
      // It tells, and starts nothing: the unit fails.
      systemctl('start', 'nbsvm-foo')
      const [argv, told] = JSON.parse(fs.readFileSync(`${folder}/told`, 'utf8')) as [string[], Record<string, string>]
      assert.deepEqual(argv.slice(1), [`${folder}/tell.cjs`, 'foo', `source=${line.source}`, 'start'], log())
      const { NBSVM_HOME, args, PATH } = told
      assert.deepEqual({ NBSVM_HOME, args, PATH }, environment)
    }
    fs.rmSync(`${units}/nbsvm-foo.service`)
  })

  test('enable has it started with the machine; what runs is the VM, and systemd knows', () => {
    assert.equal(nbsvm('foo', 'drive_size=1M', 'newimg').status, 0)
    const { status, stdout, stderr } = nbsvm('foo', 'timeout=1', 'enable')
    assert.deepEqual([status, stdout], [0, `${units}/nbsvm-foo.service\n`], stderr)
    assert.deepEqual(fs.readdirSync(`${units}/multi-user.target.wants`), ['nbsvm-foo.service'])
    // As at power-on.
    systemctl('reset-failed')
    systemctl('start', 'multi-user.target')
    assert.equal(systemctl('start', 'nbsvm-foo').status, 0, log())
    const [pid] = JSON.parse(nbsvm('ls', '--json').stdout) as { pid: number }[]
    assert.deepEqual(shown('ActiveState', 'SubState', 'MainPID'), ['active', 'running', String(pid?.pid)])
  })

  test('a VM that nbsvm ends is no failure', async () => {
    assert.equal(nbsvm('foo', 'stop').status, 0)
    await until('systemd to see it', 200_000, () => shown('SubState')[0] === 'dead')
    assert.deepEqual(shown('ActiveState', 'Result'), ['inactive', 'success'], log())
  })

  test('a guest that does not listen to the power button is ended after its timeout', () => {
    assert.equal(systemctl('start', 'nbsvm-foo').status, 0, log())
    systemctl('stop', 'nbsvm-foo')
    assert.match(log(), /foo is still running after 1 seconds/)
    assert.deepEqual(shown('MainPID', 'ExecMainStatus'), ['0', '0'])
    assert.equal(JSON.parse(nbsvm('foo', 'status', '--json').stdout).state, 'stopped')
  })

  test('disable leaves nothing', () => {
    assert.equal(nbsvm('foo', 'disable').stderr, `removed ${units}/nbsvm-foo.service\n`)
    assert.deepEqual(fs.readdirSync(units), [])
    assert.deepEqual(shown('LoadState'), ['not-found'])
  })

  test('a guest is shut down with the machine', async () => {
    const [, kernel, , initrd, , append] = guestKernel
    const args = `args=-kernel '${kernel}' -initrd '${initrd}' -append '${append}'`
    assert.equal(nbsvm('foo', 'run_as=root', 'mem=256', args, 'enable').status, 0)
    assert.equal(systemctl('start', 'nbsvm-foo').status, 0, log())
    const said = (): string => fs.readFileSync(`${home}/state/foo/console.log`, 'utf8')
    await until('the guest', 90_000, () => said().includes('guest ready'))
    systemctl('poweroff')
    await until('the end of systemd', 60_000, () => !fs.existsSync(`/proc/${enter[2]}`))
    const { state, ending } = JSON.parse(
      spawnSync(process.execPath, [program, 'foo', 'status', '--json'], { encoding: 'utf8', env }).stdout,
    ) as { state: string; ending: { kind: string; words: string } }
    assert.deepEqual([state, ending.kind], ['stopped', 'guest-shutdown'], `${ending.words}\n${log()}`)
  })
}
