// Chains of layers: they do not grow for ever, whoever stands on them sees what he saw, and there is always a way back.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { Failure } from '../src/core/errors.js'
import type { Drive } from '../src/model/drive.js'
import {
  bases,
  check,
  digest,
  findGold,
  hasPattern,
  layersOf,
  leftovers,
  makePlace,
  mib,
  noneLive,
  sh,
  writePattern,
} from './support/drives.js'
import { isWhole } from './support/whole.js'

const live = { live: noneLive }

describe('a chain of layers', () => {
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
  const snapshot = async (id: string, onNote: (text: string) => void = () => {}): Promise<Drive> =>
    place.store.snapshot(id, await findGold(place.store), { ...live, onNote })

  /** A drive on so many bases, each with a pin. */
  const stack = (id: string, count: number): void => {
    const { folder } = place
    const names = Array.from({ length: count }, (_, n) => (0x10000000 + n).toString(16))
    for (const [index, hex] of [...names, ''].entries()) {
      const below = index === 0 ? [] : ['-u', '-b', `.base-${names[index - 1]}.qcow2`, '-F', 'qcow2']
      const file = path.join(folder, hex === '' ? `nbsvm-${id}-0.qcow2` : `.base-${hex}.qcow2`)
      sh('qemu-img', 'create', '-q', '-f', 'qcow2', ...below, file, '16M')
      if (hex === '') return
      fs.chmodSync(file, 0o400)
      fs.writeFileSync(path.join(folder, `.pin-${hex}-kept`), '')
    }
  }

  it('stays short when the copies go, and holds all that was written', async () => {
    const { store, folder } = place
    const gold = await store.create('gold', 64 * mib)
    writePattern(gold, 255, '0', '64M')
    let longest = 0
    for (let round = 1; round <= 40; round++) {
      writePattern(await now('gold'), round, `${round}M`, '64k')
      longest = Math.max(longest, layersOf(await snapshot('web')))
      await store.remove(await now('web'))
    }
    assert.ok(longest <= 17, `${longest} layers`)
    const here = await now('gold')
    for (let round = 1; round <= 40; round++) assert.ok(hasPattern(here, round, `${round}M`, '64k'))
    check(here.image)
    await store.remove(here)
    assert.deepEqual(bases(folder), [])
  })

  it('keeps what copies and pins stand on, each with its own contents, also where it was resized', async () => {
    const { store, folder } = place
    await store.create('gold', 64 * mib)
    const digests = new Map<string, string>()
    const kept: string[] = []
    for (let round = 1; round <= 30; round++) {
      writePattern(await now('gold'), round, `${round}M`, '128k')
      if (round === 12) await store.resize(await now('gold'), 80 * mib, { shrink: false })
      if (round % 7 === 0) {
        const base = await store.freeze(await now('gold'), `round${round}`, live)
        digests.set(base.name, digest({ image: base.image }))
        kept.push(base.name)
        continue
      }
      const copy = await snapshot(`vm${round}`)
      digests.set(`vm${round}`, digest(copy))
      if (round % 5 !== 0) await store.remove(copy)
    }
    const goldBefore = digest(await now('gold'))
    for (let round = 31; round <= 34; round++) {
      writePattern(await now('gold'), 7, '0', '64k')
      await snapshot('web')
      await store.remove(await now('web'))
      writePattern(await now('gold'), 0, '0', '64k')
    }
    assert.ok(layersOf(await now('gold')) < 20)
    assert.equal(digest(await now('gold')), goldBefore)
    for (const round of [5, 10, 15, 20, 25, 30]) {
      const copy = await now(`vm${round}`)
      check(copy.image)
      assert.equal(digest(copy), digests.get(`vm${round}`))
    }
    for (const { base } of await store.pins()) assert.equal(digest({ image: base.image }), digests.get(base.name))
    assert.equal((await store.pins()).length, kept.length)
    // The names in all headers are right for other programs too.
    sh('qemu-img', 'info', '--backing-chain', (await now('gold')).image.path)
    for (const name of bases(folder)) assert.equal(fs.statSync(path.join(folder, name)).mode & 0o777, 0o400)
  })

  if (isWhole)
    it('is refused at 200 before anything is changed, warned of long before, and a clone stands on none', async () => {
      const { store, folder } = place
      fs.mkdirSync(folder)
      const notes: string[] = []
      const onNote = (text: string): void => void notes.push(text)
      stack('gold', 30)
      writePattern(await now('gold'), 1, '0', '64k')
      await store.remove(await snapshot('web', onNote))
      assert.equal(notes.join(), '')
      fs.readdirSync(folder).forEach((file) => fs.rmSync(path.join(folder, file), { recursive: true }))
      stack('gold', 199)
      writePattern(await now('gold'), 1, '0', '64k')
      await assert.rejects(snapshot('web', onNote))
      fs.readdirSync(folder).forEach((file) => fs.rmSync(path.join(folder, file), { recursive: true }))
      stack('gold', 198)
      writePattern(await now('gold'), 1, '0', '64k')
      await store.freeze(await now('gold'), 'last', { ...live, onNote })
      assert.match(notes.join(), /nbsvm-gold-0 stands on 199 layers that others need[^]*clone/)
      writePattern(await now('gold'), 200, '0', '64k')
      const before = fs.readdirSync(folder)
      await assert.rejects(snapshot('web'), (error) => {
        assert.ok(error instanceof Failure)
        assert.match([error.message, ...error.hints].join(), /stands on 200 layers, and takes no more[^]*clone/)
        return true
      })
      assert.deepEqual(fs.readdirSync(folder), before)
      const here = await now('gold')
      assert.equal(layersOf(here), 200)
      assert.ok(hasPattern(here, 200, '0', '64k'))
      await store.resize(here, 32 * mib, { shrink: false })
      const flat = await store.clone('flat', await findGold(store), live)
      assert.equal(layersOf(flat), 1)
      assert.ok(hasPattern(flat, 200, '0', '64k'))
      for (const { name, base } of await store.pins()) await store.release(base, name)
      assert.equal(layersOf(await snapshot('web', onNote)), 4, notes.join())
      assert.ok(hasPattern(await now('web'), 200, '0', '64k'))
    })
})
