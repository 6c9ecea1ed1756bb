// What seldom happens to volumes of LVM: kills at every step, and others who come between.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { Failure, UsageError } from '../../src/core/errors.js'
import { processMark } from '../../src/sys/mark.js'
import { run, type Run } from '../../src/sys/process.js'
import {
  bytes,
  copyOptions,
  find,
  isFailure,
  lvs,
  mib,
  open,
  pool,
  quarterFull,
  refused,
  removeAll,
  same,
  sh,
  vg,
  volumeNames,
  whereVolumesAre,
  write,
} from '../uml/volumes.js'

whereVolumesAre(import.meta.filename, () => {
  test('three newimg at once make three drives', async () => {
    await Promise.all([1, 2, 3].map(() => open({ pool }).create('crowd', 8 * mib)))
    const drives = await open().drives('crowd')
    assert.deepEqual(
      drives.map(({ number }) => number),
      [0, 1, 2],
    )
    await removeAll('crowd')
  })

  test('an aborted clone leaves no trace', async () => {
    const gold = await quarterFull('gold', 64)
    const abort = new AbortController()
    const options = { ...copyOptions, signal: abort.signal, onProgress: () => abort.abort() }
    await assert.rejects(open().clone('abort', await find({ gold: 'gold' }), options), { name: 'AbortError' })
    assert.deepEqual(volumeNames(), ['nbsvm-gold-0', pool])
    await open().remove(gold)
  })

  test('kill -9 at each step of a clone leaves no unfinished volume under its name', async (t) => {
    const gold = await quarterFull('gold', 64)
    // lvcreate, the copy, lvrename, lvchange; 5 is never reached: the clone is done.
    const plan = { [pool]: ['1', '2', 'copy', '3', '4', '5'], '-': ['copy'] }
    for (const [kind, steps] of Object.entries(plan)) {
      for (const step of steps) {
        const { signal, status } = cloneKilledAt(kind, step)
        assert.deepEqual({ signal, status }, step === '5' ? { signal: null, status: 0 } : { signal: 'SIGKILL', status: null })
        const drives = await open().drives('killed')
        t.diagnostic(`killed at ${step}: ${volumeNames().join(' ')}`)
        assert.equal(drives.length, step === '4' || step === '5' ? 1 : 0, `drives after step ${step}`)
        for (const drive of drives) assert.ok(same(gold, drive), `whole after step ${step}`)
        await orphansEnded()
        await open().create('next', 4 * mib)
        assert.deepEqual(
          volumeNames(),
          [...drives.map(({ name }) => name), 'nbsvm-gold-0', 'nbsvm-next-0', pool].sort(),
          `swept after step ${step}`,
        )
        assert.equal(lvs('lv_tags', drives[0]?.name ?? 'nbsvm-next-0'), '')
        await removeAll('killed')
        await removeAll('next')
      }
    }
    await open().remove(gold)
  })

  test('the volume of a clone at work is not swept', async () => {
    const gold = await quarterFull('gold', 64)
    let others: string[] = []
    const meddling: Run = async (command, options) => {
      if (command.includes('qemu-img')) {
        await open({ mark: 'another' }).create('other', 4 * mib)
        others = volumeNames()
      }
      return run(command, options)
    }
    const drive = await open({ asRoot: meddling }).clone('work', await find({ gold: 'gold' }), copyOptions)
    assert.ok(others.some((name) => name.startsWith('nbsvm_tmp-')))
    assert.ok(same(gold, drive))
    for (const id of ['work', 'other', 'gold']) await removeAll(id)
  })

  test('a base that a killed rm left is swept, an origin that it only marked stays', async () => {
    sh(`lvcreate -qq -y -l 4 -n nbsvm_base-aaaaaaaa --addtag nbsvm_base ${vg}`)
    sh(`lvcreate -qq -y -l 4 -n nbsvm_base-bbbbbbbb ${vg}; lvcreate -qq -y -l 4 -n nbsvm-marked-0 --addtag nbsvm_base ${vg}`)
    await open().create('next', 4 * mib)
    assert.deepEqual(volumeNames(), ['nbsvm-marked-0', 'nbsvm-next-0', 'nbsvm_base-bbbbbbbb', pool])
    sh(`lvremove -qq -f ${vg}/nbsvm_base-bbbbbbbb`)
    for (const id of ['marked', 'next']) await removeAll(id)
  })

  test('restore, killed before each command: the drive is what it was or what the base holds, and can be started', async (t) => {
    const store = open({ pool })
    const gold = await store.create('gold', 4 * mib)
    write(gold, 0, 'old')
    const base = await store.freeze(gold, 'one', copyOptions)
    const found: string[] = []
    for (let step = 1, isDead = true; isDead; step++) {
      isDead = false
      const victim = await store.createOn('victim', base)
      write(victim, 0, 'was')
      let steps = 0
      const mortal: Run = (command, options) => {
        isDead ||= command[0] !== 'lvs' && ++steps === step
        return isDead ? Promise.reject(new Failure('dead')) : run(command, options)
      }
      // What it does after its end does not count: a dead process cleans nothing up.
      await open({ pool, asRoot: mortal, mark: processMark(spawnSync('true').pid) })
        .restore(victim, base)
        .catch(() => {})
      assert.deepEqual(await store.driveNames().then((names) => names.toSorted()), [gold.name, victim.name])
      const seen = await store.drives('victim')
      assert.deepEqual(seen, [victim])
      await store.ready?.(seen)
      const holds = bytes(victim, 0, 3).toString()
      assert.match(holds, /^(was|old)$/)
      found.push(holds)
      await store.create('next', 4 * mib)
      assert.deepEqual(volumeNames(), ['nbsvm-next-0', victim.name, gold.name, base.name, pool].toSorted())
      assert.equal(bytes(victim, 0, 3).toString(), holds)
      await store.create('next', 4 * mib)
      assert.doesNotMatch(lvs('lv_tags', victim.name), /unfinished|nbsvm_by|nbsvm_for/)
      await removeAll('next')
      await removeAll('victim')
    }
    t.diagnostic(`after each kill, and after none: ${found.join(', ')}`)
    assert.deepEqual([found[0], found.at(-1), new Set(found).size], ['was', 'old', 2])
  })

  test('restore gives the drive its name back where the new one cannot have it', async () => {
    const store = open({ pool })
    const gold = await store.create('gold', 4 * mib)
    const base = await store.freeze(gold, 'one', copyOptions)
    write(gold, 0, 'was')
    let renames = 0
    const failing: Run = (command, options) =>
      command[0] === 'lvrename' && ++renames === 2
        ? Promise.resolve({ status: 5, stdout: '', stderr: '  no more room for metadata' })
        : run(command, options)
    await refused(open({ pool, asRoot: failing }).restore(gold, base), /no more room for metadata/)
    assert.deepEqual([volumeNames(), bytes(gold, 0, 3).toString()], [[gold.name, base.name, pool].toSorted(), 'was'])
    assert.equal(lvs('lv_tags', gold.name), '')
  })

  test('a pin that comes just before the sweep keeps the base', async () => {
    const store = open({ pool })
    const gold = await store.create('gold', 4 * mib)
    const base = await store.freeze(gold, 'one', copyOptions)
    const meddling: Run = async (command, options) => {
      if (command[0] === 'lvremove') await store.pin(base, 'late')
      return run(command, options)
    }
    await open({ asRoot: meddling }).release(base, 'one')
    assert.deepEqual(
      (await store.pins()).map(({ name }) => name),
      ['late'],
    )
    await store.release(base, 'late')
    assert.deepEqual(volumeNames(), ['nbsvm-gold-0', pool])
  })

  test('an origin that another command sweeps away while it is removed is removed', async () => {
    const drive = await open().create('swept', 4 * mib)
    const meddling: Run = async (command, options) => {
      if (command[0] === 'lvremove') await open().create('other', 4 * mib)
      return run(command, options)
    }
    await open({ asRoot: meddling }).remove(drive)
    await removeAll('other')
    assert.deepEqual(volumeNames(), [pool])
  })

  test('a source in use is copied as it was at one moment', async () => {
    for (const store of [open(), open({ pool })]) {
      const gold = await store.create('live', 64 * mib)
      write(gold, 0, 'before')
      const held = fs.openSync(gold.image.path, 'r+')
      const change = (): void => void fs.writeSync(held, Buffer.from('after!'), 0, 6, 0)
      const meddling: Run = (command, options) => {
        if (command.includes('qemu-img')) change()
        return run(command, options)
      }
      const drive = await open({ asRoot: meddling }).clone('live-copy', await find({ gold: 'live' }), copyOptions)
      fs.closeSync(held)
      assert.equal(bytes(drive, 0, 6).toString(), 'before')
      assert.equal(bytes(gold, 0, 6).toString(), 'after!')
      await removeAll('live')
      await removeAll('live-copy')
      assert.deepEqual(volumeNames(), [pool], 'the snapshot that it was copied from is gone')
    }
  })

  test('a base is found by its name, and gets drives of the numbers that are asked for', async () => {
    const store = open({ pool })
    const gold = await store.create('gold', 4 * mib)
    const base = await store.freeze(gold, 'one', copyOptions)
    assert.deepEqual(await store.base(base.name), base)
    assert.equal((await store.createOn('fork', base, { number: 3 })).name, 'nbsvm-fork-3')
    assert.equal((await store.createOn('fork', base)).name, 'nbsvm-fork-4')
    await assert.rejects(store.createOn('fork', base, { number: 3 }), isFailure('DRIVE_EXISTS'))
    await assert.rejects(store.createOn('fork', base, { number: -1 }), UsageError)
    // Another one has it a moment before.
    const meddling: Run = async (command, options) => {
      if (command[0] === 'lvcreate') await store.createOn('race', base, { number: 0 })
      return run(command, options)
    }
    const late = open({ pool, asRoot: meddling }).createOn('race', base, { number: 0 })
    await assert.rejects(late, isFailure('DRIVE_EXISTS'))
    assert.deepEqual(
      volumeNames().filter((name) => name.includes('race') || name.includes('tmp')),
      ['nbsvm-race-0'],
    )
    await store.release(base, 'one')
    await assert.rejects(store.base(base.name), isFailure('DRIVE_MISSING'))
    await assert.rejects(store.base(gold.name), isFailure('DRIVE_MISSING'))
  })
})

/** Waits until the copies of killed clones have ended: they have the volume open. */
async function orphansEnded(): Promise<void> {
  while (sh(`lvs --noheadings -S 'lv_name=~^nbsvm_tmp' -o lv_device_open ${vg}`).includes('open')) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Runs the clone in a process of its own, which kills itself. */
function cloneKilledAt(kind: string, step: string): { signal: string | null; status: number | null } {
  const program = path.join(import.meta.dirname, '../uml/killed.js')
  const { signal, status } = spawnSync(process.execPath, [program, vg, kind, 'killed', 'gold', step], { stdio: 'inherit' })
  return { signal, status }
}
