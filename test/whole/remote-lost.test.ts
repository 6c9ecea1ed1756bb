// A connection that is cut in the midst of a line for another machine: it is told within seconds, what was half made there is undone, and
// no process is left on either side.
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { before, describe, it } from 'node:test'
import { program, until } from '../cli.js'
import { freePort } from '../guest.js'
import { makeMachines, whyNoMachine } from '../support/machines.js'

describe('a connection that is lost', { skip: whyNoMachine }, () => {
  const { home, of, cutHere } = makeMachines('box1')
  const { nbsvm } = home
  const box1 = of('box1')
  const here = path.join(home.folder, 'here')
  const large = path.join(here, 'large')

  before(async () => {
    fs.mkdirSync(here)
    process.chdir(here)
    assert.equal((await nbsvm(['box1:foo', 'network=-nic user', 'newimg', 'start', '-S'])).status, 0)
    fs.writeFileSync(large, '')
    fs.truncateSync(large, 20 * 1024 ** 3)
  })

  /** nbsvm with a stdin that says nothing and does not end. */
  const begin = (...words: string[]): { child: ChildProcess; said: () => string; ended: Promise<number> } => {
    const child = spawn(program, words, { env: home.env, stdio: 'pipe' })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => (said += text))
    return { child, said: () => said, ended: new Promise((resolve) => child.on('close', (status) => resolve(status ?? -1))) }
  }

  /** What runs of nbsvm's there, by the words that only these lines have. */
  const running = (mark: string): string[] =>
    fs
      .readdirSync('/proc')
      .filter((pid) => /^\d+$/.test(pid))
      .flatMap((pid) => {
        try {
          const line = fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ')
          return line.includes(mark) && Number(pid) !== process.pid ? [`${pid} ${line}`] : []
        } catch {
          return []
        }
      })

  const port = freePort()
  const lines: readonly (readonly [what: string, words: () => Promise<string[]>, isOn: (said: string) => boolean])[] = [
    ['a wait', async () => ['box1:foo', 'wait', 'nosuchtext'], () => running('nbsvm foo wait').length > 0],
    ['the console', async () => ['box1:foo', 'console'], () => running('nbsvm foo console').length > 0],
    ['the screen', async () => ['box1:foo', 'viewer=none', 'vnc'], (said) => said.includes('its password is')],
    ['ports', async () => ['box1:foo', 'forward', '--hold', `127.0.0.2:${await port}:80`], (said) => said.includes('->80')],
    [
      'a copy',
      async () => ['box1:copied', `source=${box1.folder}/source.raw`, 'bs=512', 'clone'],
      () => fs.readdirSync(path.join(box1.folder, 'drives')).some((name) => name.startsWith('.tmp-')),
    ],
    ['files on their way', async () => ['box1:foo', 'cp', 'large', ':/tmp/'], () => fs.readdirSync(box1.temporary).length > 0],
  ]

  for (const [cutWhere, cut] of [
    ['there', box1.cut],
    ['here', cutHere],
  ] as const) {
    it(`cut ${cutWhere}: told, undone, nothing left`, async () => {
      for (let megabytes = 0; megabytes < 1024; megabytes += 64)
        fs.appendFileSync(path.join(box1.folder, 'source.raw'), Buffer.alloc(64 * 1024 ** 2, megabytes + 1))
      for (const [what, words, isOn] of lines) {
        const { child, said, ended } = begin(...(await words()))
        await until(`${what} goes on`, 30_000, () => isOn(said()) || child.exitCode !== null)
        const beganMs = Date.now()
        cut()
        assert.equal(await ended, 1, `${what}: ${said()}`)
        assert.ok(Date.now() - beganMs < 15_000, `${what}: ${Date.now() - beganMs} ms`)
        assert.match(said(), /nbsvm: the connection to box1 is lost: .*\n {2}see what became of it: nbsvm ls box1:\n/, what)
        await until(`nothing of ${what} is left`, 15_000, () => {
          const left = [...running('nbsvm foo '), ...running('nbsvm copied '), ...running("'foo'")]
          return left.length === 0 && fs.readdirSync(box1.temporary).length === 0
        })
        assert.deepEqual(
          fs.readdirSync(path.join(box1.folder, 'drives')).filter((name) => !name.startsWith('.')),
          ['nbsvm-foo-0.qcow2'],
          what,
        )
      }
      fs.rmSync(path.join(box1.folder, 'source.raw'))
      assert.match((await nbsvm(['ls', 'box1:'])).stdout, /^box1:foo +paused/m)
    })
  }

  it('cut as the folder for files is made: nothing left', async () => {
    const slow = path.join(box1.bin, 'mktemp')
    fs.writeFileSync(slow, '#!/bin/sh\nPATH=/usr/bin:/bin; d=$(mktemp "$@") && sleep 2 && echo "$d"\n', { mode: 0o755 })
    const { said, ended } = begin('box1:foo', 'cp', 'large', ':/tmp/')
    await until('it is made', 30_000, () => fs.readdirSync(box1.temporary).length > 0)
    box1.cut()
    assert.equal(await ended, 1, said())
    fs.rmSync(slow)
    await until('nothing is left', 15_000, () => fs.readdirSync(box1.temporary).length === 0)
  })

  it('nbsvm here that is killed leaves nothing there', async () => {
    const { child, said, ended } = begin('box1:foo', 'cp', 'large', ':/tmp/')
    await until('it goes on', 30_000, () => fs.readdirSync(box1.temporary).length > 0)
    child.kill('SIGKILL')
    await ended
    await until(`nothing is left ${said()}`, 15_000, () => fs.readdirSync(box1.temporary).length === 0)
  })
})
