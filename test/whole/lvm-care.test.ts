// Volumes of LVM that are full, lost, held by others or not active, and guests that boot from them.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { bootSector } from '../bootsector.js'
import type { TestGroup } from '../uml/group.js'
import {
  bytes,
  copyOptions,
  find,
  mib,
  open,
  pool,
  refused,
  removeAll,
  sh,
  vg,
  volumeNames,
  whereVolumesAre,
} from '../uml/volumes.js'

whereVolumesAre(import.meta.filename, () => {
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

  test('a snapshot that runs full is warned of before, shown when it happens, and refused', async () => {
    const origin = await open().create('full', 32 * mib)
    const store = open({ snapshotSizeBytes: 4 * mib })
    const drive = await store.snapshot('full', await find({ gold: 'full-0' }), copyOptions)
    assert.equal((await store.health?.(drive))?.state, 'fine')
    await store.ready?.([origin, drive])

    sh(`dd if=/dev/zero of=${origin.image.path} bs=64k count=56 oflag=direct status=none`)
    const filling = await store.health?.(drive)
    assert.equal(filling?.state, 'filling')
    assert.match(
      `${filling?.words} ${filling?.hints.join()}`,
      /has used 8\d\S* % of its 4M.*lvextend -L \+4M nbsvmtest\d+\/nbsvm-full-1/,
    )
    const notes: string[] = []
    await store.ready?.([drive], (text) => notes.push(text))
    assert.match(notes.join(), /when it runs full it is lost/)

    sh(`dd if=/dev/zero of=${origin.image.path} bs=64k count=256 oflag=direct status=none`)
    assert.equal((await store.health?.(drive))?.state, 'lost')
    await refused(Promise.resolve(store.ready?.([origin, drive])), /nbsvm-full-1 ran full at 4M and is invalid/, /snapshot_size/)
    await refused(store.clone('full', await find({ gold: 'full-1' }), copyOptions), /invalid/)
    await removeAll('full')
    assert.deepEqual(volumeNames(), [pool])
  })

  test('a thin pool that runs full is warned of before, and takes no clone that does not fit', async () => {
    sh(`lvcreate -qq --type thin-pool --size 32m --name small ${vg}`)
    const store = open({ pool: 'small' })
    const drive = await store.create('thin', 64 * mib)
    sh(`dd if=/dev/urandom of=${drive.image.path} bs=1M count=28 oflag=direct status=none`)
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
    sh(`lvremove -qq -f ${vg}/small`)
  })

  test('a volume that is mounted on the host or open is refused, by name of who has it', async () => {
    const store = open()
    const drive = await store.create('busy', 16 * mib)
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-mount-'))
    sh(`mkfs.ext4 -q ${drive.image.path}; mount ${drive.image.path} ${folder}`)
    for (const attempt of [
      () => store.remove(drive),
      () => store.resize(drive, 32 * mib, { shrink: false }),
      () => Promise.resolve(store.ready?.([drive])),
    ]) {
      await refused(attempt(), new RegExp(`nbsvm-busy-0 is mounted on ${folder}`), /umount/)
    }
    sh(`umount ${folder}; rmdir ${folder}`)
    const held = fs.openSync(drive.image.path, 'r')
    await refused(store.remove(drive), new RegExp(`open in pid ${process.pid} `), /fuser/)
    fs.closeSync(held)
    await store.ready?.([drive])
    await store.remove(drive)
  })

  test('an inactive drive is listed, and activated before it is used', async () => {
    const store = open({ pool })
    const drive = await store.create('asleep', 8 * mib)
    sh(`lvchange -an ${vg}/${drive.name}; lvchange -ky ${vg}/${drive.name}`)
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
})

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
