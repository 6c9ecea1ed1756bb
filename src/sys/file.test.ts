import assert from 'node:assert/strict'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { close, giveTo, open, readTail, writeWhole } from './file.js'

const folder = fs.mkdtempSync(path.join(tmpdir(), 'nbsvm-file-'))
after(() => fs.rmSync(folder, { recursive: true }))
const inFolder = (name: string): string => path.join(folder, name)

test('a file is replaced beside it: its bytes are on the disk before they have the name', (context) => {
  const file = inFolder('whole')
  fs.writeFileSync(file, 'the old text', { mode: 0o644 })
  const calls: string[] = []
  for (const name of ['openSync', 'writeFileSync', 'fsyncSync', 'closeSync', 'renameSync'] as const) {
    const original = fs[name] as (...words: unknown[]) => unknown
    context.mock.method(fs, name, (...words: unknown[]) => {
      const result = original(...words)
      calls.push(`${name} ${fs.statSync(file).size}`)
      return result
    })
  }
  writeWhole(file, 'new')
  context.mock.restoreAll()
  assert.deepEqual(calls, ['openSync 12', 'writeFileSync 12', 'fsyncSync 12', 'closeSync 12', 'renameSync 3'])
  assert.equal(fs.readFileSync(file, 'utf8'), 'new')
  assert.equal(fs.statSync(file).mode & 0o777, 0o600)
})

test('a link at the temporary name is not written through', () => {
  const file = inFolder('linked')
  const victim = inFolder('victim')
  fs.writeFileSync(victim, 'precious')
  fs.symlinkSync(victim, `${file}.${process.pid}.tmp`)
  assert.throws(() => writeWhole(file, 'new'), { code: 'ELOOP' })
  assert.equal(fs.readFileSync(victim, 'utf8'), 'precious')
  assert.equal(fs.existsSync(file), false)
})

test('where a file cannot be replaced, nothing half-written stays', () => {
  const file = inFolder('taken')
  fs.mkdirSync(path.join(file, 'by a folder'), { recursive: true })
  assert.throws(() => writeWhole(file, 'new'))
  assert.deepEqual(
    fs.readdirSync(folder).filter((name) => name.startsWith('taken')),
    ['taken'],
  )
})

test('nothing that is written or locked is opened through a link, nor made through one', () => {
  const victim = inFolder('other')
  fs.writeFileSync(victim, 'precious')
  fs.symlinkSync(victim, inFolder('link'))
  fs.symlinkSync(inFolder('not there'), inFolder('dangling'))
  for (const how of ['append', 'truncate', 'lock'] as const) {
    for (const name of ['link', 'dangling']) assert.throws(() => open(inFolder(name), how), { code: 'ELOOP' }, `${how} ${name}`)
  }
  for (const name of ['link', 'dangling', 'other']) assert.throws(() => open(inFolder(name), 'new'), { code: 'EEXIST' }, name)
  assert.equal(fs.readFileSync(victim, 'utf8'), 'precious')
  assert.equal(fs.existsSync(inFolder('not there')), false)
})

test('what is made by opening it is for its owner alone', () => {
  for (const how of ['append', 'truncate', 'lock', 'new'] as const) {
    close(open(inFolder(how), how))
    assert.equal(fs.statSync(inFolder(how)).mode & 0o777, 0o600, how)
  }
})

test('the end of a file begins with a whole line', () => {
  const file = inFolder('lines')
  fs.writeFileSync(file, 'first line\nsecond\nthird\n')
  assert.equal(readTail(file, 10), 'third\n')
  assert.equal(readTail(file, 100), 'first line\nsecond\nthird\n')
  assert.equal(readTail(file, 24), 'first line\nsecond\nthird\n')
  assert.equal(readTail(file, 23), 'second\nthird\n')
  assert.equal(readTail(inFolder('no such file'), 10), undefined)
})

test('what a link leads to is not given away', { skip: process.getuid?.() === 0 ? false : 'needs root' }, () => {
  const victim = inFolder('kept')
  fs.writeFileSync(victim, 'precious')
  fs.symlinkSync(victim, inFolder('given'))
  giveTo(inFolder('given'), { uid: 65_534, gid: 65_534 })
  assert.equal(fs.statSync(victim).uid, 0)
  assert.equal(fs.lstatSync(inFolder('given')).uid, 65_534)
})
