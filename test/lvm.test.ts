// Drives as volumes of LVM: made, copied, resized, moved, and what a kill leaves.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { processMark } from '../src/sys/mark.js'
import { run, type Run } from '../src/sys/process.js'
import { sendDrives, takeDrives } from '../src/vm/move/drivedata.js'
import { Reader } from '../src/vm/move/wire.js'
import { isWhole } from './support/whole.js'
import {
  bytes,
  copyOptions,
  find,
  lvs,
  mib,
  open,
  pool,
  quarterFull,
  refused,
  removeAll,
  same,
  sh,
  testDisk,
  vg,
  volumeNames,
  whereVolumesAre,
  write,
} from './uml/volumes.js'

whereVolumesAre(import.meta.filename, () => {
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

  test('a VM owns the drives with a number after its id, and no others', async () => {
    sh(`for name in nbsvm-own-0 nbsvm-own-1-0 nbsvm-own-x other; do lvcreate -qq -y -l1 -n $name ${vg}; done`)
    const names = async (id: string): Promise<string[]> => (await open().drives(id)).map(({ name }) => name)
    assert.deepEqual(await names('own'), ['nbsvm-own-0'])
    assert.deepEqual(await names('own-1'), ['nbsvm-own-1-0'])
    assert.deepEqual(await open().driveNames(), ['nbsvm-own-0', 'nbsvm-own-1-0'])
    assert.deepEqual((await open({ isRoot: false }).driveNames()).sort(), ['nbsvm-own-0', 'nbsvm-own-1-0'])
    sh(`lvremove -qq -f ${vg}/nbsvm-own-x ${vg}/other ${vg}/nbsvm-own-1-0 ${vg}/nbsvm-own-0`)
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
    await refused(find({ source: testDisk() }), /it is part of dm-\d+.* on this host/, /lsblk/)
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
    sh(`lvcreate -qq -y -L 80m -n dirt ${vg}; yes dirt | dd of=/dev/${vg}/dirt bs=1M iflag=fullblock count=80 status=none`)
    sh(`sync; lvremove -qq -f ${vg}/dirt`)
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

  if (isWhole) {
    test('clone takes an image file; nothing of other guests is left after its end', async () => {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-image-'))
      const file = path.join(folder, 'a,b=c.qcow2')
      sh(`qemu-img create -q -f qcow2 '${file}' 6656k; qemu-io -f qcow2 -c 'write -P 7 64k 64k' '${file}'`)
      sh(`lvcreate -qq -y -L 16m -n dirt ${vg}; yes dirt | dd of=/dev/${vg}/dirt bs=1M iflag=fullblock count=16 status=none`)
      sh(`sync; lvremove -qq -f ${vg}/dirt`)
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

    test('a volume moves without its zeros: into a volume that held something else, and into a file', async () => {
      const from = await quarterFull('go', 8)
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-move-'))
      const volume = await open().create('come', 8 * mib)
      sh(`dd if=/dev/urandom of=${volume.image.path} bs=1M count=8 status=none`)
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

    test('the unfinished clone of another host that has this group stays, and is named with what removes it', async () => {
      const foreign = (name: string, mark: string): void =>
        void sh(`lvcreate -qq -y -l 4 -n ${name} --addtag nbsvm_unfinished --addtag nbsvm_by=${mark} ${vg}`)
      foreign('nbsvm_tmp-aaaaaaaa', '0badcafe.12345678.4026531836.4711.88123')
      // nbsvm 0.1 named no host.
      foreign('nbsvm_tmp-bbbbbbbb', '12345678.4026531836.4711.88123')
      foreign('nbsvm_tmp-cccccccc', processMark(spawnSync('true').pid))
      const notes: string[] = []
      await open().create('shared', 4 * mib, { onNote: (text) => notes.push(text) })
      assert.deepEqual(volumeNames(), ['nbsvm-shared-0', 'nbsvm_tmp-aaaaaaaa', 'nbsvm_tmp-bbbbbbbb', pool])
      assert.match(
        notes[0] ?? '',
        /nbsvm_tmp-aaaaaaaa is unfinished.* another host.*: sudo lvremove nbsvmtest\d+\/nbsvm_tmp-aaaaaaaa$/,
      )
      assert.equal(notes.length, 2)
    })
  }
})
