// Bases of drives that are thin volumes: held, pinned, and what drives are made again of.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { test } from 'node:test'
import { Failure, UsageError } from '../../src/core/errors.js'
import {
  bytes,
  copyOptions,
  find,
  isFailure,
  lvs,
  mib,
  open,
  pool,
  refused,
  volumeNames,
  whereVolumesAre,
  write,
} from '../uml/volumes.js'

whereVolumesAre(import.meta.filename, () => {
  test('a base holds what the drive held, for as long as it is pinned; drives on it are their own', async () => {
    const store = open({ pool })
    const gold = await store.create('gold', 16 * mib)
    write(gold, 0, 'old')
    // A running VM has it open.
    const held = fs.openSync(gold.image.path, 'r+')
    const base = await store.freeze(gold, 'one', copyOptions)
    fs.closeSync(held)
    write(gold, 0, 'new')
    assert.deepEqual([bytes({ ...gold, ...base }, 0, 3).toString(), base.virtualBytes], ['old', 16 * mib])
    assert.throws(() => write({ ...gold, ...base }, 0, 'bad'), /not permitted|Permission denied|read-only/i)
    await store.pin(base, 'two')
    await store.pin(base, 'two')
    const pinned = await store.pins()
    assert.deepEqual(
      pinned,
      ['one', 'two'].map((name) => ({ name, base })),
    )
    assert.deepEqual(await store.driveNames(), ['nbsvm-gold-0'], 'a base is not a drive')

    const fork = await store.createOn('fork', base)
    assert.equal(bytes(fork, 0, 3).toString(), 'old')
    write(fork, 0, 'own')
    await store.remove(gold)
    assert.deepEqual([bytes(fork, 0, 3), bytes({ ...gold, ...base }, 0, 3)].map(String), ['own', 'old'])
    await store.release(base, 'one')
    await store.release(base, 'one')
    await store.create('next', 4 * mib)
    assert.ok(volumeNames().includes(base.name), 'a pin is enough')
    await store.release(base, 'two')
    assert.deepEqual(volumeNames(), ['nbsvm-fork-0', 'nbsvm-next-0', pool])
    assert.equal(bytes(fork, 0, 3).toString(), 'own')
    await refused(store.createOn('fork', base), /has no base/, /none/)
    await refused(store.pin(base, 'x'), /has no base/)
    const classic = await open().create('classic', 4 * mib)
    await refused(store.freeze(classic, 'x', copyOptions), /only thin volumes can be frozen/, /pool=NAME clone/)
    for (const name of ['', 'a b', '-x', 'a/b']) await assert.rejects(store.freeze(fork, name, copyOptions), UsageError)
  })

  test('a freeze does its one step at the moment that the caller says, and nothing where that never comes', async () => {
    const store = open({ pool })
    const gold = await store.create('gold', 4 * mib)
    write(gold, 0, 'one')
    const never = { ...copyOptions, atMoment: () => Promise.reject(new Failure('given up')) }
    await assert.rejects(store.freeze(gold, 'kept', never), /given up/)
    assert.deepEqual(volumeNames(), [gold.name, pool])
    const base = await store.freeze(gold, 'kept', {
      ...copyOptions,
      atMoment: (step) => {
        write(gold, 0, 'two')
        return step()
      },
    })
    write(gold, 0, 'end')
    assert.equal(bytes({ ...gold, ...base }, 0, 3).toString(), 'two')
  })

  test('a drive is made what a base holds, again and again, also one that is missing', async () => {
    const store = open({ pool })
    const gold = await store.create('gold', 4 * mib)
    write(gold, 0, 'old')
    const base = await store.freeze(gold, 'one', copyOptions)
    for (const text of ['new', 'mad']) {
      write(gold, 0, text)
      await store.resize(gold, 8 * mib, { shrink: false })
      assert.deepEqual(await store.restore(gold, base), gold)
      assert.equal(bytes(gold, 0, 3).toString(), 'old')
      assert.equal((await store.size(gold)).virtualBytes, 4 * mib)
    }
    const foo = await store.restore({ name: 'nbsvm-foo-2', number: 2 }, base)
    assert.deepEqual([await store.drives('foo'), bytes(foo, 0, 3).toString()], [[foo], 'old'])
    assert.deepEqual(volumeNames(), [foo.name, gold.name, base.name, pool].toSorted())
    for (const name of [foo.name, gold.name]) assert.equal(lvs('lv_tags', name), '')
    // A classic one that a snapshot needs stays for that, out of sight.
    const classic = await open().create('classic', 4 * mib)
    write(classic, 0, 'was')
    const snapshot = await open().snapshot('snap', await find({ gold: 'classic-0' }), copyOptions)
    await store.restore(classic, base)
    assert.deepEqual([bytes(classic, 0, 3), bytes(snapshot, 0, 3)].map(String), ['old', 'was'])
    await store.remove(snapshot)
    assert.deepEqual(volumeNames(), [classic.name, foo.name, gold.name, base.name, pool].toSorted())
    const held = fs.openSync(gold.image.path, 'r')
    await assert.rejects(store.restore(gold, base), isFailure('DRIVE_IN_USE'))
    fs.closeSync(held)
    await assert.rejects(store.restore(gold, { ...base, name: 'nbsvm_base-none' }), isFailure('DRIVE_MISSING'))
  })
})
