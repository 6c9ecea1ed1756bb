// Drives in a pool of a real Ceph: one monitor and two OSDs, in a folder.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { FailureCode } from '../src/core/codes.js'
import { Failure, UsageError } from '../src/core/errors.js'
import { checkCeph } from '../src/host/check/ceph.js'
import type { Drive } from '../src/model/drive.js'
import type { Cluster } from '../src/store/rbd/rbdcall.js'
import { clusterOf, rbdStore } from '../src/store/rbd/rbdstore.js'
import type { Store } from '../src/store/store.js'
import { processMark } from '../src/sys/mark.js'
import { until } from './cli.js'
import { makeCeph, pool, user, whyNoCeph } from './support/ceph.js'
import { findGold, mib, noneLive } from './support/drives.js'
import { isWhole } from './support/whole.js'

describe('drives in a pool of Ceph', { skip: whyNoCeph }, () => {
  const ceph = makeCeph('memstore')
  let cluster: Cluster
  let store: Store
  const files = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-rbd-'))
  const live = noneLive
  before(async () => {
    await ceph.up()
    process.env['PATH'] = ceph.env['PATH']
    cluster = clusterOf({ pool, conf: ceph.conf, user })
    store = rbdStore(cluster)
  })
  after(() => fs.rmSync(files, { recursive: true }))

  const io = (drive: Drive, command: string): string => {
    const { path: name } = drive.image
    return execFileSync('qemu-io', ['-f', 'raw', '-c', command, `rbd:${name}:conf=${ceph.conf}:id=${user}`], { encoding: 'utf8' })
  }
  const write = (drive: Drive, value: number, at = '0', length = '1M'): void =>
    void io(drive, `write -P ${value} ${at} ${length}`)
  const has = (drive: Drive, value: number, at = '0', length = '1M'): boolean =>
    !io(drive, `read -P ${value} ${at} ${length}`).includes('verification failed')
  const rbd = (...words: string[]): string => ceph.admin('rbd', ...words)
  const remove = async (...drives: Drive[]): Promise<void> => {
    for (const drive of drives) await store.remove(drive)
  }
  /** All that is in the pool, what Ceph keeps out of sight too. */
  const remains = (): string[] => [
    ...(JSON.parse(rbd('ls', '--format', 'json', pool)) as string[]),
    ...(JSON.parse(rbd('trash', 'ls', '--all', '--format', 'json', pool)) as { name: string }[]).map(
      ({ name }) => `trash ${name}`,
    ),
  ]

  test('an empty drive: its name, its size, what it takes; several at once get numbers of their own', async () => {
    const first = await store.create('foo', 10 * mib + 1)
    assert.deepEqual([first.name, first.number, first.image.path], ['nbsvm-foo-0', 0, `${pool}/nbsvm-foo-0`])
    assert.deepEqual(await store.size(first), { virtualBytes: 10 * mib + 512, allocatedBytes: 0 })
    await Promise.all([store.create('foo', mib), store.create('foo', mib), store.create('foo-1', mib)])
    assert.deepEqual(
      (await store.drives('foo')).map(({ name }) => name),
      ['nbsvm-foo-0', 'nbsvm-foo-1', 'nbsvm-foo-2'],
    )
    rbd('create', '--size', '1M', `${pool}/somebody`)
    assert.deepEqual((await store.driveNames()).toSorted(), ['nbsvm-foo-0', 'nbsvm-foo-1', 'nbsvm-foo-1-0', 'nbsvm-foo-2'])
    write(first, 7)
    assert.equal((await store.size(first)).allocatedBytes, 4 * mib)
    assert.deepEqual(await store.health?.(first), { state: 'fine', words: '', hints: [] })
    await remove(...(await store.drives('foo')), ...(await store.drives('foo-1')))
    assert.deepEqual(remains(), ['somebody'])
    rbd('rm', '--no-progress', `${pool}/somebody`)
    await assert.rejects(store.remove(first), /there is no image vms\/nbsvm-foo-0 any more|error opening image/)
  })

  test('a snapshot and its origin know nothing of each other, and either can go first', async () => {
    const gold = await store.create('gold', 64 * mib)
    write(gold, 1)
    const source = await findGold(store)
    assert.equal(source.name, 'nbsvm-gold-0')
    const copy = await store.snapshot('copy', source, { live })
    write(gold, 2)
    write(copy, 3, '8M')
    assert.ok(has(copy, 1) && has(copy, 3, '8M') && has(gold, 2) && has(gold, 0, '8M'))
    const deeper = await store.snapshot('deeper', await findGold(store, { gold: 'copy-0' }), { live })
    assert.deepEqual(JSON.parse(rbd('snap', 'ls', '--format', 'json', `${pool}/nbsvm-gold-0`)), [], 'nothing shows on the origin')
    await remove(gold)
    assert.deepEqual(await store.drives('gold'), [])
    await remove(copy)
    assert.ok(has(deeper, 1) && has(deeper, 3, '8M'))
    await store.resize(deeper, 128 * mib, { shrink: false })
    assert.ok(has(deeper, 0, '100M'))
    await remove(deeper)
    assert.deepEqual(remains(), [], 'what was kept for it goes with it')
  })

  test('a clone stands alone, tells how far it is, and is of a drive, of a file, or not there at all', async () => {
    const gold = await store.create('gold', 64 * mib)
    write(gold, 1)
    write(gold, 2, '40M')
    const told: number[] = []
    const clone = await store.clone('foo', await findGold(store), { live, onProgress: (done, all) => told.push(done / all) })
    assert.equal(told.at(-1), 1)
    assert.ok(!rbd('info', `${pool}/${clone.name}`).includes('parent'))
    await remove(gold)
    assert.ok(has(clone, 1) && has(clone, 2, '40M') && has(clone, 0, '20M'))

    const file = path.join(files, 'disk.qcow2')
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', file, '32M'])
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write -P 9 16M 1M', file])
    const source = await findGold(store, { source: file })
    const copied = await store.clone('foo', source, { live })
    assert.deepEqual([copied.number, (await store.size(copied)).virtualBytes], [1, 32 * mib])
    assert.ok(has(copied, 9, '16M') && has(copied, 0))
    await assert.rejects(store.snapshot('foo', source, { live }), /not in pool vms[^]*/)
    await assert.rejects(store.clone('foo', source, { live, dd: { args: [] } }), /leave out bs and ddargs|dd cannot clone/)

    const controller = new AbortController()
    const aborted = store.clone('foo', await findGold(store, { gold: 'foo-0' }), {
      live,
      signal: controller.signal,
      onProgress: () => controller.abort(new Failure('enough')),
    })
    await assert.rejects(aborted, /enough/)
    await remove(clone, copied)
    assert.deepEqual(remains(), [])
  })

  test('a source that is not there, and those that are', async () => {
    const gold = await store.create('gold', mib)
    rbd('create', '--size', '1M', `${pool}/windows`)
    await assert.rejects(findGold(store, { gold: 'none' }), (error: Failure) => {
      assert.match(error.message, /pool vms has no image nbsvm-none or nbsvm-none-0/)
      assert.match(error.hints.join(), /those it has: nbsvm-gold-0, windows/)
      return true
    })
    assert.equal((await findGold(store, { snapshotLv: 'windows' })).drive, undefined)
    assert.equal((await store.snapshot('foo', await findGold(store, { snapshotLv: 'windows' }), { live })).name, 'nbsvm-foo-0')
    await assert.rejects(findGold(store, { source: 'relative' }), /not an absolute path/)
    await remove(gold, ...(await store.drives('foo')))
    rbd('rm', '--no-progress', `${pool}/windows`)
  })

  test('resize, and what stands in the way of it and of rm: a size that cuts, snapshots of the user, somebody who has it', async () => {
    const drive = await store.create('foo', 8 * mib)
    await store.resize(drive, 16 * mib, { shrink: false })
    await assert.rejects(store.resize(drive, 4 * mib, { shrink: false }), /it is 16M now/)
    await store.resize(drive, 4 * mib, { shrink: true })
    assert.equal((await store.size(drive)).virtualBytes, 4 * mib)
    rbd('snap', 'create', '--no-progress', `${pool}/nbsvm-foo-0@mine`)
    await assert.rejects(store.remove(drive), (error: Failure) => {
      assert.match(error.message, /snapshots that were not made by nbsvm: mine/)
      assert.match(error.hints.join(), /rbd snap purge vms\/nbsvm-foo-0/)
      return true
    })
    rbd('snap', 'rm', '--no-progress', `${pool}/nbsvm-foo-0@mine`)
    await remove(drive)
  })

  test('a base lasts as long as it is pinned; drives on it last longer', async () => {
    const gold = await store.create('gold', 8 * mib)
    write(gold, 1)
    const base = await store.freeze(gold, 'first', { live })
    assert.equal(base.virtualBytes, 8 * mib)
    write(gold, 2)
    await store.pin(base, 'second')
    await store.pin(base, 'second')
    const pinned = (await store.pins()).map(({ name, base: { name: of } }) => `${name} ${of}`)
    assert.deepEqual(pinned.toSorted(), [`first ${base.name}`, `second ${base.name}`])
    const one = await store.createOn('one', base)
    await store.release(base, 'first')
    await store.release(base, 'never')
    await remove(gold)
    const two = await store.createOn('two', base)
    await store.release(base, 'second')
    assert.deepEqual(await store.pins(), [])
    assert.ok(has(one, 1) && has(two, 1))
    await assert.rejects(store.createOn('three', base), /has no base/)
    await assert.rejects(store.pin(base, 'late'), /has no base/)
    await assert.rejects(store.pin(base, 'a/b'), /cannot be the name of a pin/)
    await store.release(base, 'second')
    await remove(one, two)
    assert.deepEqual(remains(), [])
  })

  test('a base is found by its name, and gets drives of the numbers that are asked for', async () => {
    const gold = await store.create('gold', 8 * mib)
    const base = await store.freeze(gold, 'kept', { live })
    assert.deepEqual(await store.base(base.name), base)
    const three = await store.createOn('foo', base, { number: 3 })
    const four = await store.createOn('foo', base)
    assert.deepEqual([three.name, four.name], ['nbsvm-foo-3', 'nbsvm-foo-4'])
    await assert.rejects(store.createOn('foo', base, { number: 3 }), isFailure('DRIVE_EXISTS'))
    await assert.rejects(store.createOn('foo', base, { number: -1 }), UsageError)
    const both = await Promise.allSettled([0, 0].map((number) => store.createOn('race', base, { number })))
    const late = both.filter((one) => one.status === 'rejected')
    assert.deepEqual([late.length, isFailure('DRIVE_EXISTS')(late[0]?.reason)], [1, true])
    await store.release(base, 'kept')
    await assert.rejects(store.base(base.name), isFailure('DRIVE_MISSING'))
    await assert.rejects(store.base(gold.name), UsageError)
    await remove(gold, three, four, ...(await store.drives('race')))
    assert.deepEqual(remains(), [])
  })

  test('a freeze does its one step at the moment that the caller says, and nothing where that never comes', async () => {
    const gold = await store.create('gold', 8 * mib)
    write(gold, 1)
    const never = { live, atMoment: () => Promise.reject(new Failure('given up')) }
    await assert.rejects(store.freeze(gold, 'kept', never), /given up/)
    assert.deepEqual(remains(), [gold.name])
    const base = await store.freeze(gold, 'kept', {
      live,
      atMoment: (step) => {
        write(gold, 2)
        return step()
      },
    })
    write(gold, 3)
    const foo = await store.createOn('foo', base)
    assert.ok(has(foo, 2))
    await store.release(base, 'kept')
    await remove(gold, foo)
    assert.deepEqual(remains(), [])
  })

  test('a drive is made what a base holds, also one that is missing; what others need of it stays', async () => {
    const gold = await store.create('gold', 8 * mib)
    write(gold, 1)
    const base = await store.freeze(gold, 'kept', { live })
    write(gold, 2)
    const copy = await store.snapshot('copy', await findGold(store), { live })
    await store.resize(gold, 16 * mib, { shrink: false })
    for (const _ of [0, 1]) {
      assert.deepEqual(await store.restore(gold, base), gold)
      assert.ok(has(gold, 1) && has(copy, 2))
      assert.equal((await store.size(gold)).virtualBytes, 8 * mib)
      write(gold, 4)
    }
    const foo = await store.restore({ name: 'nbsvm-foo-2', number: 2 }, base)
    assert.deepEqual([await store.drives('foo'), has(foo, 1)], [[foo], true])
    assert.deepEqual(
      (JSON.parse(rbd('ls', '--format', 'json', pool)) as string[]).toSorted(),
      [copy.name, foo.name, gold.name, base.name].toSorted(),
    )
    rbd('snap', 'create', '--no-progress', `${pool}/nbsvm-gold-0@mine`)
    await assert.rejects(store.restore(gold, base), /snapshots that were not made by nbsvm: mine/)
    rbd('snap', 'rm', '--no-progress', `${pool}/nbsvm-gold-0@mine`)
    await assert.rejects(store.restore(gold, { ...base, name: 'nbsvm_base.none' }), isFailure('DRIVE_MISSING'))
    await store.release(base, 'kept')
    assert.ok(has(foo, 1))
    await remove(gold, copy, foo)
    assert.deepEqual(remains(), [])
  })

  for (const [where, changes] of [
    ['here', new Set(['clone', 'rename', 'rm'])],
    // All that is left to somebody else is which image has the drive's name.
    ['on another machine', new Set(['rename'])],
  ] as const) {
    if (!isWhole) break
    test(`restore, killed ${where} before each command: the drive is what it was or what the base holds, and starts`, async (t) => {
      const gold = await store.create('gold', mib)
      write(gold, 1)
      const base = await store.freeze(gold, 'kept', { live })
      const found: string[] = []
      for (let step = 1, isDead = true; isDead; step++) {
        isDead = false
        const victim = await store.createOn('victim', base)
        write(victim, 2)
        let steps = 0
        const mortal: Cluster['run'] = (command, how) => {
          isDead ||= command.some((word) => changes.has(word)) && ++steps === step
          return isDead ? Promise.reject(new Failure('dead')) : cluster.run(command, how)
        }
        const own = processMark(execFileSyncPid())
        const mark = where === 'here' ? own : own.replace(/^.{8}\..{8}/, '0badcafe.0badcafe')
        await rbdStore({ ...cluster, run: mortal, mark })
          .restore(victim, base)
          .catch(() => {})
        assert.deepEqual((await store.driveNames()).toSorted(), [gold.name, victim.name])
        const seen = await store.drives('victim')
        assert.deepEqual(
          seen.map(({ name }) => name),
          [victim.name],
        )
        await (await store.ready?.(seen))?.end(undefined)
        assert.deepEqual(await store.drives('victim'), [victim])
        const holds = /01 01/.test(io(victim, 'read -v 0 16')) ? 'base' : has(victim, 2) ? 'was' : assert.fail()
        found.push(holds + (seen[0]?.fault === undefined ? '' : ' (between two names)'))
        const next = await store.create('next', mib)
        const names = new Set([base.name, gold.name, next.name, victim.name])
        const left = remains().filter((name) => !names.has(name))
        // What another machine left it removes itself.
        if (where === 'here') assert.deepEqual(left, [])
        else assert.ok(left.every((name) => name.includes('0badcafe')))
        for (const name of left) rbd('rm', '--no-progress', `${pool}/${name}`)
        await remove(victim, next)
      }
      t.diagnostic(`after each kill, and after none: ${found.join(', ')}`)
      assert.deepEqual([found[0], found.at(-1)], ['was', 'base'])
      assert.ok(found.includes('was (between two names)'))
      await store.release(base, 'kept')
      await remove(gold)
      assert.deepEqual(remains(), [])
    })
  }

  test("a distribution's image comes into the pool once, for all; drives on it are independent of it", async () => {
    const file = path.join(files, 'image.qcow2')
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', file, '16M'])
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write -P 5 0 2M', file])
    const origin = { image: { kind: 'file', format: 'qcow2', path: file }, hex: 'c0ffee' } as const
    const both = await Promise.all([store.createFrom('foo', origin, 32 * mib), store.createFrom('bar', origin, 16 * mib)])
    assert.deepEqual(await Promise.all(both.map(async (drive) => (await store.size(drive)).virtualBytes)), [32 * mib, 16 * mib])
    fs.rmSync(file)
    const third = await store.createFrom('foo', origin, 16 * mib)
    assert.deepEqual(
      (JSON.parse(rbd('ls', '--format', 'json', pool)) as string[]).filter((name) => !name.startsWith('nbsvm-')),
      ['nbsvm_image.c0ffee'],
    )
    assert.ok(has(third, 5) && has(both[0], 5) && has(both[0], 0, '20M'))
    rbd('snap', 'purge', '--no-progress', `${pool}/nbsvm_image.c0ffee`)
    rbd('rm', '--no-progress', '--rbd-move-parent-to-trash-on-remove', 'true', `${pool}/nbsvm_image.c0ffee`)
    assert.ok(has(third, 5))
    await remove(...both, third)
    assert.deepEqual(remains(), [])
  })

  test('what killed commands left goes with the next one; what another machine does stays', async () => {
    const own = processMark(execFileSyncPid())
    const foreign = own.replace(/^.{8}\..{8}/, '0badcafe.0badcafe')
    const gold = await store.create('gold', mib)
    for (const mark of [own, foreign]) rbd('create', '--size', '1M', `${pool}/nbsvm_tmp.${mark}.aa`)
    rbd('snap', 'create', '--no-progress', `${pool}/nbsvm_tmp.${own}.aa@base`)
    rbd('snap', 'create', '--no-progress', `${pool}/nbsvm-gold-0@nbsvm_tmp.${own}.bb`)
    const copy = await store.snapshot('foo', await findGold(store), { live })
    assert.deepEqual(remains().toSorted(), ['nbsvm-foo-0', 'nbsvm-gold-0', `nbsvm_tmp.${foreign}.aa`])
    assert.deepEqual(JSON.parse(rbd('snap', 'ls', '--format', 'json', `${pool}/nbsvm-gold-0`)), [])
    await remove(gold, copy)
    rbd('rm', '--no-progress', `${pool}/nbsvm_tmp.${foreign}.aa`)
  })

  test('what is wrong is said: pool, configuration, key, a program that is missing', async () => {
    const told = async (change: Partial<Cluster>): Promise<string> => {
      const error = await rbdStore({ ...cluster, ...change })
        .create('foo', mib)
        .then(
          () => assert.fail('it was made'),
          (thrown: unknown) => thrown as Failure,
        )
      return [error.message, ...error.hints].join('\n')
    }
    assert.match(await told({ pool: 'none' }), /Ceph has no pool none\n[^]*ceph osd pool create none/)
    assert.match(await told({ conf: '/nonexistent' }), /\/nonexistent cannot be read[^]*ceph_conf=PATH/)
    assert.match(
      await told({ user: 'stranger' }),
      /does not let client\.stranger do that[^]*ceph auth get-or-create client\.stranger/,
    )
    assert.match(await told({ run: () => Promise.resolve({ status: 0, stdout: '{"a":', stderr: '' }) }), /answer cannot be read/)
    process.env['PATH'] = '/nowhere'
    const missing = await told({}).finally(() => (process.env['PATH'] = ceph.env['PATH']))
    assert.match(missing, /cannot run rbd, which drives in Ceph need: it is not installed\ninstall ceph-common/)
    assert.throws(() => clusterOf({ pool: 'a/b' }), /cannot be the name of a pool of Ceph/)
    assert.throws(() => clusterOf({ pool, user: '-x' }), /cannot be the name of a user of Ceph/)
  })

  test('doctor says what is there of it, of pools that are named too', async () => {
    const requirement = { setting: 'ceph', by: 'store=rbd on the line', isGeneral: true } as const
    const pools = [{ pool, conf: ceph.conf, user }, { pool: 'none', conf: ceph.conf, user }, {}]
    const found = await checkCeph(pools.map((one) => Object.assign({ value: JSON.stringify(one) }, requirement)))
    assert.deepEqual(
      found.map(({ name, ok }) => [name, ok]),
      [
        ['ceph', true],
        ['pool vms of Ceph', true],
        ['pool none of Ceph', false],
        ['pool of Ceph', false],
      ],
    )
    process.env['PATH'] = '/nowhere'
    const missing = await checkCeph([]).finally(() => (process.env['PATH'] = ceph.env['PATH']))
    assert.deepEqual([missing.length, missing[0]?.ok], [1, null])
  })

  test('a full pool is called full, by what waits for room too', async () => {
    const drive = await store.create('foo', 16 * mib)
    write(drive, 1, '0', '4M')
    // Each is at least what the one before is.
    for (const which of ['nearfull', 'backfillfull', 'full']) ceph.admin('ceph', 'osd', `set-${which}-ratio`, '0.0001')
    try {
      const words = async (): Promise<string | undefined> => (await rbdStore(cluster).health?.(drive))?.words
      // On its way there it is nearly full.
      await until(
        'the pool to be full',
        60_000,
        async () => (await words()) === 'pool vms is full: its drives wait with every write',
      )
    } finally {
      ceph.admin('ceph', 'osd', 'set-full-ratio', '0.95')
    }
    await remove(drive)
  })

  test('a monitor that is silent: everything ends within seconds, and says what is silent', async () => {
    ceph.signal('mon', 'SIGSTOP')
    try {
      const begin = Date.now()
      await assert.rejects(store.driveNames(), (error: Failure) => {
        assert.match(error.message, /cannot list the images of pool vms: Ceph does not answer/)
        assert.match(error.hints.join(), /ceph --conf .* status/)
        return true
      })
      const took = Date.now() - begin
      assert.ok(took < 15_000, `${took} ms`)
    } finally {
      ceph.signal('mon', 'SIGCONT')
    }
    assert.deepEqual(await store.driveNames(), [])
  })
})

const isFailure =
  (code: FailureCode) =>
  (error: unknown): boolean =>
    error instanceof Failure && error.code === code

/** The number of a process that has ended. */
function execFileSyncPid(): number {
  return Number(execFileSync('sh', ['-c', 'echo $$'], { encoding: 'utf8' }))
}
