// Bases of the `dir` store: frozen, pinned, released, and drives made on them.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { Failure, UsageError } from '../src/core/errors.js'
import type { Drive } from '../src/model/drive.js'
import {
  bases,
  check,
  findGold,
  hasPattern,
  layersOf,
  leftovers,
  remains,
  makePlace,
  mib,
  noneLive,
  writePattern,
} from './support/drives.js'

const live = { live: noneLive }

describe('a base', () => {
  let place = makePlace()
  place.remove()
  beforeEach(() => {
    place = makePlace()
  })
  afterEach(() => {
    const left = leftovers(place.folder)
    place.remove()
    assert.deepEqual(left, [])
  })
  const now = async (id: string): Promise<Drive> => (await place.store.drives(id))[0] ?? assert.fail()

  it('holds what the drive held, lasts as long as its pins, and goes with the last of them', async () => {
    const { store, folder } = place
    const gold = await store.create('gold', 16 * mib)
    writePattern(gold, 1, '0', '1M')
    const base = await store.freeze(gold, 'one', live)
    writePattern(await now('gold'), 2, '0', '64k')
    await store.pin(base, 'two')
    await store.pin(base, 'two')
    assert.deepEqual(
      (await store.pins()).map(({ name, base: { name: of } }) => [name, of]),
      [
        ['one', base.name],
        ['two', base.name],
      ],
    )
    await store.remove(await now('gold'))
    const foo = await store.createOn('foo', base)
    assert.ok(hasPattern(foo, 1, '0', '1M'))
    assert.deepEqual([layersOf(foo), base.virtualBytes], [2, 16 * mib])
    check(foo.image)
    await store.remove(foo)
    await store.release(base, 'one')
    assert.deepEqual(bases(folder), [base.name])
    await store.release(base, 'two')
    await store.release(base, 'two')
    assert.deepEqual(remains(folder), ['.lock'])
  })

  it('is kept with all that it stands on', async () => {
    const { store, folder } = place
    const gold = await store.create('gold', 16 * mib)
    writePattern(gold, 1, '0', '1M')
    await store.snapshot('web', await findGold(store), live)
    writePattern(await now('gold'), 2, '0', '64k')
    const base = await store.freeze(await now('gold'), 'kept', live)
    for (const id of ['web', 'gold']) await store.remove(await now(id))
    assert.equal(bases(folder).length, 2)
    const foo = await store.createOn('foo', base)
    assert.ok(hasPattern(foo, 2, '0', '64k') && hasPattern(foo, 1, '64k', '64k'))
    await store.remove(foo)
    await store.release(base, 'kept')
    assert.deepEqual(bases(folder), [])
  })

  it('is as large as the drive was, also where that was resized and holds nothing else', async () => {
    const { store } = place
    const gold = await store.create('gold', 16 * mib)
    writePattern(gold, 1, '0', '1M')
    await store.snapshot('web', await findGold(store), live)
    await store.resize(await now('gold'), 32 * mib, { shrink: false })
    const base = await store.freeze(await now('gold'), 'large', live)
    const [pinned] = await store.pins()
    for (const one of [base, pinned?.base ?? assert.fail()]) {
      const foo = await store.createOn('foo', one)
      assert.equal((await store.size(foo)).virtualBytes, 32 * mib)
      await store.remove(foo)
    }
  })

  it('refuses what is no base, and a pin that no file can be named after', async () => {
    const { store, folder } = place
    const base = await store.freeze(await store.create('gold', mib), 'one', live)
    for (const name of ['', '..', 'a/b', '-x', 'a b']) await assert.rejects(store.pin(base, name), UsageError)
    await assert.rejects(store.pin({ name: '.base-00000000.qcow2' }, 'x'), Failure)
    await assert.rejects(store.createOn('foo', { ...base, name: '../x' }), UsageError)
    await assert.rejects(store.createOn('foo', { ...base, name: '.base-00000000.qcow2' }), Failure)
    assert.deepEqual(
      fs.readdirSync(folder).filter((file) => file.startsWith('.pin')),
      [`.pin-${path.parse(base.name).name.slice(6)}-one`],
    )
  })
})
