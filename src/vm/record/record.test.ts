import assert from 'node:assert/strict'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { drawerOf } from './drawer.js'
import {
  draftRecord,
  ensureRecord,
  readRecord,
  recordedUids,
  removeRecord,
  renewGeneration,
  sweepRecord,
  updateRecord,
  whileRecorded,
} from './record.js'

const home = fs.mkdtempSync(path.join(tmpdir(), 'nbsvm-record-'))
after(() => fs.rmSync(home, { recursive: true }))
const place = { records: path.join(home, 'vms'), state: path.join(home, 'state') }
const fileOf = (id: string): string => path.join(place.records, id, 'machine.json')

function subject(name: string, vmClass?: string) {
  const id = vmClass === undefined ? name : `${vmClass}-${name}`
  return { place, id, name, class: vmClass, drawer: drawerOf(place.state, id) }
}

test('a record is made once, by whoever is first, and is the same for all', async () => {
  assert.equal(readRecord(place, 'foo'), undefined)
  const draft = draftRecord(subject('foo'))
  const all = await Promise.all([1, 2, 3, 4].map(() => ensureRecord(subject('foo'))))
  const [first] = all
  for (const record of all) assert.deepEqual(record, first)
  assert.deepEqual(readRecord(place, 'foo'), first)
  assert.deepEqual({ ...first, generation: 'auto' }, draft)
  assert.deepEqual(fs.readdirSync(path.dirname(fileOf('foo'))), ['machine.json'])
})

test('a past state that comes back has another generation id, and is the same machine otherwise', async () => {
  const before = await ensureRecord(subject('again'))
  const renewed = await updateRecord(place, 'again', renewGeneration)
  assert.notEqual(renewed.generation, before.generation)
  assert.deepEqual({ ...renewed, generation: before.generation }, before)
  assert.deepEqual(readRecord(place, 'again'), renewed)
})

test('a damaged record is told, and stays as it is until somebody looks at it', async () => {
  await ensureRecord(subject('bad'))
  for (const text of ['', '{', '{}', fs.readFileSync(fileOf('foo'), 'utf8')]) {
    fs.writeFileSync(fileOf('bad'), text)
    assert.throws(() => readRecord(place, 'bad'), /the record of bad is damaged/)
    await assert.rejects(ensureRecord(subject('bad')), /is damaged/)
    await assert.rejects(updateRecord(place, 'bad', renewGeneration), /is damaged/)
    assert.equal(fs.readFileSync(fileOf('bad'), 'utf8'), text)
  }
})

test('so is one that cannot be read: a link, which is not followed, a folder', async () => {
  await ensureRecord(subject('link'))
  fs.renameSync(fileOf('link'), `${fileOf('link')}.away`)
  fs.symlinkSync(`${fileOf('link')}.away`, fileOf('link'))
  await ensureRecord(subject('folder'))
  fs.rmSync(fileOf('folder'))
  fs.mkdirSync(fileOf('folder'))
  for (const id of ['link', 'folder']) {
    assert.throws(() => readRecord(place, id), new RegExp(`cannot read the record of ${id}`))
    await assert.rejects(ensureRecord(subject(id)), /cannot read/)
  }
})

test('what a kill has left of a record goes, and its folder where that was the first thing in it', async () => {
  const left = (id: string): string => `${fileOf(id)}.4711.tmp`
  await ensureRecord(subject('there'))
  fs.mkdirSync(path.dirname(fileOf('half')))
  for (const id of ['there', 'half']) fs.writeFileSync(left(id), '{')
  for (const id of ['there', 'half', 'none']) await sweepRecord(place, id)
  assert.deepEqual(fs.readdirSync(path.dirname(fileOf('there'))), ['machine.json'])
  assert.equal(fs.existsSync(path.dirname(fileOf('half'))), false)
})

test('two pairs of class and name that make one id do not share a record', async () => {
  const first = await ensureRecord(subject('a-b', 'win'))
  await assert.rejects(ensureRecord(subject('b', 'win-a')), /win-a-b is a-b in class win/)
  await assert.rejects(ensureRecord(subject('win-a-b')), /win-a-b is a-b in class win/)
  assert.deepEqual(readRecord(place, 'win-a-b'), first)
})

test('a record that was made for work which came to nothing goes again; one that was there stays', async () => {
  const fail = (): Promise<never> => Promise.reject(new Error('no room'))
  const isNothing = (): Promise<boolean> => Promise.resolve(true)
  await assert.rejects(whileRecorded(subject('new'), fail, isNothing), /no room/)
  assert.equal(readRecord(place, 'new'), undefined)
  const record = await ensureRecord(subject('old'))
  await assert.rejects(whileRecorded(subject('old'), fail, isNothing), /no room/)
  assert.deepEqual(readRecord(place, 'old'), record)
  await assert.rejects(
    whileRecorded(subject('part'), fail, () => Promise.resolve(false)),
    /no room/,
  )
  assert.ok(readRecord(place, 'part') !== undefined)
})

test('the users of all VMs are known, whoever changes records at the same time', async () => {
  const ids = ['u1', 'u2', 'u3', 'u4']
  await Promise.all(ids.map((id) => ensureRecord(subject(id))))
  await Promise.all(ids.map((id) => updateRecord(place, id, (record) => ({ ...record, uid: 70_000 + recordedUids(place).size }))))
  assert.deepEqual(recordedUids(place), new Set([70_000, 70_001, 70_002, 70_003]))
  await removeRecord(place, 'u2')
  assert.equal(readRecord(place, 'u2'), undefined)
  assert.equal(recordedUids(place).size, 3)
})
