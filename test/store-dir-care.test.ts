// What must never be lost or believed, in the cases that no other test meets.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { Drive } from '../src/model/drive.js'
import { tryLock } from '../src/sys/lock.js'
import { bases, findGold, hasPattern, makePlace, mib, noneLive, sh, writePattern } from './support/drives.js'

const live = { live: noneLive }

describe('bases are kept', () => {
  let place = makePlace()
  place.remove()
  beforeEach(() => {
    place = makePlace()
  })
  afterEach(() => place.remove())
  const now = async (id: string): Promise<Drive> => (await place.store.drives(id))[0] ?? assert.fail()

  it('while a drive cannot be read: nobody knows what it needs', async () => {
    const { store, folder } = place
    writePattern(await store.create('gold', 8 * mib), 1, '0', '64k')
    const web = await store.snapshot('web', await findGold(store), live)
    const bytes = fs.readFileSync(web.image.path)
    fs.writeFileSync(web.image.path, 'x')
    await store.remove(await now('gold'))
    assert.equal(bases(folder).length, 1)
    fs.writeFileSync(web.image.path, bytes)
    assert.ok(hasPattern(web, 1, '0', '64k'))
  })

  it('while unfinished work stands on them', async () => {
    const { store, folder } = place
    writePattern(await store.create('gold', 8 * mib), 1, '0', '64k')
    const web = await store.snapshot('web', await findGold(store), live)
    const lock = tryLock(path.join(folder, '.tmp-00ff00ff.lock')) ?? assert.fail()
    try {
      fs.copyFileSync(web.image.path, path.join(folder, '.tmp-00ff00ff-0.qcow2'))
      for (const id of ['gold', 'web']) await store.remove(await now(id))
      assert.equal(bases(folder).length, 1)
    } finally {
      lock.release()
    }
    await store.remove(await store.create('next', mib))
    assert.deepEqual(bases(folder), [])
  })

  it("and a guest's bytes are never taken for the format of its drive", async () => {
    const { store, folder } = place
    fs.mkdirSync(folder)
    const file = path.join(folder, 'nbsvm-foo-0.raw')
    sh('qemu-img', 'create', '-q', '-f', 'qcow2', file, '1M')
    fs.truncateSync(file, mib)
    const foo = await now('foo')
    assert.equal(foo.image.format, 'raw')
    await store.resize(foo, 4 * mib, { shrink: false })
    assert.equal(fs.statSync(file).size, 4 * mib)
  })

  for (const how of ['snapshot', 'clone'] as const) {
    it(`and a source that changes while ${how} copies it is refused`, async () => {
      const { store, folder, outside } = place
      const file = path.join(outside, 'disk.raw')
      fs.writeFileSync(file, Buffer.alloc(mib, 1))
      const source = await findGold(store, { source: file })
      const onProgress = (): void => fs.appendFileSync(file, Buffer.alloc(512))
      await assert.rejects(store[how]('foo', source, { ...live, onProgress }), /was changed while it was copied/)
      assert.deepEqual([await store.driveNames(), bases(folder)], [[], []])
    })
  }
})
