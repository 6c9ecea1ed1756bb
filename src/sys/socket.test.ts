import assert from 'node:assert/strict'
import fs from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { connect, listenLocal, listenPrivate } from './socket.js'

const folder = fs.mkdtempSync(path.join(tmpdir(), 'nbsvm-socket-'))
const own = path.join(folder, 'own/sock')
let callers = 0
const server = createServer((socket) => {
  callers++
  socket.end()
})

before(async () => {
  fs.mkdirSync(path.dirname(own))
  await new Promise<void>((resolve) => server.listen(own, resolve))
})
after(() => {
  server.close()
  fs.rmSync(folder, { recursive: true })
})

test('the socket of the owner of its folder is connected to, however long its path', async () => {
  const deep = path.join(folder, 'x'.repeat(120))
  fs.mkdirSync(deep)
  fs.linkSync(own, path.join(deep, 'sock'))
  for (const file of [own, path.join(deep, 'sock')]) {
    const before = callers
    const socket = await connect(file)
    await new Promise((resolve) => socket.resume().once('close', resolve))
    assert.equal(callers, before + 1)
  }
})

test('a link of our own leads to a socket of our own, as to that of a QEMU that was started by hand', async () => {
  const before = callers
  fs.symlinkSync(own, path.join(folder, 'link'))
  const socket = await connect(path.join(folder, 'link'))
  await new Promise((resolve) => socket.resume().once('close', resolve))
  assert.equal(callers, before + 1)
})

test("a link to the folder of a socket leads nowhere, nor does a link that is somebody else's, or in his folder, or to his socket", async () => {
  const before = callers
  fs.symlinkSync(path.dirname(own), path.join(folder, 'folder'))
  await assert.rejects(async () => connect(path.join(folder, 'folder/sock')), { code: 'ENOTDIR' })
  // Only root can make those; for a user root's are somebody else's.
  if (process.getuid?.() === 0) {
    const his = 65_534
    const theirs = path.join(folder, 'theirs')
    fs.mkdirSync(theirs)
    for (const name of ['link', 'ours']) fs.symlinkSync(own, path.join(theirs, name))
    fs.lchownSync(path.join(theirs, 'link'), his, his)
    await assert.rejects(async () => connect(path.join(theirs, 'link')), /is not a socket that the owner of its folder has made/)
    fs.chownSync(theirs, his, his)
    await assert.rejects(async () => connect(path.join(theirs, 'ours')), /is not a socket that the owner of its folder has made/)
    await assert.rejects(async () => connect(path.join(theirs, 'link')), /is not a socket that the owner of its folder has made/)
    const foreign = path.join(folder, 'his')
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(foreign, resolve))
    fs.chownSync(foreign, his, his)
    fs.symlinkSync(foreign, path.join(folder, 'tohis'))
    await assert.rejects(async () => connect(path.join(folder, 'tohis')), /is not a socket that the owner of its folder has made/)
    other.close()
  }
  assert.equal(callers, before)
})

test("a socket that another has made in somebody's folder is not connected to", async (context) => {
  const isRoot = process.getuid?.() === 0
  // The folder for temporary files is root's.
  const file = isRoot ? path.join(folder, 'foreign') : path.join(tmpdir(), path.basename(folder) + '-foreign')
  if (!isRoot && fs.statSync(tmpdir()).uid !== 0) return context.skip("the folder for temporary files is not root's")
  let isCalled = false
  const other = createServer(() => (isCalled = true))
  await new Promise<void>((resolve) => other.listen(file, resolve))
  context.after(() => other.close())
  if (isRoot) fs.chownSync(file, 65_534, 65_534)
  await assert.rejects(async () => connect(file), /is not a socket that the owner of its folder has made/)
  assert.equal(isCalled, false)
})

test('what is no socket is refused, and what is not there says so', async () => {
  fs.writeFileSync(path.join(folder, 'file'), '')
  await assert.rejects(async () => connect(path.join(folder, 'file')), /is not a socket/)
  await assert.rejects(async () => connect(path.join(folder, 'nothing')), { code: 'ENOENT' })
})

test('who listens is heard by the owner alone: a socket of mode 600, a port of the loopback', async () => {
  const umask = process.umask(0)
  try {
    const file = path.join(folder, 'private')
    const privately = await listenPrivate(file, () => {})
    assert.equal(fs.statSync(file).mode & 0o777, 0o600)
    assert.equal(process.umask(), 0)
    privately.close()
  } finally {
    process.umask(umask)
  }
  const locally = await listenLocal(0, () => {})
  assert.equal((locally.address() as AddressInfo).address, '127.0.0.1')
  locally.close()
})
