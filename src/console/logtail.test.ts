import assert from 'node:assert/strict'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import type { Log } from './log.js'
import { endOf, openTail, placeIn, readBefore, type LogTail } from './logtail.js'

let folder = ''
let log: Log = { file: '', older: '' }

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(tmpdir(), 'nbsvm-tail-'))
  log = { file: path.join(folder, 'log'), older: path.join(folder, 'log.1') }
})
afterEach(() => fs.rmSync(folder, { recursive: true }))

/** As the log keeper does it. */
function say(text: string, isFull = false): void {
  fs.appendFileSync(log.file, text)
  if (isFull) fs.renameSync(log.file, log.older)
}

function readAll(tail: LogTail): string {
  let text = ''
  for (let piece = tail.read(); piece !== undefined; piece = tail.read()) text += String(piece.bytes)
  return text
}

test('all that is written is read, however the log is moved away meanwhile', () => {
  const tail = openTail(log, undefined)
  assert.equal(tail.read(), undefined)
  say('one ')
  assert.equal(readAll(tail), 'one ')
  say('two ', true)
  assert.equal(tail.ahead(), 'two '.length)
  assert.equal(readAll(tail), 'two ')
  assert.equal(tail.ahead(), 0)
  say('three ')
  say('four ', true)
  say('five ')
  assert.equal(tail.ahead(), 'three four five '.length)
  assert.equal(readAll(tail), 'three four five ')
  assert.equal(tail.read(), undefined)
})

test('who was too slow goes on where what is kept begins', () => {
  const tail = openTail(log, undefined)
  say('one ')
  assert.equal(readAll(tail), 'one ')
  for (const text of ['two ', 'three ', 'four ']) say(text, true)
  say('five ')
  assert.equal(readAll(tail), 'four five ')
})

test('a place is found again, and what stands before it', () => {
  say('old ', true)
  say('login: root')
  const end = endOf(log)
  assert.ok(end)
  const place = placeIn(log, end.inode, 6)
  assert.ok(place)
  assert.equal(readAll(openTail(log, place)), ' root')
  assert.equal(String(readBefore(log, place, 8)), 'd login:')
  assert.equal(String(readBefore(log, place, 1000)), 'old login:')
  say('', true)
  say(' again')
  assert.equal(readAll(openTail(log, place)), ' root again')
})

test('a file that has got the number of one that is gone is not taken for it', () => {
  say('login: root')
  const end = endOf(log)
  assert.ok(end)
  fs.writeFileSync(log.file, 'another text, which is longer')
  assert.equal(readAll(openTail(log, end)), 'another text, which is longer')
  assert.equal(String(readBefore(log, end, 10)), '')
})

test('there is no end of a log that is not there', () => {
  assert.equal(endOf(log), undefined)
  assert.equal(placeIn(log, 1, 0), undefined)
})
