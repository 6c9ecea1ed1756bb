// Bases of the `dir` store: frozen, pinned, released, and drives made on them.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { FailureCode } from '../src/core/codes.js'
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

const isFailure =
  (code: FailureCode) =>
  (error: unknown): boolean =>
    error instanceof Failure && error.code === code

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

  it('is found by its name as it is now, and is missing when it is gone', async () => {
    const { store } = place
    const gold = await store.create('gold', 16 * mib)
    writePattern(gold, 1, '0', '64k')
    const kept: string[] = []
    for (let round = 0; round < 20; round++) {
      writePattern(await now('gold'), round, '1M', '64k')
      const { name } = await store.freeze(await now('gold'), `round${round}`, live)
      kept.push(name)
      assert.deepEqual(await store.base(name), (await store.pins()).find(({ base }) => base.name === name)?.base)
    }
    const last = kept.at(-1) ?? assert.fail()
    const before = await store.base(last)
    for (const name of kept.slice(0, -1)) for (const { name: pin } of await store.pins()) await store.release({ name }, pin)
    writePattern(await now('gold'), 20, '1M', '64k')
    await store.snapshot('web', await findGold(store), live)
    const after = await store.base(last)
    assert.ok(layersOf({ ...gold, ...after }) < layersOf({ ...gold, ...before }))
    assert.ok(hasPattern(after, 19, '1M', '64k') && hasPattern(after, 1, '0', '64k'))
    for (const id of ['gold', 'web']) await store.remove(await now(id))
    await store.release(after, 'round19')
    await assert.rejects(store.base(last), isFailure('DRIVE_MISSING'))
    await assert.rejects(store.base('nbsvm-gold-0'), UsageError)
  })

  it('gets drives of the numbers that are asked for, and none that is taken, in either format', async () => {
    const { store, folder } = place
    const base = await store.freeze(await store.create('gold', mib), 'one', live)
    assert.equal((await store.createOn('foo', base, { number: 3 })).name, 'nbsvm-foo-3')
    assert.equal((await store.createOn('foo', base, { number: 1 })).name, 'nbsvm-foo-1')
    assert.equal((await store.createOn('foo', base)).name, 'nbsvm-foo-4')
    fs.writeFileSync(path.join(folder, 'nbsvm-foo-2.raw'), Buffer.alloc(512))
    for (const number of [1, 2, 3]) await assert.rejects(store.createOn('foo', base, { number }), isFailure('DRIVE_EXISTS'))
    for (const number of [-1, 0.5, 10_000]) await assert.rejects(store.createOn('foo', base, { number }), UsageError)
    assert.deepEqual(
      (await store.drives('foo')).map(({ number }) => number),
      [1, 2, 3, 4],
    )
  })

  it('is of the moment that the caller says, whose step is done once; where that never comes all is as before', async () => {
    const { store, folder } = place
    const gold = await store.create('gold', mib)
    const before = fs.readdirSync(folder)
    const never = { ...live, atMoment: () => Promise.reject(new Failure('given up')) }
    await assert.rejects(store.freeze(gold, 'one', never), /given up/)
    assert.deepEqual(fs.readdirSync(folder), before)
    let steps = 0
    await store.freeze(gold, 'one', { ...live, atMoment: (step) => step().finally(() => steps++) })
    assert.deepEqual([steps, (await store.pins()).length], [1, 1])
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

describe('a drive that is made what a base holds', () => {
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

  it('holds that, again and again, and nothing of what it held stays', async () => {
    const { store, folder } = place
    const gold = await store.create('gold', 16 * mib)
    writePattern(gold, 1, '0', '1M')
    const base = await store.freeze(gold, 'one', live)
    for (let round = 2; round < 5; round++) {
      writePattern(await now('gold'), round, '0', '64k')
      await store.resize(await now('gold'), round * 16 * mib, { shrink: false })
      const restored = await store.restore(await now('gold'), base)
      assert.deepEqual(restored, await now('gold'))
      assert.ok(hasPattern(restored, 1, '0', '1M'))
      assert.deepEqual([layersOf(restored), (await store.size(restored)).virtualBytes], [2, 16 * mib])
      check(restored.image)
    }
    assert.deepEqual(bases(folder), [base.name])
    await store.release(base, 'one')
    await store.remove(await now('gold'))
    assert.deepEqual(remains(folder), ['.lock'])
  })

  it('may be missing, or broken, and is of that number then', async () => {
    const { store, folder } = place
    const gold = await store.create('gold', 16 * mib)
    writePattern(gold, 1, '0', '1M')
    const base = await store.freeze(gold, 'one', live)
    const foo = await store.restore({ name: 'nbsvm-foo-5', number: 5 }, base)
    assert.deepEqual([foo, foo.number], [await now('foo'), 5])
    fs.writeFileSync(path.join(folder, 'nbsvm-foo-5.qcow2'), 'x')
    await store.restore(await now('foo'), base)
    assert.ok(hasPattern(await now('foo'), 1, '0', '1M'))
  })

  it('leaves what others need of what it held', async () => {
    const { store, folder } = place
    const gold = await store.create('gold', 16 * mib)
    writePattern(gold, 1, '0', '1M')
    const first = await store.freeze(gold, 'first', live)
    writePattern(await now('gold'), 2, '0', '64k')
    const second = await store.freeze(await now('gold'), 'second', live)
    writePattern(await now('gold'), 3, '0', '64k')
    const web = await store.snapshot('web', await findGold(store), live)
    await store.restore(await now('gold'), first)
    assert.ok(hasPattern(await now('gold'), 1, '0', '1M') && hasPattern(web, 3, '0', '64k'))
    assert.equal(bases(folder).length, 3)
    await store.remove(web)
    assert.equal(bases(folder).length, 2)
    await store.restore(await now('gold'), second)
    assert.ok(hasPattern(await now('gold'), 2, '0', '64k') && hasPattern(await now('gold'), 1, '64k', '64k'))
    await store.release(first, 'first')
    await store.release(second, 'second')
    assert.ok(hasPattern(await now('gold'), 2, '0', '64k') && hasPattern(await now('gold'), 1, '64k', '64k'))
  })

  it('was raw, and is one file then', async () => {
    const { store, folder } = place
    const base = await store.freeze(await store.create('gold', 16 * mib), 'one', live)
    fs.writeFileSync(path.join(folder, 'nbsvm-old-0.raw'), Buffer.alloc(mib, 9))
    const old = await store.restore(await now('old'), base)
    assert.ok(hasPattern(old, 0, '0', '16M'))
    assert.deepEqual(
      fs.readdirSync(folder).filter((file) => file.startsWith('nbsvm-old')),
      ['nbsvm-old-0.qcow2'],
    )
    assert.deepEqual(bases(folder), [base.name])
  })

  it('is as it was where the base is gone', async () => {
    const { store } = place
    const gold = await store.create('gold', 16 * mib)
    writePattern(gold, 1, '0', '1M')
    const wrong = { name: '.base-00000000.qcow2', image: gold.image, virtualBytes: mib }
    await assert.rejects(store.restore(gold, wrong), Failure)
    await assert.rejects(store.restore(gold, { ...wrong, name: '../x' }), UsageError)
    assert.deepEqual(await now('gold'), gold)
    assert.ok(hasPattern(gold, 1, '0', '1M'))
  })
})
