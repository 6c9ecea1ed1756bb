// The `dir` store on real images: qemu-img and qemu-io are the judges of what is in them.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { after, afterEach, beforeEach, describe, it } from 'node:test'
import { Failure, UsageError } from '../src/core/errors.js'
import {
  bases,
  check,
  digest,
  findGold,
  hasPattern,
  layersOf,
  leftovers,
  remains,
  makePlace,
  ownFolders,
  mib,
  noneLive,
  processesOn,
  sh,
  writePattern,
  type Place,
} from './support/drives.js'
import type { Drive } from '../src/model/drive.js'

const live = { live: noneLive }
let place: Place
const places: Place[] = []
beforeEach(() => {
  place = makePlace()
  places.push(place)
})
// node:test does not run afterEach for a test that skips itself.
after(() => places.forEach((each) => each.remove()))
afterEach(() => {
  const left = fs.existsSync(place.folder) ? leftovers(place.folder) : []
  place.remove()
  assert.deepEqual(left, [])
})

/** The fault of a VM's first drive. */
async function faultOf(store: Place['store'], id: string): Promise<string> {
  const [drive = assert.fail()] = await store.drives(id)
  assert.equal((await store.size(drive)).virtualBytes, 0)
  return drive.fault ?? assert.fail('it has no fault')
}

const fails =
  (kind: typeof Failure, message: RegExp) =>
  (error: unknown): boolean =>
    error instanceof kind && message.test([error.message, ...error.hints].join('\n'))

describe('create', () => {
  it('makes drive 0, then 1, private, empty and good', async () => {
    const { store, folder } = place
    assert.deepEqual(await store.drives('foo'), [])
    const first = await store.create('foo', 20 * 1024 * mib)
    const second = await store.create('foo', 10 * mib)
    assert.deepEqual([first.name, second.name, second.number], ['nbsvm-foo-0', 'nbsvm-foo-1', 1])
    assert.deepEqual(await store.drives('foo'), [first, second])
    assert.equal(fs.statSync(first.image.path).mode & 0o777, 0o600)
    assert.equal(fs.statSync(folder).mode & 0o777, 0o700)
    const { virtualBytes, allocatedBytes } = await store.size(first)
    assert.equal(virtualBytes, 20 * 1024 * mib)
    assert.ok(allocatedBytes < mib)
    check(first.image)
  })

  it('takes one more than the highest number, so that nothing moves up', async () => {
    const { store } = place
    const first = await store.create('foo', mib)
    await store.create('foo', mib)
    await store.remove(first)
    assert.equal((await store.create('foo', mib)).name, 'nbsvm-foo-2')
  })

  it('gives a VM the drives of its own id only', async () => {
    const { store } = place
    await store.create('foo-1', mib)
    await store.create('foo', mib)
    assert.deepEqual(
      (await store.drives('foo')).map(({ name }) => name),
      ['nbsvm-foo-0'],
    )
    assert.deepEqual(
      (await store.drives('foo-1')).map(({ name }) => name),
      ['nbsvm-foo-1-0'],
    )
    assert.deepEqual((await store.driveNames()).sort(), ['nbsvm-foo-0', 'nbsvm-foo-1-0'])
  })

  it('is done by 20 processes at once, each with a number of its own', async () => {
    const { folder, store } = place
    const script = `
      const { dirStore } = await import(${JSON.stringify(new URL('../src/store/dir/dir.js', import.meta.url).href)})
      console.log((await dirStore({ folder: ${JSON.stringify(folder)} }).create('foo', 1048576)).number)`
    const { spawn } = await import('node:child_process')
    const runs = Array.from({ length: 20 }, () => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
      return new Promise<string>((resolve) => {
        let text = ''
        child.stdout.on('data', (data: Buffer) => (text += String(data)))
        child.on('close', () => resolve(text.trim()))
      })
    })
    const numbers = (await Promise.all(runs)).map(Number).sort((a, b) => a - b)
    assert.deepEqual(
      numbers,
      Array.from({ length: 20 }, (_, number) => number),
    )
    assert.equal((await store.drives('foo')).length, 20)
  })
})

