import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { holderOf, isLocked, joinLock, lockHolders, tryLock, waitLock } from './lock.js'

const folder = fs.mkdtempSync(path.join(tmpdir(), 'nbsvm-lock-'))
after(() => fs.rmSync(folder, { recursive: true }))
let count = 0
const newFile = (): string => path.join(folder, String(++count))

/** Whether a lock is on the file that has the name now. */
const isOf = (fd: number | undefined, file: string): boolean =>
  fd !== undefined && fs.existsSync(file) && fs.fstatSync(fd).ino === fs.statSync(file).ino

test('one has a lock exclusively, and nobody else any way, until it is released', async () => {
  const file = newFile()
  assert.equal(isLocked(file), false)
  const lock = tryLock(file)
  assert.ok(lock !== undefined)
  assert.equal(tryLock(file), undefined)
  assert.equal(await waitLock(file, 0, 'shared'), undefined)
  assert.equal(await waitLock(file, 50), undefined)
  assert.equal(isLocked(file), true)
  assert.deepEqual(lockHolders(file), [])
  lock.release()
  assert.equal(isLocked(file), false)
  tryLock(file)?.release()
})

test('many share a lock, which keeps out only who wants it exclusively; it is not said to be held', async () => {
  const file = newFile()
  const first = await waitLock(file, 0, 'shared')
  const second = await waitLock(file, 0, 'shared')
  assert.ok(first !== undefined && second !== undefined)
  assert.equal(isLocked(file), false)
  assert.equal(tryLock(file), undefined)
  first.release()
  assert.equal(tryLock(file), undefined)
  second.release()
  assert.ok(tryLock(file) !== undefined)
})

test('who waits gets what is let go, shared or exclusively', async () => {
  for (const hold of ['exclusive', 'shared'] as const) {
    const file = newFile()
    const lock = tryLock(file)
    const waiting = waitLock(file, 20_000, hold)
    setTimeout(() => lock?.release(), 100)
    const got = await waiting
    assert.ok(isOf(got?.fd, file))
    assert.equal(isLocked(file), hold === 'exclusive')
    got?.release()
  }
})

test('several here have a lock together, until the last of them lets go; one that is removed meanwhile is taken anew', async () => {
  const file = newFile()
  const [first, second] = await Promise.all([joinLock(file, 0, 'exclusive'), joinLock(file, 0, 'exclusive')])
  assert.ok(first !== undefined && first.fd === second?.fd)
  assert.equal(tryLock(file), undefined)
  first.release()
  first.release()
  assert.equal(tryLock(file), undefined)
  fs.unlinkSync(file)
  const third = await joinLock(file, 0, 'exclusive')
  assert.ok(isOf(third?.fd, file))
  second.release()
  assert.equal(tryLock(file), undefined)
  third?.release()
  tryLock(file)?.release()
  assert.equal(isLocked(file), false)
})

test('where another has what several here want together, one that gives up lets the others wait', async () => {
  const file = newFile()
  const lock = tryLock(file)
  const gaveUp = new AbortController()
  const first = joinLock(file, 20_000, 'shared', { signal: gaveUp.signal })
  const others = [joinLock(file, 20_000, 'shared'), joinLock(file, 20_000, 'shared')]
  gaveUp.abort(new Error('enough'))
  await assert.rejects(first)
  lock?.release()
  for (const got of await Promise.all(others)) {
    assert.ok(isOf(got?.fd, file))
    got?.release()
  }
})

test('a lock for brief work that comes again and again is kept for a moment, and then let go', async () => {
  const file = newFile()
  const take = () => joinLock(file, 0, 'exclusive', { lingers: true })
  for (const lock of await Promise.all([take(), take()])) lock?.release()
  for (let at = 0; at < 3; at++) {
    const lock = await take()
    assert.ok(lock !== undefined)
    lock.release()
    assert.equal(isLocked(file), true)
  }
  const other = await waitLock(file, 20_000)
  assert.ok(isOf(other?.fd, file))
  other?.release()
})

test('a lock that nobody else joined is let go at once: its process may wait for another one without a turn of its loop', async () => {
  const file = newFile()
  const lock = await joinLock(file, 0, 'exclusive', { lingers: true })
  lock?.release()
  assert.equal(isLocked(file), false)
})

test('a lock is on the file that has the name: one that was removed meanwhile locks nothing', async (context) => {
  const file = newFile()
  const lock = tryLock(file)
  const waiting = waitLock(file, 20_000)
  setTimeout(() => {
    fs.unlinkSync(file)
    lock?.release()
  }, 100)
  assert.ok(isOf((await waiting)?.fd, file))

  const original = fs.openSync
  for (const take of [tryLock, async (name: string) => waitLock(name, 20_000)]) {
    const other = newFile()
    let isFirst = true
    context.mock.method(fs, 'openSync', (...words: Parameters<typeof fs.openSync>) => {
      const fd = original(...words)
      if (isFirst && words[0] === other) {
        isFirst = false
        fs.unlinkSync(other)
      }
      return fd
    })
    assert.ok(isOf((await take(other))?.fd, other))
    context.mock.restoreAll()
  }
})

test('a lock is released once: later its number is another file', () => {
  const lock = tryLock(newFile(), 'test')
  assert.ok(lock !== undefined)
  lock.release()
  const file = newFile()
  const fd = fs.openSync(file, 'w')
  assert.equal(fd, lock.fd)
  fs.writeSync(fd, 'text')
  lock.release()
  assert.equal(fs.fstatSync(fd).size, 4)
  fs.closeSync(fd)
})

test('who has a lock says so in it, and is believed only while that is so', async (context) => {
  const file = newFile()
  assert.equal(holderOf(file), undefined)
  const lock = tryLock(file, 'remove foo')
  assert.deepEqual(holderOf(file), { pid: process.pid, doing: 'remove foo' })
  lock?.release()
  assert.equal(holderOf(file), undefined)
  assert.equal(fs.readFileSync(file, 'utf8'), '')
  // Ours, and alive, but without the file.
  const child = spawn('sleep', ['60'])
  context.after(() => child.kill())
  fs.writeFileSync(file, `${child.pid} remove foo\n`)
  assert.equal(holderOf(file), undefined)
})

test("what another user's lock says is not believed", { skip: process.getuid?.() === 0 ? false : 'needs root' }, () => {
  const file = newFile()
  const lock = tryLock(file, 'remove foo')
  fs.chownSync(file, 65_534, 65_534)
  assert.equal(holderOf(file), undefined)
  lock?.release()
})
