import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { behindMark, cutAtMark, mark, markedScript, remoteCommand } from './command.js'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-remote-'))
after(() => fs.rmSync(folder, { recursive: true }))

/** A machine whose nbsvm is a script. */
function machine(script: string): NodeJS.ProcessEnv {
  fs.writeFileSync(path.join(folder, 'nbsvm'), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return { PATH: `${folder}:/usr/bin:/bin`, HOME: folder }
}

const usual = { host: 'box2', terminals: [], isWatched: false } as const
const odd = ['a b', "it's", '$HOME', '', '"', '\\', 'é', '*', 'a\nb', '!x']

for (const shell of ['sh', 'bash', 'fish', 'zsh']) {
  const isMissing = spawnSync(shell, ['-c', 'true']).error !== undefined
  test(`${shell} hands the words on as they are`, { skip: isMissing && `there is no ${shell}` }, () => {
    const env = machine('printf "<%s>" "$@" "$NBSVM_AS" "$NBSVM_TERMINALS"')
    const command = remoteCommand({ ...usual, words: odd, as: 'box2', terminals: [1, 2] })
    const { stdout, stderr } = spawnSync(shell, ['-c', command], { env, encoding: 'utf8' })
    assert.deepEqual([stdout, stderr], [[...odd, 'box2', '12'].map((word) => `<${word}>`).join(''), ''])
  })
}

test('its exit status, and its stdin where it is not watched', () => {
  const env = machine('cat; exit 7')
  const { status, stdout } = spawnSync('sh', ['-c', remoteCommand({ ...usual, words: [] })], {
    env,
    input: 'x',
    encoding: 'utf8',
  })
  assert.deepEqual([status, stdout], [7, 'x'])
})

test('where it is watched, the end of stdin ends it', async () => {
  const env = machine("trap 'kill $!; echo undone; exit 143' TERM; sleep 20 & echo begun; wait")
  const child = spawn('sh', ['-c', remoteCommand({ ...usual, words: [], isWatched: true })], { env, stdio: ['pipe', 'pipe', 2] })
  let said = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said += text
    if (text === 'begun\n') child.stdin?.end()
  })
  const status = await new Promise((resolve) => child.on('close', resolve))
  assert.deepEqual([status, said], [143, 'begun\nundone\n'])
})

test('a machine without nbsvm says so', () => {
  const { status, stderr } = spawnSync('sh', ['-c', remoteCommand({ ...usual, words: [] })], {
    env: { PATH: '/usr/bin:/bin', HOME: '/nonexistent' },
    encoding: 'utf8',
  })
  assert.equal(status, 127)
  assert.match(stderr, /^nbsvm: there is no nbsvm on \S+, or not in the PATH of a line by ssh\n {2}install it there; .*\n$/)
})

test('what a login says is told from what comes after the mark, however it is cut', () => {
  const { stdout, stderr } = spawnSync(
    'sh',
    ['-c', `printf greeting; ${remoteCommand({ ...usual, words: ['x'], isMarked: true })}`],
    {
      env: machine('echo "$1"; echo why >&2'),
      encoding: 'utf8',
    },
  )
  assert.deepEqual(cutAtMark(stdout), { before: 'greeting', after: 'x\n' })
  assert.deepEqual(cutAtMark(stderr), { before: '', after: 'why\n' })
  assert.equal(cutAtMark(`${mark}, it says`).after, undefined)
  const said = spawnSync('sh', ['-c', `echo greeting; ${markedScript('cat; echo "$1"', ["it's"])}`], { input: 'in\n' }).stdout
  for (const size of [1, 7, 100]) {
    let taken = ''
    const take = behindMark((piece) => (taken += piece.toString()))
    for (let at = 0; at < said.length; at += size) take(said.subarray(at, at + size))
    assert.equal(taken, "in\nit's\n")
  }
  const endless = behindMark(() => {})
  assert.throws(() => Array.from({ length: 20 }, () => endless(Buffer.alloc(10_000))), /its login says more/)
})
