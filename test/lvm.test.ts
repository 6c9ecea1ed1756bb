// The LVM store on a real device-mapper: this machine's own, or that of User-Mode Linux.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { after, afterEach, before, test } from 'node:test'
import type { Drive } from '../src/model/drive.js'
import type { FailureCode } from '../src/core/codes.js'
import { Failure, UsageError } from '../src/core/errors.js'
import { probe } from '../src/store/common/probe.js'
import { lvmStore } from '../src/store/lvm/lvmstore.js'
import type { CopyOptions, LiveDrives, Source, Store } from '../src/store/store.js'
import { processMark } from '../src/sys/mark.js'
import { run, type Run } from '../src/sys/process.js'
import { sendDrives, takeDrives } from '../src/vm/move/drivedata.js'
import { Reader } from '../src/vm/move/wire.js'
import { bootSector } from './bootsector.js'
import { isWhole } from './support/whole.js'
import { makeTestGroup, type TestGroup } from './uml/group.js'
import { whereDeviceMapperIs } from './uml/where.js'

const mib = 2 ** 20
const diskBytes = 1536 * mib
const vg = 'nbsvmtest'
const pool = 'pool'

whereDeviceMapperIs(import.meta.filename, { diskBytes }, suite)

function suite(): void {
  let group: TestGroup
  before(() => {
    group = makeTestGroup(vg, diskBytes)
    group.sh(`lvcreate --quiet --type thin-pool --size 300m --name ${pool} ${vg}`)
  })
  after(() => group.remove())
  // What a failed test left would fail the next ones too.
  afterEach(() => {
    const left = volumeNames().filter((name) => name !== pool)
    if (left.length > 0) group.sh(`lvremove -qq -f ${left.map((name) => `${vg}/${name}`).join(' ')}`)
  })

  test('newimg makes the next drive, classic or thin', async () => {
    const classic = await open().create('new', 8 * mib)
    const thin = await open({ pool }).create('new', 64 * mib)
    assert.deepEqual(
      [classic, thin],
      [0, 1].map((number) => {
        const name = `nbsvm-new-${number}`
        return { name, number, image: { format: 'raw', path: `/dev/${vg}/${name}`, kind: 'block' } }
      }),
    )
    assert.deepEqual(await open().size(classic), { virtualBytes: 8 * mib, allocatedBytes: 8 * mib })
    assert.deepEqual(await open().size(thin), { virtualBytes: 64 * mib, allocatedBytes: 0 })
    assert.equal(lvs('lv_tags,pool_lv', 'nbsvm-new-1'), `,${pool}`)
    assert.equal(bytes(thin, 0, 4).toString('hex'), '00000000')
    await removeAll('new')
  })

  test('three newimg at once make three drives', async () => {
    await Promise.all([1, 2, 3].map(() => open({ pool }).create('crowd', 8 * mib)))
    const drives = await open().drives('crowd')
    assert.deepEqual(
      drives.map(({ number }) => number),
      [0, 1, 2],
    )
    await removeAll('crowd')
  })

  test('a VM owns the drives with a number after its id, and no others', async () => {
    group.sh(`for name in nbsvm-own-0 nbsvm-own-1-0 nbsvm-own-x other; do lvcreate -qq -y -l1 -n $name ${vg}; done`)
    const names = async (id: string): Promise<string[]> => (await open().drives(id)).map(({ name }) => name)
    assert.deepEqual(await names('own'), ['nbsvm-own-0'])
    assert.deepEqual(await names('own-1'), ['nbsvm-own-1-0'])
    assert.deepEqual(await open().driveNames(), ['nbsvm-own-0', 'nbsvm-own-1-0'])
    assert.deepEqual((await open({ isRoot: false }).driveNames()).sort(), ['nbsvm-own-0', 'nbsvm-own-1-0'])
    group.sh(`lvremove -qq -f ${vg}/nbsvm-own-x ${vg}/other ${vg}/nbsvm-own-1-0 ${vg}/nbsvm-own-0`)
  })

  for (const kind of ['classic', 'thin'] as const) {
    test(`a ${kind} snapshot and its origin are independent, also when either is removed`, async () => {
      const store = kind === 'thin' ? open({ pool }) : open()
      const origin = await store.create('gold', 16 * mib)
      write(origin, 0, 'old')
      const first = await store.snapshot('snap', await find({ gold: 'gold' }), copyOptions)
      const second = await store.snapshot('snap', await find({ gold: 'gold-0' }), copyOptions)
      assert.deepEqual([first.name, second.name], ['nbsvm-snap-0', 'nbsvm-snap-1'])
      assert.equal((await store.size(first)).virtualBytes, 16 * mib)
      write(origin, 0, 'gol')
      write(first, 4096, 'one')
      assert.deepEqual([bytes(first, 0, 3), bytes(second, 0, 3), bytes(origin, 0, 3)].map(String), ['old', 'old', 'gol'])
      assert.deepEqual([bytes(second, 4096, 3), bytes(origin, 4096, 3)].map(String), ['\0\0\0', '\0\0\0'])

      await store.remove(origin)
      assert.deepEqual(await store.drives('gold'), [])
      assert.equal((await store.driveNames()).length, 2, 'the hidden base is not a drive')
      assert.deepEqual([bytes(first, 0, 3), bytes(first, 4096, 3), bytes(second, 0, 3)].map(String), ['old', 'one', 'old'])
      await store.remove(second)
      assert.equal(bytes(first, 0, 3).toString(), 'old')
      await store.remove(first)
      assert.deepEqual(volumeNames(), [pool], 'the base went with its last snapshot')
    })
  }

  test('an origin that is kept survives its snapshots', async () => {
    const store = open({ snapshotSizeBytes: 4 * mib })
    const origin = await store.create('kept', 16 * mib)
    const source = await find({ source: `/dev/mapper/${vg}-nbsvm--kept--0` })
    assert.deepEqual(source.drive, origin, 'found by another name of the device')
    const snapshot = await store.snapshot('kept-snap', source, copyOptions)
    assert.equal(lvs('lv_size', snapshot.name), `${4 * mib}`)
    await store.remove(snapshot)
    assert.deepEqual(await store.drives('kept'), [origin])
    await store.remove(origin)
  })

  test('what lvm cannot do is refused with what can be done instead', async () => {
    const store = open()
    const origin = await store.create('no', 8 * mib)
    const snapshot = await store.snapshot('no', await find({ gold: 'no-0' }), copyOptions)
    await refused(
      store.snapshot('no', await find({ gold: 'no-1' }), copyOptions),
      /classic snapshot itself/,
      /snapshot_lv=nbsvm-no-0/,
    )
    await refused(store.resize(snapshot, 16 * mib, { shrink: false }), /always has the size/, /clone/)
    await refused(store.resize(origin, 16 * mib, { shrink: false }), /it has nbsvm-no-1/, /clone/)
    await refused(find({ gold: 'nobody' }), /no volume nbsvm-nobody or nbsvm-nobody-0/, /nbsvm-no-0/)
    await refused(find({ source: group.disk }), /it is part of dm-\d+.* on this host/, /lsblk/)
    await refused(find({ source: '/nowhere' }), /there is no \/nowhere/)
    await refused(open({ vg: 'nogroup' }).create('no', 8 * mib), /nogroup/)
    await refused(open({ pool: 'nopool' }).create('no', 8 * mib), /no thin pool nopool: it has pool/, /lvcreate --type thin-pool/)
    await refused(store.create('x-'.repeat(40), 8 * mib), /too long/)
    await refused(store.create('no', 1024 * 1024 * mib), /insufficient|free space/i)
    await refused(
      store.snapshot('no', { name: '/a.raw', image: { format: 'raw', path: '/a.raw', kind: 'file' } }, copyOptions),
      /not a volume of volume group/,
    )
    await removeAll('no')
    assert.deepEqual(volumeNames(), [pool])
  })

  test('resize grows at once, shrinks only with shrink', async () => {
    for (const store of [open(), open({ pool })]) {
      const drive = await store.create('size', 16 * mib)
      await store.resize(drive, 32 * mib, { shrink: false })
      assert.equal((await store.size(drive)).virtualBytes, 32 * mib)
      await refused(store.resize(drive, 8 * mib, { shrink: false }), /shrinking/, /--shrink/)
      assert.equal((await store.size(drive)).virtualBytes, 32 * mib)
      await store.resize(drive, 8 * mib, { shrink: true })
      assert.equal((await store.size(drive)).virtualBytes, 8 * mib)
      await store.remove(drive)
    }
  })

  test('clone copies everything to a classic volume and only what is not zero to a thin one', async () => {
    const gold = await quarterFull('gold', 64)
    // The extents that the clone gets held another guest's data.
    group.sh(`lvcreate -qq -y -L 80m -n dirt ${vg}; yes dirt | dd of=/dev/${vg}/dirt bs=1M iflag=fullblock count=80 status=none`)
    group.sh(`sync; lvremove -qq -f ${vg}/dirt`)
    const seen: number[] = []
    const onProgress = (doneBytes: number, totalBytes: number): void => void seen.push(doneBytes / totalBytes)
    const classic = await open().clone('copy', await find({ gold: 'gold' }), { ...copyOptions, onProgress })
    const thin = await open({ pool }).clone('copy', await find({ gold: 'gold' }), copyOptions)
    assert.ok(same(gold, classic) && same(gold, thin))
    assert.deepEqual(
      seen,
      seen.toSorted((a, b) => a - b),
    )
    assert.equal(seen.at(-1), 1)
    const { virtualBytes, allocatedBytes } = await open().size(thin)
    assert.equal(virtualBytes, 64 * mib)
    assert.ok(allocatedBytes <= 17 * mib, `${allocatedBytes} bytes allocated`)
    await removeAll('copy')
    await open().remove(gold)
  })

  test('clone takes an image file; nothing of other guests is left after its end', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-image-'))
    const file = path.join(folder, 'a,b=c.qcow2')
    group.sh(`qemu-img create -q -f qcow2 '${file}' 6656k; qemu-io -f qcow2 -c 'write -P 7 64k 64k' '${file}'`)
    group.sh(`lvcreate -qq -y -L 16m -n dirt ${vg}; yes dirt | dd of=/dev/${vg}/dirt bs=1M iflag=fullblock count=16 status=none`)
    group.sh(`sync; lvremove -qq -f ${vg}/dirt`)
    const drive = await open().clone('file', await find({ source: file }), copyOptions)
    assert.equal((await open().size(drive)).virtualBytes, 7 * mib)
    const all = bytes(drive, 0, 7 * mib)
    assert.ok(all.subarray(64 * 1024, 128 * 1024).every((byte) => byte === 7))
    assert.ok(all.subarray(0, 64 * 1024).every((byte) => byte === 0) && all.subarray(128 * 1024).every((byte) => byte === 0))
    await removeAll('file')
    fs.rmSync(folder, { recursive: true })
  })

  test('bs and ddargs clone with dd, as they are', async () => {
    const gold = await quarterFull('gold', 16)
    const lines: string[] = []
    const recording: Run = (command, options) => {
      lines.push(command.join(' '))
      return run(command, options)
    }
    const dd = { bs: '64k', args: ['count=32'] }
    const drive = await open({ pool, asRoot: recording }).clone('dd', await find({ gold: 'gold' }), { ...copyOptions, dd })
    const line = lines.find((each) => each.includes('dd if=')) ?? ''
    assert.match(line, /dd if=\S+gold-0 of=\S+ bs=64k conv=fsync status=progress count=32$/)
    assert.ok(bytes(gold, 0, 2 * mib).equals(bytes(drive, 0, 2 * mib)))
    await removeAll('dd')
    await open().remove(gold)
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

  test('an aborted clone leaves no trace', async () => {
    const gold = await quarterFull('gold', 64)
    const abort = new AbortController()
    const options = { ...copyOptions, signal: abort.signal, onProgress: () => abort.abort() }
    await assert.rejects(open().clone('abort', await find({ gold: 'gold' }), options), { name: 'AbortError' })
    assert.deepEqual(volumeNames(), ['nbsvm-gold-0', pool])
    await open().remove(gold)
  })

  test('a volume moves without its zeros: into a volume that held something else, and into a file', async () => {
    const from = await quarterFull('go', 8)
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-move-'))
    const volume = await open().create('come', 8 * mib)
    group.sh(`dd if=/dev/urandom of=${volume.image.path} bs=1M count=8 status=none`)
    const image = { kind: 'file', format: 'qcow2', path: path.join(folder, 'drive') } as const
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', image.path, '8M'])
    try {
      const sent: Buffer[] = []
      const keep = (piece: Buffer): Promise<void> => Promise.resolve(void sent.push(Buffer.from(piece)))
      await sendDrives([from], { folder, write: keep, onProgress: () => {} })
      assert.ok(Buffer.concat(sent).length < 3 * mib)
      for (const to of [volume, { ...volume, image }]) {
        const reader = new Reader(Readable.from(sent))
        await takeDrives([to], reader, { folder })
      }
      assert.ok(same(from, volume))
      execFileSync('qemu-img', ['compare', '-f', 'raw', '-F', 'qcow2', from.image.path, image.path])
    } finally {
      fs.rmSync(folder, { recursive: true })
      await removeAll('go')
      await removeAll('come')
    }
  })

  test('kill -9 at each step of a clone leaves no unfinished volume under its name', async (t) => {
    const gold = await quarterFull('gold', 64)
    // lvcreate, the copy, lvrename, lvchange; 5 is never reached: the clone is done.
    const plan = isWhole ? { [pool]: ['1', '2', 'copy', '3', '4', '5'], '-': ['copy'] } : { [pool]: ['copy', '3', '5'] }
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
    group.sh(`lvcreate -qq -y -l 4 -n nbsvm_base-aaaaaaaa --addtag nbsvm_base ${vg}`)
    group.sh(
      `lvcreate -qq -y -l 4 -n nbsvm_base-bbbbbbbb ${vg}; lvcreate -qq -y -l 4 -n nbsvm-marked-0 --addtag nbsvm_base ${vg}`,
    )
    await open().create('next', 4 * mib)
    assert.deepEqual(volumeNames(), ['nbsvm-marked-0', 'nbsvm-next-0', 'nbsvm_base-bbbbbbbb', pool])
    group.sh(`lvremove -qq -f ${vg}/nbsvm_base-bbbbbbbb`)
    for (const id of ['marked', 'next']) await removeAll(id)
  })

  test('the unfinished clone of another host that has this group stays, and is named with what removes it', async () => {
    const foreign = (name: string, mark: string): void =>
      void group.sh(`lvcreate -qq -y -l 4 -n ${name} --addtag nbsvm_unfinished --addtag nbsvm_by=${mark} ${vg}`)
    foreign('nbsvm_tmp-aaaaaaaa', '0badcafe.12345678.4026531836.4711.88123')
    // nbsvm 0.1 named no host.
    foreign('nbsvm_tmp-bbbbbbbb', '12345678.4026531836.4711.88123')
    foreign('nbsvm_tmp-cccccccc', processMark(spawnSync('true').pid))
    const notes: string[] = []
    await open().create('shared', 4 * mib, { onNote: (text) => notes.push(text) })
    assert.deepEqual(volumeNames(), ['nbsvm-shared-0', 'nbsvm_tmp-aaaaaaaa', 'nbsvm_tmp-bbbbbbbb', pool])
    assert.match(
      notes[0] ?? '',
      /nbsvm_tmp-aaaaaaaa is unfinished.* another host.*: sudo lvremove nbsvmtest\/nbsvm_tmp-aaaaaaaa$/,
    )
    assert.equal(notes.length, 2)
  })

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

  test('restore, killed before each command: the drive is what it was or what the base holds, and can be started', async (t) => {
    const store = open({ pool })
    const gold = await store.create('gold', 4 * mib)
    write(gold, 0, 'old')
    const base = await store.freeze(gold, 'one', copyOptions)
    const found: string[] = []
    for (let step = 1, isDead = true; isDead; step += isWhole ? 1 : 3) {
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

  test('a missing disk breaks the drives on it, which say so and can be removed, and no others', async () => {
    const broken = makeTwoDiskGroup('nbsvmhalf')
    const store = open({ vg: 'nbsvmhalf' })
    try {
      broken.sh(`lvcreate -qq -y -l 4 -n nbsvm-half-0 nbsvmhalf ${broken.disks[0]}`)
      broken.sh(`for n in 1 2; do lvcreate -qq -y -l 4 -n nbsvm-half-$n nbsvmhalf ${broken.disks[1]}; done`)
      broken.sh(`lvcreate -qq -y -s -l 2 -n nbsvm-half-3 nbsvmhalf/nbsvm-half-2 ${broken.disks[0]}`)
      broken.loseSecond()
      const drives = await store.drives('half')
      assert.deepEqual(
        drives.map(({ fault }) => fault !== undefined),
        [false, true, true, true],
      )
      const [whole, lost, origin, snapshot] = drives
      assert.ok(whole && lost && origin && snapshot)
      assert.match(lost.fault ?? '', /nbsvm-half-1 lies on a disk of volume group nbsvmhalf that is missing/)
      assert.equal((await store.health?.(lost))?.state, 'broken')
      await store.ready?.([whole])
      await refused(Promise.resolve(store.ready?.([whole, lost])), /is missing/, /sudo pvs/)
      await refused(store.remove(origin), /its snapshots would go with it/, /nbsvm-half-3/)
      for (const drive of [lost, snapshot, origin]) await store.remove(drive)
      assert.deepEqual(await store.driveNames(), [whole.name])
    } finally {
      broken.remove()
    }
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

  test('a snapshot that runs full is warned of before, shown when it happens, and refused', async () => {
    const origin = await open().create('full', 32 * mib)
    const store = open({ snapshotSizeBytes: 4 * mib })
    const drive = await store.snapshot('full', await find({ gold: 'full-0' }), copyOptions)
    assert.equal((await store.health?.(drive))?.state, 'fine')
    await store.ready?.([origin, drive])

    group.sh(`dd if=/dev/zero of=${origin.image.path} bs=64k count=56 oflag=direct status=none`)
    const filling = await store.health?.(drive)
    assert.equal(filling?.state, 'filling')
    assert.match(
      `${filling?.words} ${filling?.hints.join()}`,
      /has used 8\d\S* % of its 4M.*lvextend -L \+4M nbsvmtest\/nbsvm-full-1/,
    )
    const notes: string[] = []
    await store.ready?.([drive], (text) => notes.push(text))
    assert.match(notes.join(), /when it runs full it is lost/)

    group.sh(`dd if=/dev/zero of=${origin.image.path} bs=64k count=256 oflag=direct status=none`)
    assert.equal((await store.health?.(drive))?.state, 'lost')
    await refused(Promise.resolve(store.ready?.([origin, drive])), /nbsvm-full-1 ran full at 4M and is invalid/, /snapshot_size/)
    await refused(store.clone('full', await find({ gold: 'full-1' }), copyOptions), /invalid/)
    await removeAll('full')
    assert.deepEqual(volumeNames(), [pool])
  })

  test('a thin pool that runs full is warned of before, and takes no clone that does not fit', async () => {
    group.sh(`lvcreate -qq --type thin-pool --size 32m --name small ${vg}`)
    const store = open({ pool: 'small' })
    const drive = await store.create('thin', 64 * mib)
    group.sh(`dd if=/dev/urandom of=${drive.image.path} bs=1M count=28 oflag=direct status=none`)
    assert.equal((await store.health?.(drive))?.state, 'filling')
    await refused(
      store.clone('thin', await find({ gold: 'thin' }), copyOptions),
      /it takes 28M, and thin pool small has 4M left/,
      /lvextend/,
    )
    const notes: string[] = []
    await store.create('thin', 4 * mib, { onNote: (text) => notes.push(text) })
    assert.match(notes.join(), /thin pool small has used 87.5 % of its 32M/)
    await removeAll('thin')
    group.sh(`lvremove -qq -f ${vg}/small`)
  })

  test('a volume that is mounted on the host or open is refused, by name of who has it', async () => {
    const store = open()
    const drive = await store.create('busy', 16 * mib)
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-mount-'))
    group.sh(`mkfs.ext4 -q ${drive.image.path}; mount ${drive.image.path} ${folder}`)
    for (const attempt of [
      () => store.remove(drive),
      () => store.resize(drive, 32 * mib, { shrink: false }),
      () => Promise.resolve(store.ready?.([drive])),
    ]) {
      await refused(attempt(), new RegExp(`nbsvm-busy-0 is mounted on ${folder}`), /umount/)
    }
    group.sh(`umount ${folder}; rmdir ${folder}`)
    const held = fs.openSync(drive.image.path, 'r')
    await refused(store.remove(drive), new RegExp(`open in pid ${process.pid} `), /fuser/)
    fs.closeSync(held)
    await store.ready?.([drive])
    await store.remove(drive)
  })

  test('an inactive drive is listed, and activated before it is used', async () => {
    const store = open({ pool })
    const drive = await store.create('asleep', 8 * mib)
    group.sh(`lvchange -an ${vg}/${drive.name}; lvchange -ky ${vg}/${drive.name}`)
    assert.ok(!fs.existsSync(drive.image.path))
    assert.deepEqual(await store.drives('asleep'), [drive])
    await store.ready?.([drive])
    assert.ok(fs.existsSync(drive.image.path))
    await store.remove(drive)
  })

  for (const kind of ['classic', 'thin'] as const) {
    test(`a guest that boots from a ${kind} snapshot does not write to the origin`, async () => {
      const store = kind === 'thin' ? open({ pool }) : open()
      const gold = await store.create('boot', 8 * mib)
      fs.writeFileSync(gold.image.path, bootSector)
      const drive = await store.snapshot('guest', await find({ gold: 'boot' }), copyOptions)
      await store.ready?.([drive])
      const blockdev = { driver: 'raw', 'node-name': 'd', file: { driver: 'host_device', filename: drive.image.path } }
      const guest = spawnSync(
        'qemu-system-x86_64',
        `-nodefaults -no-user-config -display none -accel tcg -m 32 -device ide-hd,drive=d -device isa-debug-exit`
          .split(' ')
          .concat('-blockdev', JSON.stringify(blockdev)),
        { encoding: 'utf8', timeout: 60_000 },
      )
      assert.deepEqual([guest.status, guest.stderr], [1, ''], 'isa-debug-exit of 0 is status 1')
      assert.ok(bytes(drive, 512, 512).equals(bootSector), 'the guest wrote')
      assert.ok(
        bytes(gold, 512, 512).every((byte) => byte === 0),
        'the origin is as it was',
      )
      await removeAll('guest')
      await removeAll('boot')
    })
  }

  const volumeNames = (): string[] =>
    group
      .sh(`lvs --noheadings -o lv_name ${vg}`)
      .split('\n')
      .map((name) => name.trim())
      .filter((name) => name !== '')
      .sort()

  const lvs = (fields: string, name: string): string =>
    group.sh(`lvs --noheadings --separator , --units b --nosuffix -o ${fields} ${vg}/${name}`).trim()

  /** Makes drive 0 of a VM, of which every fourth MiB is random and the rest zero. */
  const quarterFull = async (id: string, sizeMib: number): Promise<Drive> => {
    const drive = await open().create(id, sizeMib * mib)
    group.sh(`dd if=/dev/zero of=${drive.image.path} bs=1M count=${sizeMib} status=none
      for ((i = 0; i < ${sizeMib}; i += 4)); do
        dd if=/dev/urandom of=${drive.image.path} bs=1M count=1 seek=$i conv=notrunc status=none
      done; sync`)
    return drive
  }

  const same = (a: Drive, b: Drive): boolean => spawnSync('cmp', ['-s', a.image.path, b.image.path]).status === 0

  const removeAll = async (id: string): Promise<void> => {
    for (const drive of await open().drives(id)) await open().remove(drive)
  }

  /** Waits until the copies of killed clones have ended: they have the volume open. */
  const orphansEnded = async (): Promise<void> => {
    while (group.sh(`lvs --noheadings -S 'lv_name=~^nbsvm_tmp' -o lv_device_open ${vg}`).includes('open')) {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

const copyOptions: CopyOptions & { live: LiveDrives } = {
  live: {
    runs: () => false,
    activeFile: () => Promise.resolve(undefined),
    switchTo: () => Promise.resolve(),
    grow: () => Promise.resolve(),
  },
}

function open(options: Partial<Parameters<typeof lvmStore>[0]> = {}): Store {
  return lvmStore({ vg, run, asRoot: run, probe, ...options })
}

function find(wanted: { gold?: string; source?: string }): Promise<Source> {
  const { gold = 'gold', source } = wanted
  return open().findSource({ gold, source, vmClass: undefined, snapshotLv: undefined, trust: false })
}

const isFailure =
  (code: FailureCode) =>
  (error: unknown): boolean =>
    error instanceof Failure && error.code === code

async function refused(promise: Promise<unknown>, message: RegExp, hint?: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof Failure, String(error))
    assert.match(error.message, message)
    if (hint !== undefined) assert.match(error.hints.join('\n'), hint)
    return true
  })
}

function bytes(drive: Drive, start: number, length: number): Buffer {
  const fd = fs.openSync(drive.image.path, 'r')
  try {
    const buffer = Buffer.alloc(length)
    assert.equal(fs.readSync(fd, buffer, 0, length, start), length)
    return buffer
  } finally {
    fs.closeSync(fd)
  }
}

function write(drive: Drive, start: number, text: string): void {
  execFileSync('dd', [`of=${drive.image.path}`, 'bs=1', `seek=${start}`, 'conv=notrunc,fsync', 'status=none'], { input: text })
}

/** A volume group on two loop devices, of which the second can be lost. */
function makeTwoDiskGroup(name: string): { disks: string[]; sh: TestGroup['sh']; loseSecond(): void; remove(): void } {
  const sh: TestGroup['sh'] = (command) =>
    execFileSync('bash', ['-euc', command], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-disks-'))
  const disks = ['0', '1'].map((disk) =>
    sh(`truncate --size=24M ${folder}/${disk}; losetup --find --show ${folder}/${disk}`).trim(),
  )
  const before = process.env['LVM_SYSTEM_DIR'] ?? ''
  const accept = disks.map((disk) => `"a|^${disk}$|",`).join('')
  const settings = fs.readFileSync(path.join(before, 'lvm.conf'), 'utf8').replaceAll('filter=[', `filter=[${accept}`)
  fs.writeFileSync(path.join(folder, 'lvm.conf'), settings)
  process.env['LVM_SYSTEM_DIR'] = folder
  sh(`vgcreate --quiet --physicalextentsize 1m ${name} ${disks.join(' ')}`)
  return {
    disks,
    sh,
    loseSecond: () => void sh(`vgchange -qq -an ${name}; losetup --detach ${disks[1]}`),
    remove: () => {
      sh(`vgremove -qq --force --force ${name} || true`)
      sh(`losetup --detach ${disks[0]} || true; rm -r ${folder}`)
      process.env['LVM_SYSTEM_DIR'] = before
    },
  }
}

/** Runs the clone in a process of its own, which kills itself. */
function cloneKilledAt(kind: string, step: string): { signal: string | null; status: number | null } {
  const program = path.join(import.meta.dirname, 'uml/killed.js')
  const { signal, status } = spawnSync(process.execPath, [program, vg, kind, 'killed', 'gold', step], { stdio: 'inherit' })
  return { signal, status }
}
