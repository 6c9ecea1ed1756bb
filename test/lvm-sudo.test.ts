// What a user sees when sudo refuses, with a `sudo` in PATH that does.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test, type TestContext } from 'node:test'
import { Failure } from '../src/core/errors.js'
import { lvmStore } from '../src/store/lvm/lvmstore.js'
import { run } from '../src/sys/process.js'
import { elevated } from '../src/sys/sudo.js'

/** Puts a sudo in front of PATH for one test; its arguments are kept in the file that is returned. */
function fakeSudo(t: TestContext, body: string): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-sudo-'))
  const calls = path.join(folder, 'calls')
  fs.writeFileSync(path.join(folder, 'sudo'), `#!/bin/sh\necho "$*" >>${calls}\n${body}\n`, { mode: 0o755 })
  const before = process.env['PATH']
  process.env['PATH'] = `${folder}:${before}`
  t.after(() => {
    process.env['PATH'] = before
    fs.rmSync(folder, { recursive: true })
  })
  return calls
}

const refusing = 'echo "sudo: a password is required" >&2; exit 1'

test('the refusal names the one command that needed root, why, and what to type', async (t) => {
  const calls = fakeSudo(t, refusing)
  const asRoot = elevated(run, 'the volumes of vg0 belong to root', { root: false, terminal: false })
  const store = lvmStore({ vg: 'vg0', run, asRoot, isRoot: false, probe: () => assert.fail() })
  await assert.rejects(store.create('foo', 2 ** 20), (error) => {
    assert.ok(error instanceof Failure)
    assert.equal(error.message, 'cannot run lvs, which needs root: the volumes of vg0 belong to root')
    assert.match(String(error.cause), /a password is required/)
    assert.match(error.hints[0] ?? '', /^what needed it: sudo lvs .* vg0$/)
    assert.ok(error.hints.includes('log in to sudo first: sudo -v'))
    return true
  })
  assert.match(fs.readFileSync(calls, 'utf8'), /^-n -- lvs [^\n]*\n$/, 'one command, without a question')
})

test('on a terminal sudo may ask, and says for which command', async (t) => {
  const calls = fakeSudo(t, `case $1 in -n) ${refusing};; esac; shift 3; exec "$@"`)
  const asRoot = elevated(run, 'test', { root: false, terminal: true })
  assert.equal((await asRoot(['echo', 'hello'])).stdout, 'hello\n')
  assert.match(
    fs.readFileSync(calls, 'utf8'),
    /^-n -- echo hello\n-p nbsvm: echo needs root; password for %p: {2}-- echo hello\n$/,
  )
})

test('a command that fails by itself is no refusal', async (t) => {
  fakeSudo(t, 'shift 2; exec "$@"')
  const asRoot = elevated(run, 'test', { root: false, terminal: false })
  assert.deepEqual(await asRoot(['sh', '-c', 'echo "no space" >&2; exit 1']), { status: 1, stdout: '', stderr: 'no space\n' })
})

test('as root nothing goes through sudo', async (t) => {
  const calls = fakeSudo(t, refusing)
  assert.equal((await elevated(run, 'test', { root: true })(['echo', 'hello'])).stdout, 'hello\n')
  assert.ok(!fs.existsSync(calls))
})

test('a user without root sees drives without asking, and no others', async (t) => {
  const calls = fakeSudo(t, refusing)
  const asRoot = elevated(run, 'test', { root: false, terminal: false })
  const store = lvmStore({ vg: 'no-such-group', run, asRoot, isRoot: false, probe: () => assert.fail() })
  assert.deepEqual([await store.driveNames(), await store.drives('foo')], [[], []])
  assert.ok(!fs.existsSync(calls))
})
