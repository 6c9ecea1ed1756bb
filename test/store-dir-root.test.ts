// Root's store beside processes of other users: what they have open, what they own for a moment.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { after, describe, it } from 'node:test'
import { makeHome, program } from './cli.js'
import { bases, digest, findGold, hasPattern, makePlace, mib, noneLive, writePattern } from './support/drives.js'

const skip = process.getuid?.() === 0 ? false : 'needs root'
const live = { live: noneLive }

/** A process of another user that has a file open for writing, as a QEMU that was left, or one whose drive became a base. */
function holder(file: string): { end(): Promise<void> } {
  const fd = fs.openSync(file, 'r+')
  const command = ['--reuid', '65534', '--regid', '65534', '--clear-groups', 'sleep', '60']
  const child = spawn('setpriv', command, { stdio: ['ignore', 'ignore', 'ignore', fd] })
  fs.closeSync(fd)
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  return { end: () => (child.kill('SIGKILL'), gone) }
}

describe('what another user can still write to', { skip }, () => {
  const place = makePlace()
  after(() => place.remove())

  it('is not read by root as an image: a drive at rest is refused, a base is copied first', async () => {
    const { store, folder, outside } = place
    const gold = await store.create('gold', 8 * mib)
    writePattern(gold, 1, '0', '64k')
    const open = holder(gold.image.path)
    await new Promise((resolve) => setTimeout(resolve, 300))
    try {
      const refused = /pid \d+ \(.*\) can write to it/
      await assert.rejects(store.resize(gold, 16 * mib, { shrink: false }), refused)
      await assert.rejects(async () => store.snapshot('web', await findGold(store), live), refused)
      await assert.rejects(async () => store.clone('web', await findGold(store), live), refused)
    } finally {
      await open.end()
    }
    await store.snapshot('web', await findGold(store), live)
    const base = path.join(folder, bases(folder)[0] ?? '')
    const writer = holder(base)
    await new Promise((resolve) => setTimeout(resolve, 300))
    try {
      const module = new URL('../src/store/dir/dir.js', import.meta.url).href
      const script = `
        const { dirStore } = await import(${JSON.stringify(module)})
        const store = dirStore({ folder: ${JSON.stringify(folder)} })
        await store.clone('flat', await store.findSource({ gold: 'gold' }), { live: { runs: () => false } })`
      const log = path.join(outside, 'log')
      const trace = ['-f', '-o', log, '-e', 'trace=execve,openat', process.execPath, '--input-type=module', '-e', script]
      const run = spawnSync('strace', trace, { encoding: 'utf8' })
      assert.equal(run.status, 0, run.stderr)
      const lines = fs.readFileSync(log, 'utf8').split('\n')
      const qemuImg = new Set(
        lines.filter((line) => line.includes('execve("/usr/bin/qemu-img"')).map((line) => line.split(' ')[0]),
      )
      assert.ok(qemuImg.size > 0)
      const opened = lines.filter((line) => line.includes(path.basename(base)) && qemuImg.has(line.split(' ')[0] ?? ''))
      assert.deepEqual(
        opened.filter((line) => line.includes('openat')),
        [],
      )
      const [flat = assert.fail()] = await store.drives('flat')
      assert.ok(hasPattern(flat, 1, '0', '64k'))
      assert.equal(digest(flat), digest((await store.drives('gold'))[0] ?? assert.fail()))
    } finally {
      await writer.end()
    }
  })
})

describe("a root's VM that is copied while it runs", { skip }, () => {
  const home = makeHome()

  it("owns its layer for a moment only, and no copy's base; nothing of it stays in QEMU's folder", async () => {
    const nbsvm = async (...words: readonly string[]): Promise<void> => {
      const { status, stderr } = await home.nbsvm(words)
      assert.equal(status, 0, stderr)
    }
    await nbsvm('gold', 'drive_size=8M', 'newimg', 'start', '-S')
    await nbsvm('web1', 'snapshot')
    await nbsvm('web1', 'start', '-S')
    await nbsvm('web2', 'gold=web1', 'snapshot')
    await nbsvm('gold', 'resize', '+8M')
    const drives = path.join(home.folder, 'drives')
    for (const name of fs.readdirSync(drives)) {
      const { uid, mode, nlink } = fs.lstatSync(path.join(drives, name))
      assert.deepEqual([name, uid], [name, 0])
      if (name.startsWith('.base-')) assert.equal(mode & 0o777, 0o400)
      if (name.startsWith('nbsvm-')) assert.deepEqual([mode & 0o777, nlink], [0o600, 1])
    }
    for (const id of ['gold', 'web1']) {
      assert.ok(!fs.readdirSync(path.join(home.folder, 'state', id, 'run')).includes('layer'))
    }
  })

  it('is copied too where its drives are on a file system of their own', async (t) => {
    const own = makeHome()
    const drives = path.join(own.folder, 'drives')
    fs.mkdirSync(drives, { mode: 0o700 })
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64m,mode=700', 'tmpfs', drives], { encoding: 'utf8' })
    if (mounted.status !== 0) return t.skip(`no tmpfs can be mounted: ${mounted.stderr}`)
    try {
      for (const words of [
        ['gold', 'drive_size=8M', 'newimg', 'start', '-S'],
        ['web', 'snapshot'],
        ['copy', 'clone'],
        ['gold', 'resize', '+8M'],
        ['gold', 'stop', 'start', '-S'],
        ['gold', 'stop'],
      ]) {
        const { status, stderr } = await own.nbsvm(words)
        assert.equal(status, 0, stderr)
      }
      assert.deepEqual(fs.readdirSync(path.join(drives, '.layers')), [])
      assert.deepEqual([fs.statSync(drives).mode & 0o777, fs.statSync(path.join(drives, '.layers')).mode & 0o777], [0o700, 0o711])
    } finally {
      await own.nbsvm(['gold', 'stop'])
      spawnSync('umount', [drives])
    }
  })

  it("gives back what a killed nbsvm left to QEMU's user, with the next command that makes a drive", async () => {
    assert.equal((await home.nbsvm(['lone', 'drive_size=8M', 'newimg', 'start', '-S'])).status, 0)
    const trace = ['-f', '-o', '/dev/null', '-e', 'trace=unlink', '-P', path.join(home.folder, 'drives/.layers/nbsvm-lone-0')]
    const kill = ['-e', 'inject=unlink:signal=SIGKILL:when=2', process.execPath, program, 'web3', 'gold=lone', 'snapshot']
    const write = spawnSync('strace', [...trace, ...kill], { env: home.env, encoding: 'utf8' })
    assert.notEqual(write.status, 0)
    const { status, stderr } = await home.nbsvm(['other', 'drive_size=8M', 'newimg'])
    assert.equal(status, 0, stderr)
    const drives = path.join(home.folder, 'drives')
    assert.deepEqual(fs.readdirSync(path.join(drives, '.layers')), [])
    const { uid, mode, nlink } = fs.statSync(path.join(drives, 'nbsvm-lone-0.qcow2'))
    assert.deepEqual([uid, mode & 0o777, nlink], [0, 0o600, 1])
  })
})
