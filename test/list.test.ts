// What a list shows when something of one VM, or beside all of them, is wrong: the others are there all the same.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { makeHome, program, run, type Result } from './cli.js'

const home = makeHome()
const { nbsvm, folder } = home
const isRoot = process.geteuid?.() === 0
const state = path.join(folder, 'state')
const config = path.join(folder, 'config')
fs.mkdirSync(config, { recursive: true })

interface Listed {
  id: string
  state: string
  fault: string | null
  drives: string[]
}

const listed = ({ stdout }: Result): Listed[] => JSON.parse(stdout) as Listed[]

/** As root everything can be read, so the program is run as a user whom no passwd file knows, from a copy that all can read. */
const open = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-list-'))
after(() => fs.rmSync(open, { recursive: true, force: true }))
fs.chmodSync(open, 0o755)
fs.cpSync(path.dirname(program), path.join(open, 'dist'), { recursive: true })
const uid = isRoot ? 12_345 : (process.geteuid?.() ?? 0)

function asUser(words: readonly string[], env: NodeJS.ProcessEnv): Promise<Result> {
  const copy = path.join(open, 'dist/nbsvm.cjs')
  const all = { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8', accel: 'tcg', ...env }
  if (!isRoot) return run(copy, words, all)
  return run('setpriv', ['--reuid', String(uid), '--regid', String(uid), '--clear-groups', '--', copy, ...words], all)
}

function userFolder(name: string): string {
  const own = path.join(open, name)
  fs.mkdirSync(own)
  fs.chownSync(own, uid, isRoot ? uid : (process.getegid?.() ?? 0))
  return own
}

test('what lies among the drawers and is no folder of a VM is no VM', async () => {
  assert.equal((await nbsvm(['a', 'newimg'])).status, 0)
  fs.mkdirSync(state, { recursive: true })
  fs.writeFileSync(path.join(state, 'note.txt'), 'mine\n')
  fs.symlinkSync('/etc', path.join(state, 'link'))
  for (const name of ['.hidden', 'a b', '-rf', 'lost+found', 'vms', `x${'y'.repeat(200)}`]) fs.mkdirSync(path.join(state, name))
  fs.mkdirSync(path.join(folder, 'vms', 'a b'))
  fs.writeFileSync(path.join(folder, 'vms', 'stray'), '')
  assert.deepEqual(
    listed(await nbsvm(['ls', '--json'])).map(({ id, fault }) => [id, fault]),
    [['a', null]],
  )
  assert.equal((await nbsvm(['*', 'stop'])).status, 0)
})

test('a mistake in a class file, of no VM: told once, and the list and patterns go on', async () => {
  fs.writeFileSync(path.join(config, 'other.class'), 'mem=2x\n')
  for (const words of [['ls'], [], ['*', 'stop']]) {
    const { status, stdout, stderr } = await nbsvm(words)
    assert.equal(status, 0, stderr)
    if (words[0] !== '*') assert.match(stdout, /^a +stopped/m)
    assert.equal(stderr.match(/mem: .*other\.class:1/g)?.length, 1, stderr)
  }
  assert.equal(listed(await nbsvm(['ls', '--json'])).length, 1)
  fs.rmSync(path.join(config, 'other.class'))
  fs.writeFileSync(path.join(config, 'default.class'), 'mem=2x\n')
  fs.writeFileSync(path.join(config, 'fine.class'), 'mem=64\n')
  assert.equal((await nbsvm(['ls'])).stderr.match(/default\.class/g)?.length, 1)
  for (const file of ['default', 'fine']) fs.rmSync(path.join(config, `${file}.class`))
})

test('a store that cannot be opened is told, and the drives of the others are listed', async () => {
  fs.writeFileSync(path.join(config, 'big.class'), 'vg=nbsvm-no-such-group\n')
  const { status, stdout, stderr } = await nbsvm(['ls'])
  assert.equal(status, 0, stderr)
  assert.match(stdout, /^a +stopped.*nbsvm-a-0/m)
  // LVM tells nobody but root; to others a group that is not there has no drives.
  assert.match(stderr, isRoot ? /nbsvm-no-such-group|lvs/ : /^$/)
  fs.rmSync(path.join(config, 'big.class'))
})

test('a drawer that cannot be looked into: its VM is listed as unknown, with the reason, and the others as they are', async () => {
  const own = userFolder('locked')
  const env = { HOME: own, NBSVM_HOME: own }
  for (const id of ['one', 'two']) assert.equal((await asUser([id, 'newimg'], env)).status, 0)
  assert.equal((await asUser(['one', 'network=none', 'start', '-S'], env)).status, 0)
  const drawer = path.join(own, 'state', 'two')
  fs.mkdirSync(drawer, { recursive: true })
  fs.chownSync(drawer, uid, uid)
  fs.chmodSync(drawer, 0)
  const { status, stdout, stderr } = await asUser(['ls'], env)
  assert.equal(status, 0, stderr)
  assert.match(stdout, /^one +paused/m)
  assert.match(stdout, /^two +unknown/m)
  assert.match(stderr, /two: cannot look into its drawer: EACCES/)
  const [one, two] = listed(await asUser(['ls', '--json'], env))
  assert.deepEqual([one?.fault, one?.state], [null, 'paused'])
  assert.match(two?.fault ?? '', /EACCES/)
  assert.equal((await asUser(['one', 'stop'], env)).status, 0)
  fs.chmodSync(drawer, 0o700)
})

test('a user whom no passwd file knows, as in containers: all of it works, also without HOME', async () => {
  const own = userFolder('nameless')
  for (const env of [{ HOME: own, NBSVM_HOME: own }, { NBSVM_HOME: own }]) {
    for (const words of [
      ['v', 'newimg'],
      ['v', 'network=none', 'start', '-S', '--', 'status', 'stop'],
      ['v', 'explain'],
      ['ls'],
      ['v', 'rm', '--yes'],
    ]) {
      const { status, stderr } = await asUser(words, env)
      assert.equal(status, 0, `${words.join(' ')}: ${stderr}`)
    }
  }
})

test('what cannot be written is named itself, not a fixed folder', async () => {
  const own = userFolder('split')
  const closed = path.join(open, 'closed')
  fs.mkdirSync(closed)
  fs.chmodSync(closed, 0o555)
  const env = { HOME: own, XDG_DATA_HOME: closed }
  const { status, stderr } = await asUser(['foo', 'newimg'], env)
  assert.equal(status, 1)
  assert.match(stderr, new RegExp(`\\n {2}see who may write there: ls -ld ${closed}; `))
  assert.doesNotMatch(stderr, /\.local\/state/)
})

test('the columns tell what runs: since when, its memory, its ports; -c chooses, in --json too', async () => {
  const port = 20_000 + (process.pid % 20_000)
  const forward = `forward=${port}:22 udp:${port + 1}:53`
  assert.equal((await nbsvm(['ran', 'mem=96', forward, 'newimg', 'start'])).status, 0)
  const { stdout } = await nbsvm(['ls'])
  const rows = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/))
  assert.deepEqual(rows[0], ['VM', 'STATE', 'SINCE', 'MEM', 'PORTS', 'DRIVES'])
  assert.deepEqual(
    rows.find(([id]) => id === 'a'),
    ['a', 'stopped', '-', '-', '-', 'nbsvm-a-0'],
  )
  const [, state, since, ...rest] = rows.find(([id]) => id === 'ran') ?? []
  assert.equal(state, 'running')
  assert.match(since ?? '', /^\d+s$/)
  assert.deepEqual(rest, ['96M', `${port}->22 ${port + 1}->53/udp`, 'nbsvm-ran-0'])
  assert.match((await nbsvm(['ls', '-c', 'state,vm,pid'])).stdout, /^STATE +VM +PID\n.*\nrunning +ran +\d+\n$/s)
  const chosen = JSON.parse((await nbsvm(['ls', '--json', '-c', 'vm,mem'])).stdout) as unknown[]
  assert.deepEqual(chosen.at(-1), { id: 'ran', memBytes: 96 * 1024 ** 2 })
  for (const [words, expected] of [
    [['-c', 'vm,nonsense'], /ls has no column "nonsense"\n.*nbsvm ls -c vm,state,/],
    [['-c'], /ls has no column ""/],
    [['ran'], /unexpected argument "ran"/],
    [['-x'], /unexpected argument "-x"/],
  ] as const) {
    const { status, stderr } = await nbsvm(['ls', ...words])
    assert.equal(status, 2)
    assert.match(stderr, expected)
  }
  assert.equal((await nbsvm(['ran', 'stop'])).status, 0)
})
