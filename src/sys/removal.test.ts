import assert from 'node:assert/strict'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { removeTree } from './removal.js'

let folder = ''
let tree = ''
let victim = ''
const victims = (): string[] => fs.readdirSync(victim).toSorted()

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(tmpdir(), 'nbsvm-removal-'))
  tree = path.join(folder, 'tree')
  victim = path.join(folder, 'victim')
  fs.mkdirSync(path.join(tree, 'inside/deeper'), { recursive: true })
  for (const name of ['file', 'inside/a', 'inside/deeper/b']) fs.writeFileSync(path.join(tree, name), '')
  fs.mkdirSync(victim)
  for (const name of ['a', 'b', 'c']) fs.writeFileSync(path.join(victim, name), 'precious')
})
afterEach(() => fs.rmSync(folder, { recursive: true }))

test('a folder goes with all in it; links in it go, and what they lead to stays', () => {
  fs.symlinkSync(victim, path.join(tree, 'inside/link'))
  fs.symlinkSync(path.join(victim, 'a'), path.join(tree, 'link'))
  removeTree(tree)
  assert.equal(fs.existsSync(tree), false)
  assert.deepEqual(victims(), ['a', 'b', 'c'])
  removeTree(tree)
})

test('what a link leads to is not emptied', () => {
  const link = path.join(folder, 'link')
  fs.symlinkSync(victim, link)
  removeTree(link)
  assert.deepEqual(victims(), ['a', 'b', 'c'])
})

test('a folder that is exchanged for a link once it is open leads nowhere', (context) => {
  const inside = path.join(tree, 'inside')
  const { ino } = fs.statSync(inside)
  const original = fs.openSync
  context.mock.method(fs, 'openSync', (...words: Parameters<typeof fs.openSync>) => {
    const fd = original(...words)
    if (fs.fstatSync(fd).ino === ino) {
      fs.renameSync(inside, path.join(folder, 'away'))
      fs.symlinkSync(victim, inside)
    }
    return fd
  })
  // The link that stands there in the end is somebody else's doing, and seen.
  assert.throws(() => removeTree(tree), { code: 'ENOTEMPTY' })
  assert.deepEqual(victims(), ['a', 'b', 'c'])
  assert.deepEqual(fs.readdirSync(path.join(folder, 'away')), [], 'what was open is what was emptied')
})

test('folders without end are refused, not followed', () => {
  fs.mkdirSync(path.join(tree, ...Array.from({ length: 70 }, () => 'd')), { recursive: true })
  assert.throws(() => removeTree(tree), /its folders are too deep/)
})
