import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { Failure } from '../core/errors.js'
import { installAgents, listAgents, removeAgents } from './pacemaker.js'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-test-agents-'))
after(() => fs.rmSync(folder, { recursive: true }))

let count = 0
/** A file system with Pacemaker in it. */
function makeRoot(): string {
  const root = path.join(folder, String(++count))
  for (const name of ['usr/lib/ocf/resource.d/pacemaker', 'usr/sbin']) fs.mkdirSync(path.join(root, name), { recursive: true })
  return root
}

const states = (root: string): string[] => listAgents(root).map(({ state }) => state)

test('agents are links to the files of the package, which everybody may follow; a second time, and after an update, too', () => {
  const root = makeRoot()
  assert.deepEqual(states(root), ['missing', 'missing'])
  const umask = process.umask(0o077)
  try {
    for (const { link, file, state } of installAgents(root)) {
      assert.equal(state, 'installed')
      assert.equal(fs.realpathSync(link), fs.realpathSync(file))
      assert.ok((fs.statSync(file).mode & 0o111) === 0o111, file)
    }
  } finally {
    process.umask(umask)
  }
  const own = path.join(root, 'usr/lib/ocf/resource.d/nbsvm')
  assert.equal(fs.statSync(own).mode & 0o777, 0o755)
  fs.rmSync(path.join(own, 'vm'))
  fs.symlinkSync('/gone/nbsvm/dist/pacemaker/vm', path.join(own, 'vm'))
  installAgents(root)
  assert.ok(fs.existsSync(path.join(own, 'vm')), 'a link to an nbsvm that is gone leads to this one')
  assert.deepEqual(fs.readdirSync(own), ['vm'], 'no temporary file is left')
})

test('removed, nothing is left; a second time it does no harm', () => {
  const root = makeRoot()
  installAgents(root)
  for (let time = 0; time < 2; time++) {
    removeAgents(root)
    assert.deepEqual(states(root), ['missing', 'missing'])
    assert.deepEqual(fs.readdirSync(path.join(root, 'usr/lib/ocf/resource.d')), ['pacemaker'])
    assert.deepEqual(fs.readdirSync(path.join(root, 'usr/sbin')), [])
  }
})

test('without Pacemaker nothing is installed', () => {
  const root = path.join(folder, 'bare')
  assert.throws(() => installAgents(root), /there is no Pacemaker on this machine/)
  assert.ok(!fs.existsSync(root))
})

test("somebody else's file stays as it is, and nothing is done", () => {
  const root = makeRoot()
  const file = path.join(root, 'usr/sbin/fence_nbsvm_rbd')
  fs.writeFileSync(file, 'mine')
  for (const change of [installAgents, removeAgents]) {
    assert.throws(
      () => change(root),
      (error) => error instanceof Failure && error.message.includes('was not put there by nbsvm'),
    )
  }
  assert.equal(fs.readFileSync(file, 'utf8'), 'mine')
  assert.deepEqual(states(root), ['missing', 'other'])
})