describe('snapshot of a stopped drive', () => {
  it('is independent both ways, and lives on without its source', async () => {
    const { store, folder } = place
    const gold = await store.create('gold', 64 * mib)
    writePattern(gold, 1, '0', '4M')
    const source = await findGold(store)
    const one = await store.snapshot('one', source, live)
    const two = await store.snapshot('two', await findGold(store), live)
    for (const drive of [gold, one, two]) assert.ok(hasPattern(drive, 1, '0', '4M'))
    writePattern(gold, 2, '0', '1M')
    writePattern(one, 3, '1M', '1M')
    assert.ok(hasPattern(gold, 2, '0', '1M') && hasPattern(gold, 1, '1M', '3M'))
    assert.ok(hasPattern(one, 1, '0', '1M') && hasPattern(one, 3, '1M', '1M') && hasPattern(one, 1, '2M', '2M'))
    assert.ok(hasPattern(two, 1, '0', '4M'))
    const [goldNow] = await store.drives('gold')
    assert.ok(goldNow)
    await store.remove(goldNow)
    assert.ok(hasPattern(one, 3, '1M', '1M') && hasPattern(two, 1, '0', '4M'))
    await store.remove(one)
    assert.ok(hasPattern(two, 1, '0', '4M'))
    const [twoNow] = await store.drives('two')
    assert.ok(twoNow)
    check(twoNow.image)
    await store.remove(twoNow)
    assert.deepEqual(remains(folder), ['.lock'])
  })

  it('adds no layer when nothing was written since the last, and one when something was', async () => {
    const { store, folder } = place
    const gold = await store.create('gold', 64 * mib)
    writePattern(gold, 1, '0', '1M')
    for (const id of ['a', 'b', 'c']) assert.equal(layersOf(await store.snapshot(id, await findGold(store), live)), 2)
    assert.equal(bases(folder).length, 1)
    writePattern(gold, 2, '0', '64k')
    const later = await store.snapshot('d', await findGold(store), live)
    assert.equal(layersOf(later), 3)
    assert.equal(bases(folder).length, 2)
    assert.ok(hasPattern(later, 2, '0', '64k') && hasPattern(later, 1, '64k', '64k'))
    for (const base of bases(folder)) assert.equal(fs.statSync(path.join(folder, base)).mode & 0o777, 0o400)
    // Names in all layers are right for other programs too.
    assert.equal((JSON.parse(sh('qemu-img', 'info', '--backing-chain', '--output=json', later.image.path)) as object[]).length, 3)
    check(later.image)
  })

  it('keeps the size of a source that was resized after its base was made', async () => {
    const { store } = place
    const gold = await store.create('gold', 64 * mib)
    writePattern(gold, 1, '60M', '1M')
    await store.snapshot('a', await findGold(store), live)
    const [now] = await store.drives('gold')
    assert.ok(now)
    await store.resize(now, 128 * mib, { shrink: false })
    const copy = await store.snapshot('b', await findGold(store), live)
    assert.equal((await store.size(copy)).virtualBytes, 128 * mib)
    assert.ok(hasPattern(copy, 1, '60M', '1M') && hasPattern(copy, 0, '64M', '1M'))
  })

  it('turns a raw drive into an overlay of itself', async () => {
    const { store, folder } = place
    fs.mkdirSync(folder)
    const file = path.join(folder, 'nbsvm-gold-0.raw')
    sh('qemu-img', 'create', '-q', '-f', 'raw', file, '8M')
    writePattern({ image: { format: 'raw', path: file, kind: 'file' } }, 5, '0', '1M')
    const copy = await store.snapshot('foo', await findGold(store), live)
    const [gold, ...others] = await store.drives('gold')
    assert.ok(gold)
    assert.deepEqual(others, [])
    assert.equal(gold.image.format, 'qcow2')
    assert.equal(gold.image.backing?.format, 'raw')
    assert.equal(fs.existsSync(file), false)
    writePattern(gold, 6, '0', '64k')
    assert.ok(hasPattern(copy, 5, '0', '1M') && hasPattern(gold, 6, '0', '64k'))
  })

  it('sees the two names of a raw drive that was caught in the midst, and mends it with the next change', async () => {
    const { store, folder } = place
    fs.mkdirSync(folder)
    const raw = path.join(folder, 'nbsvm-gold-0.raw')
    fs.writeFileSync(raw, Buffer.alloc(mib, 7))
    fs.linkSync(raw, path.join(folder, '.base-0123456789abcdef.raw'))
    const overlay = path.join(folder, 'nbsvm-gold-0.qcow2')
    sh('qemu-img', 'create', '-q', '-u', '-f', 'qcow2', '-b', '.base-0123456789abcdef.raw', '-F', 'raw', overlay, '1M')
    fs.writeFileSync(path.join(folder, '.tmp-00ff.lock'), '')
    const drives = await store.drives('gold')
    assert.deepEqual(
      drives.map(({ image }) => image.path),
      [overlay],
    )
    await store.create('other', mib)
    assert.equal(fs.existsSync(raw), false)
    assert.ok(hasPattern(drives[0] ?? assert.fail(), 7, '0', '1M'))
  })

  it('refuses two files that claim to be one drive', async () => {
    const { store, folder } = place
    const { image } = await store.create('foo', mib)
    fs.writeFileSync(path.join(folder, 'nbsvm-foo-0.raw'), 'x')
    assert.match(await faultOf(store, 'foo'), /two files claim to be nbsvm-foo-0/)
    fs.rmSync(image.path)
    assert.equal((await store.drives('foo'))[0]?.image.format, 'raw')
  })

  it('refuses a drive that a program writes to which nbsvm does not know of', async () => {
    const { store } = place
    const gold = await store.create('gold', mib)
    const { spawn } = await import('node:child_process')
    const child = spawn('qemu-io', ['-f', 'qcow2', gold.image.path], { stdio: ['pipe', 'pipe', 'inherit'] })
    child.stdin.write('write -P 1 0 64k\n')
    await new Promise((resolve) => child.stdout.once('data', resolve))
    const source = await findGold(store)
    await assert.rejects(store.snapshot('foo', source, live), fails(Failure, /lock/))
    await assert.rejects(store.clone('foo', source, live), fails(Failure, /lock/))
    child.stdin.end('quit\n')
    await new Promise((resolve) => child.once('close', resolve))
    assert.ok(hasPattern(await store.snapshot('foo', source, live), 1, '0', '64k'))
  })

  it('is made by 12 at once of one source', async () => {
    const { store } = place
    const gold = await store.create('gold', 16 * mib)
    writePattern(gold, 1, '0', '1M')
    const source = await findGold(store)
    const copies = await Promise.all(Array.from({ length: 12 }, (_, n) => store.snapshot(`vm${n}`, source, live)))
    for (const copy of copies) {
      assert.equal(layersOf(copy), 2)
      assert.ok(hasPattern(copy, 1, '0', '1M'))
    }
    assert.equal(bases(place.folder).length, 1)
  })

  it('costs the same for 1 GB and 100 GB: as many processes, files opened and blocks read and written', async (t) => {
    if (spawnSync('strace', ['-V']).error) return t.skip('strace is not installed')
    const count = async (gigabytes: number): Promise<number[]> => {
      const here = makePlace()
      try {
        const gold = await here.store.create('gold', gigabytes * 1024 * mib)
        writePattern(gold, 1, '0', '1M')
        const script = `
          const { dirStore } = await import(${JSON.stringify(new URL('../src/store/dir/dir.js', import.meta.url).href)})
          const store = dirStore({ folder: ${JSON.stringify(here.folder)} })
          const source = await store.findSource({ gold: 'gold' })
          await store.snapshot('foo', source, { live: { runs: () => false } })`
        const log = path.join(here.outside, 'log')
        sh(
          'strace',
          '-f',
          '-o',
          log,
          '-e',
          'trace=execve,pread64,pwrite64,openat',
          process.execPath,
          '--input-type=module',
          '-e',
          script,
        )
        const lines = fs.readFileSync(log, 'utf8').split('\n')
        const processes = lines.filter((line) => /execve(\(| resumed>).* = 0$/.test(line)).length
        return [processes, lines.filter((line) => line.includes(here.folder)).length]
      } finally {
        here.remove()
      }
    }
    assert.deepEqual(await count(100), await count(1))
  })
})

describe('findSource', () => {
  it('takes the exact name, a bare VM with its first drive, and says so when there are more', async () => {
    const { store } = place
    await store.create('gold', mib)
    const notes: string[] = []
    const onNote = (text: string): unknown => notes.push(text)
    assert.equal((await findGold(store, { onNote })).name, 'nbsvm-gold-0')
    assert.deepEqual(notes, [])
    await store.create('gold', mib)
    assert.equal((await findGold(store, { onNote })).name, 'nbsvm-gold-0')
    assert.match(notes.join(), /2 drives; the first/)
    assert.equal((await findGold(store, { gold: 'gold-1' })).drive?.number, 1)
    assert.equal((await findGold(store, { snapshotLv: 'nbsvm-gold-1' })).drive?.number, 1)
    await store.create('win-gold', mib)
    assert.equal((await findGold(store, { vmClass: 'win' })).name, 'nbsvm-win-gold-0')
  })

  it('takes images of the store that are no VM drives, and paths into the store for what they are', async () => {
    const { store, folder } = place
    const made = await store.create('x', mib)
    writePattern(made, 9, '0', '64k')
    fs.renameSync(made.image.path, path.join(folder, 'nbsvm-gold.qcow2'))
    const source = await findGold(store)
    assert.deepEqual([source.name, source.drive], ['nbsvm-gold', undefined])
    assert.ok(hasPattern(await store.snapshot('foo', source, live), 9, '0', '64k'))
    const again = await findGold(store, { source: path.join(folder, 'nbsvm-gold.qcow2') })
    assert.equal(layersOf(await store.snapshot('foo', again, live)), 2)
    const base = path.join(folder, bases(folder)[0] ?? '')
    await assert.rejects(findGold(store, { source: base }), fails(Failure, /belongs to the drives/))
  })

  it('refuses hostile names and says what there is instead', async () => {
    const { store } = place
    await store.create('golf', mib)
    for (const snapshotLv of ['../x', '.', '..', 'a/b', '.lock', '-rf', '', 'a\0b']) {
      await assert.rejects(findGold(store, { snapshotLv }), fails(UsageError, /is not a name in the store/))
    }
    await assert.rejects(findGold(store, { gold: '../x' }), fails(UsageError, /is not a VM name/))
    await assert.rejects(findGold(store), fails(Failure, /neither nbsvm-gold nor nbsvm-gold-0[^]*did you mean nbsvm-golf-0/))
    await assert.rejects(findGold(store, { source: 'x.img' }), fails(UsageError, /not an absolute path/))
    await assert.rejects(findGold(store, { source: '/nowhere/x.img' }), fails(Failure, /there is no/))
    await assert.rejects(findGold(store, { source: '/dev/null' }), fails(Failure, /neither an image file/))
  })

  it('refuses images that refer to other files, unless trusted', async () => {
    const { store, outside } = place
    const at = (name: string): string => path.join(outside, name)
    sh('qemu-img', 'create', '-q', '-f', 'raw', at('base.raw'), '2M')
    writePattern({ image: { format: 'raw', path: at('base.raw'), kind: 'file' } }, 4, '0', '2M')
    sh('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', 'base.raw', '-F', 'raw', at('overlay.qcow2'))
    sh('qemu-img', 'create', '-q', '-f', 'qcow2', '-o', `data_file=${at('data.raw')}`, at('data.qcow2'), '2M')
    sh('qemu-img', 'create', '-q', '-f', 'vmdk', '-o', 'subformat=monolithicFlat', at('flat.vmdk'), '2M')
    for (const [file, names] of [
      ['overlay.qcow2', /refers to other files of this host: base\.raw[^]*trust_source=yes/],
      ['data.qcow2', /data\.raw/],
      ['flat.vmdk', /flat-flat\.vmdk/],
    ] as const) {
      await assert.rejects(findGold(store, { source: at(file) }), fails(Failure, names))
      const trusted = await findGold(store, { source: at(file), trust: true })
      const drive = await store.snapshot('foo', trusted, live)
      assert.equal(hasPattern(drive, file === 'overlay.qcow2' ? 4 : 0, '0', '2M'), true)
      assert.equal(layersOf(drive), 2)
      const cloned = await store.clone('foo', trusted, live)
      assert.equal(layersOf(cloned), 1)
      assert.equal(digest(cloned), digest(drive))
    }
  })

  it('never believes a drive that says it stands on a file of the host', async () => {
    const { store, folder, outside } = place
    fs.mkdirSync(folder)
    fs.writeFileSync(path.join(outside, 'secret'), Buffer.alloc(mib, 1))
    const file = path.join(folder, 'nbsvm-foo-0.qcow2')
    sh('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', path.join(outside, 'secret'), '-F', 'raw', file)
    assert.match(await faultOf(store, 'foo'), /secret, which is no base/)
    await assert.rejects(findGold(store, { gold: 'foo' }), fails(Failure, /secret, which is no base/))
    fs.rmSync(file)
    fs.symlinkSync(path.join(outside, 'secret'), path.join(folder, 'nbsvm-foo-0.raw'))
    assert.match(await faultOf(store, 'foo'), /not a regular file/)
    await assert.rejects(findGold(store, { gold: 'foo' }), fails(Failure, /not a regular file/))
  })

  it('names a missing base', async () => {
    const { store, folder } = place
    await store.create('gold', mib)
    writePattern((await store.drives('gold'))[0] ?? assert.fail(), 1, '0', '64k')
    const copy = await store.snapshot('foo', await findGold(store), live)
    fs.rmSync(path.join(folder, bases(folder)[0] ?? ''))
    const missing = /stands on \.base-[0-9a-f]+\.qcow2, which is missing/
    assert.match(await faultOf(store, 'foo'), missing)
    await assert.rejects(async () => store.ready?.(await store.drives('foo')), fails(Failure, missing))
    await store.remove(copy)
  })
})

describe('images from outside', () => {
  const image = (format: string, ...more: string[]): string => {
    const raw = path.join(place.outside, 'seed.raw')
    fs.writeFileSync(raw, Buffer.concat([Buffer.alloc(mib, 0), Buffer.alloc(mib, 0xaa), Buffer.alloc(6 * mib)]))
    const file = path.join(place.outside, `disk.${format}`)
    sh('qemu-img', 'convert', '-f', 'raw', '-O', format, ...more, raw, file)
    return file
  }

  for (const format of ['qcow2', 'raw', 'vmdk', 'vdi', 'vhdx', 'vpc']) {
    it(`copies ${format} in once for all snapshots, and clones it`, async () => {
      const { store, folder } = place
      const source = await findGold(store, { source: image(format) })
      assert.equal(source.image.format, format)
      const notes: string[] = []
      const options = { ...live, onNote: (text: string) => void notes.push(text) }
      const one = await store.snapshot('one', source, options)
      const two = await store.snapshot('two', await findGold(store, { source: source.image.path }), options)
      assert.equal(notes.length, 1)
      assert.match(notes.join(), /copying 8M from/)
      assert.equal(bases(folder).length, 1)
      const cloned = await store.clone('three', source, live)
      assert.equal(layersOf(cloned), 1)
      for (const drive of [one, two, cloned]) assert.ok(hasPattern(drive, 0xaa, '1M', '1M') && hasPattern(drive, 0, '2M', '6M'))
      writePattern(one, 1, '0', '1M')
      assert.ok(hasPattern(two, 0, '0', '1M'))
      await store.remove(one)
      await store.remove(two)
      assert.deepEqual(bases(folder), [])
      check(cloned.image)
    })
  }

  it('copies again what has changed', async () => {
    const { store, folder } = place
    const file = image('raw')
    await store.snapshot('one', await findGold(store, { source: file }), live)
    writePattern({ image: { format: 'raw', path: file, kind: 'file' } }, 3, '0', '64k')
    const two = await store.snapshot('two', await findGold(store, { source: file }), live)
    assert.ok(hasPattern(two, 3, '0', '64k'))
    assert.equal(bases(folder).length, 2)
  })

  it('says what it does not take', async () => {
    const { store, outside } = place
    const file = path.join(outside, 'x')
    for (const [bytes, message] of [
      [Buffer.from('\x1f\x8b\b gzip', 'latin1'), /is a gzip file[^]*unpack/],
      [Buffer.from('conectix'), /VHD[^]*convert it first/],
      [Buffer.from('QFI\xfb\0\0\0\x03', 'latin1'), /header is cut off/],
      [Buffer.from('QFI\xfb\0\0\0\x01', 'latin1'), /cut off/],
      [Buffer.alloc(0), /is empty/],
    ] as const) {
      fs.writeFileSync(file, bytes)
      await assert.rejects(findGold(store, { source: file }), fails(Failure, message))
    }
  })

  it('refuses a qcow2 image that is damaged, in its header or after it', async () => {
    const { store, folder } = place
    const whole = fs.readFileSync(image('qcow2'))
    const file = path.join(place.outside, 'damaged.qcow2')
    const l1 = Number(whole.readBigUInt64BE(40))
    const damage = (at: number, value: bigint): Buffer => {
      const bytes = Buffer.from(whole)
      bytes.writeBigUInt64BE(value, at)
      return bytes
    }
    for (const [bytes, message] of [
      [whole.subarray(0, l1), /its L1 table ends at byte/],
      [whole.subarray(0, 104), /table ends at byte|cut off/],
      [damage(72, 2n), /marked as corrupt/],
      [damage(48, 0n), /check|refcount/i],
      [damage(48, 512n), /refcount table is at byte 512, within its header/],
      [whole.subarray(0, l1 + 65536), /damaged, or only a part/],
    ] as const) {
      fs.writeFileSync(file, bytes)
      for (const how of ['snapshot', 'clone'] as const) {
        const copy = async (): Promise<Drive> => store[how]('foo', await findGold(store, { source: file }), live)
        await assert.rejects(copy, fails(Failure, message))
      }
    }
    assert.deepEqual(await store.driveNames(), [])
    assert.deepEqual(bases(folder), [])
  })

  it('copies a block device anew each time, and refuses one that is mounted', async (t) => {
    const { store } = place
    const file = image('raw')
    const loop = spawnSync('losetup', ['--find', '--show', file], { encoding: 'utf8' })
    if (loop.status !== 0) return t.skip(`no loop device: ${loop.stderr ?? String(loop.error)}`)
    const device = loop.stdout.trim()
    try {
      const source = await findGold(store, { source: device })
      assert.deepEqual([source.image.kind, source.image.format], ['block', 'raw'])
      const drive = await store.snapshot('foo', source, live)
      assert.ok(hasPattern(drive, 0xaa, '1M', '1M'))
      const cloned = await store.clone('foo', source, live)
      assert.equal(digest(cloned), digest(drive))
      const dd = await store.clone('foo', source, { ...live, dd: { bs: '64k', args: ['conv=sparse'] } })
      assert.equal(dd.image.format, 'raw')
      assert.equal(digest(dd), digest(drive))
      sh('mkfs.ext4', '-q', '-F', device)
      const mount = path.join(place.outside, 'mount')
      fs.mkdirSync(mount)
      sh('mount', device, mount)
      try {
        await assert.rejects(findGold(store, { source: device }), fails(Failure, /mounted or in use/))
      } finally {
        sh('umount', mount)
      }
    } finally {
      sh('losetup', '-d', device)
    }
  })
})

describe('clone', () => {
  it('stands alone, keeps the format of a lone image and leaves zeros out', async () => {
    const { store, folder } = place
    const gold = await store.create('gold', 256 * mib)
    writePattern(gold, 1, '0', '2M')
    const one = await store.clone('one', await findGold(store), live)
    assert.deepEqual([layersOf(one), one.image.format], [1, 'qcow2'])
    assert.equal(digest(one), digest(gold))
    await store.snapshot('two', await findGold(store), live)
    const seen: number[] = []
    const flat = await store.clone('three', await findGold(store), { ...live, onProgress: (done) => seen.push(done) })
    assert.equal(layersOf(flat), 1)
    assert.equal(digest(flat), digest(gold))
    assert.equal(seen.at(-1), 256 * mib)
    assert.ok((await store.size(flat)).allocatedBytes < 4 * mib)
    check(flat.image)
    fs.writeFileSync(path.join(folder, 'nbsvm-raw-0.raw'), Buffer.alloc(3 * mib))
    const raw = await store.clone('four', await findGold(store, { gold: 'raw' }), live)
    assert.equal(raw.image.format, 'raw')
    assert.equal((await store.size(raw)).allocatedBytes, 0)
  })

  it("runs dd with the user's arguments, and not with a file of his", async () => {
    const { store } = place
    const gold = await store.create('gold', 8 * mib)
    writePattern(gold, 1, '0', '2M')
    const copy = await store.clone('foo', await findGold(store), { ...live, dd: { bs: '4096', args: ['conv=noerror,sync'] } })
    assert.equal(digest(copy), digest(gold))
    const clone = async (...args: string[]) => store.clone('foo', await findGold(store), { ...live, dd: { args } })
    await assert.rejects(clone('of=/tmp/x'), fails(UsageError, /of=\/tmp\/x.* is not allowed/))
    await assert.rejects(clone('conv=nonsense'), fails(Failure, /dd: invalid conversion/))
    await store.snapshot('two', await findGold(store), live)
    await assert.rejects(clone('conv=sparse'), (error) => {
      assert.ok(error instanceof UsageError)
      assert.match(error.message, /is an overlay/)
      assert.deepEqual(error.hints, ['leave out ddargs'])
      return true
    })
    assert.deepEqual((await store.drives('foo')).length, 1)
    const notes: string[] = []
    const bsAlone = { ...live, dd: { bs: '1M', args: [] }, onNote: (text: string) => void notes.push(text) }
    assert.ok(hasPattern(await store.clone('foo', await findGold(store), bsAlone), 1, '0', '64k'))
    assert.match(notes.join(), /bs is not used: dd cannot copy nbsvm-gold-0, which is an overlay/)
  })

  it('leaves no trace when it is aborted', async () => {
    const { store, folder, outside } = place
    const file = path.join(outside, 'big.raw')
    sh('dd', 'if=/dev/urandom', `of=${file}`, 'bs=1M', 'count=192', 'status=none')
    const source = await findGold(store, { source: file })
    const vmdk = path.join(outside, 'big.vmdk')
    sh('qemu-img', 'convert', '-f', 'raw', '-O', 'vmdk', file, vmdk)
    for (const each of [source, await findGold(store, { source: vmdk })]) {
      const controller = new AbortController()
      const cloning = store.clone('foo', each, { ...live, signal: controller.signal })
      setTimeout(() => controller.abort(), 60)
      await assert.rejects(cloning, (error) => error === controller.signal.reason)
      assert.deepEqual(await store.driveNames(), [])
      assert.deepEqual(leftovers(folder), [])
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.deepEqual(processesOn(folder), [])
  })
})

describe('resize', () => {
  it('grows, leaves equal alone, and shrinks only when told to', async () => {
    const { store, folder } = place
    fs.mkdirSync(folder)
    fs.writeFileSync(path.join(folder, 'nbsvm-foo-1.raw'), Buffer.alloc(mib, 1))
    await store.create('foo', mib)
    for (const drive of await store.drives('foo')) {
      await store.resize(drive, 4 * mib, { shrink: false })
      assert.equal((await store.size(drive)).virtualBytes, 4 * mib)
      const { mtimeMs } = fs.statSync(drive.image.path)
      await store.resize(drive, 4 * mib, { shrink: false })
      assert.equal(fs.statSync(drive.image.path).mtimeMs, mtimeMs)
      await assert.rejects(store.resize(drive, mib, { shrink: false }), fails(UsageError, /cut off[^]*--shrink/))
      await store.resize(drive, mib, { shrink: true })
      assert.equal((await store.size(drive)).virtualBytes, mib)
    }
  })
})

describe("the lock of a running VM's drive", () => {
  it('is taken away by the next command once nobody holds it', async () => {
    const { store, folder } = place
    await store.create('foo', mib)
    const lock = path.join(folder, '.lock-nbsvm-foo-0')
    const holder = spawn('sh', ['-c', 'exec 9>"$1" && flock 9 && echo held && exec sleep 100', 'sh', lock])
    await once(holder.stdout, 'data')
    await store.create('foo', mib)
    assert.deepEqual(leftovers(folder), ['.lock-nbsvm-foo-0'])
    holder.kill('SIGKILL')
    await once(holder, 'close')
    await store.create('foo', mib)
    assert.deepEqual(leftovers(folder), [])
  })
})

describe('disk full', () => {
  it('says so and leaves nothing', async (t) => {
    const mount = fs.mkdtempSync(path.join(place.outside, 'small-'))
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', mount], { encoding: 'utf8' })
    if (mounted.status !== 0) return t.skip(`no tmpfs can be mounted: ${mounted.stderr}`)
    const here = makePlace(mount)
    try {
      const file = path.join(place.outside, 'big')
      fs.writeFileSync(file, Buffer.alloc(8 * mib, 1))
      const vdi = path.join(place.outside, 'big.vdi')
      sh('qemu-img', 'convert', '-f', 'raw', '-O', 'vdi', file, vdi)
      for (const source of [file, vdi]) {
        const found = await findGold(here.store, { source })
        await assert.rejects(here.store.clone('foo', found, live), fails(Failure, /No space left/))
        await assert.rejects(here.store.snapshot('foo', found, live), fails(Failure, /No space left/))
        assert.deepEqual(
          remains(here.folder),
          ['.lock'].filter((name) => fs.existsSync(path.join(here.folder, name))),
        )
      }
    } finally {
      here.remove()
      sh('umount', mount)
    }
  })
})

for (const [type, mkfs] of [
  ['xfs', 'mkfs.xfs'],
  ['btrfs', 'mkfs.btrfs'],
] as const) {
  describe(`on ${type}`, () => {
    it('copies by reference: no layers, no room, no time', async (t) => {
      const disk = path.join(place.outside, 'disk')
      const mount = path.join(place.outside, 'mount')
      fs.mkdirSync(mount)
      fs.writeFileSync(disk, '')
      fs.truncateSync(disk, 400 * mib)
      const made = spawnSync(mkfs, ['-q', disk], { encoding: 'utf8' })
      if (made.status !== 0) return t.skip(`no ${mkfs}: ${made.stderr ?? String(made.error)}`)
      const mounted = spawnSync('mount', ['-o', 'loop', disk, mount], { encoding: 'utf8' })
      if (mounted.status !== 0) return t.skip(`no loop mount: ${mounted.stderr}`)
      const here = makePlace(mount)
      try {
        const { store, folder, outside } = here
        const gold = await store.create('gold', 200 * mib)
        writePattern(gold, 1, '0', '150M')
        const copy = await store.snapshot('foo', await findGold(store), live)
        const cloned = await store.clone('foo', await findGold(store), live)
        assert.deepEqual([layersOf(copy), layersOf(cloned), bases(folder)], [1, 1, []])
        writePattern(gold, 2, '0', '1M')
        writePattern(copy, 3, '0', '1M')
        assert.ok(hasPattern(gold, 2, '0', '1M') && hasPattern(copy, 3, '0', '1M') && hasPattern(cloned, 1, '0', '150M'))
        assert.equal(fs.statSync(copy.image.path).mode & 0o777, 0o600)
        const raw = path.join(outside, 'x.img')
        fs.writeFileSync(raw, Buffer.alloc(mib, 9), { mode: 0o644 })
        const imported = await store.snapshot('foo', await findGold(store, { source: raw }), live)
        assert.deepEqual([imported.image.format, layersOf(imported)], ['raw', 1])
        assert.equal(fs.statSync(imported.image.path).mode & 0o777, 0o600)
        assert.deepEqual(leftovers(folder), [])
      } finally {
        here.remove()
        sh('umount', mount)
      }
    })
  })
}

after(() => assert.deepEqual(processesOn(ownFolders), []))
