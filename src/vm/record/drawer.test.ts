import assert from 'node:assert/strict'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { claimDrawer, drawerOf, makeRun } from './drawer.js'

const isRoot = process.getuid?.() === 0
const other = { uid: 65_534, gid: 65_534 }
let state = ''
const drawer = (id = 'foo') => drawerOf(state, id)
const modeOf = (file: string): number => fs.statSync(file).mode & 0o777

beforeEach(() => {
  state = fs.mkdtempSync(path.join(tmpdir(), 'nbsvm-drawer-'))
})
afterEach(() => fs.rmSync(state, { recursive: true }))

test('a drawer is made for its owner alone, and one that others may enter is closed', () => {
  claimDrawer(drawer())
  assert.equal(modeOf(drawer().folder), 0o700)
  fs.chmodSync(drawer().folder, 0o777)
  fs.writeFileSync(drawer().journal, 'kept')
  claimDrawer(drawer())
  assert.equal(modeOf(drawer().folder), 0o700)
  assert.equal(fs.readFileSync(drawer().journal, 'utf8'), 'kept')
})

test('a link, or a file, is no drawer', () => {
  const elsewhere = path.join(state, 'elsewhere')
  fs.mkdirSync(elsewhere, { mode: 0o755 })
  fs.symlinkSync(elsewhere, drawer().folder)
  assert.throws(() => claimDrawer(drawer()), /is not a folder/)
  assert.equal(modeOf(elsewhere), 0o755)
  fs.writeFileSync(drawer('bar').folder, '')
  assert.throws(() => claimDrawer(drawer('bar')))
})

test("QEMU's folder is empty and its user's own, whatever an earlier one has left there", () => {
  claimDrawer(drawer())
  const { run } = drawer()
  fs.mkdirSync(path.join(run, 'deep'), { recursive: true })
  fs.chmodSync(run, 0o777)
  fs.symlinkSync('/etc/passwd', path.join(run, 'qmp.sock'))
  const owner = isRoot ? other : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  makeRun(drawer(), owner)
  assert.deepEqual(fs.readdirSync(run), [])
  assert.deepEqual([fs.statSync(run).uid, modeOf(run)], [owner.uid, 0o700])
})

describe('as root', { skip: isRoot ? false : 'needs root' }, () => {
  test("a drawer that QEMU's user owned is root's from then on, and nothing of what was in it is believed", () => {
    const { folder, pid, taps, command } = drawer()
    fs.mkdirSync(path.join(folder, 'run'), { recursive: true })
    for (const [file, text] of [
      [pid, '1'],
      [taps, 'eth0'],
      [command, 'qemu -uuid x'],
    ] as const)
      fs.writeFileSync(file, text)
    fs.symlinkSync('/etc/shadow', drawer().consoleLog)
    for (const name of ['.', 'pid', 'taps', 'run']) fs.chownSync(path.join(folder, name), other.uid, other.gid)
    fs.chmodSync(folder, 0o777)
    claimDrawer(drawer())
    assert.deepEqual([fs.statSync(folder).uid, fs.statSync(folder).gid, modeOf(folder)], [0, 0, 0o700])
    // Only what is asked for by name, and root's now.
    assert.deepEqual(fs.readdirSync(folder), ['command'])
    assert.equal(fs.statSync(command).uid, 0)
  })

  test("nothing is made in a user's folder of drawers", () => {
    fs.chownSync(state, other.uid, other.gid)
    assert.throws(() => claimDrawer(drawer()), /belongs to another user \(uid 65534\)/)
    assert.deepEqual(fs.readdirSync(state), [])
  })
})
