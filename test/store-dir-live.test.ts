// Snapshots of drives that a real QEMU writes to.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { Failure } from '../src/core/errors.js'
import { parseDriveName } from '../src/core/name.js'
import { findPlace } from '../src/host/place.js'
import type { Drive, Image } from '../src/model/drive.js'
import { fileNode, formatNode } from '../src/qemu/device/drive.js'
import { withQmp, type Arguments } from '../src/qemu/qmp.js'
import type { LiveDrives } from '../src/store/store.js'
import { liveDrives } from '../src/vm/drive/live.js'
import { drawerOf, type Drawer } from '../src/vm/record/drawer.js'
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
  writePattern,
  type Place,
} from './support/drives.js'

const program = path.resolve('dist/nbsvm.cjs')

/** A VM that the program runs with one drive, and what the program itself does to it: `liveDrives`. */
class Machine {
  readonly live: LiveDrives
  private readonly id: string
  private readonly env: NodeJS.ProcessEnv
  private readonly drawer: Drawer
  private readonly out: string

  private constructor(place: Place, id: string) {
    this.id = id
    const home = path.dirname(place.folder)
    this.out = path.join(place.outside, 'out')
    // What qemu-io prints within QEMU comes at once, and not when a buffer is full.
    const wrapper = path.join(place.outside, 'qemu')
    fs.writeFileSync(wrapper, '#!/bin/sh\nexec stdbuf -oL qemu-system-x86_64 "$@" >>"${0%/*}/out"\n', { mode: 0o755 })
    this.env = { PATH: process.env['PATH'], HOME: home, NBSVM_HOME: home, accel: 'tcg', qemu: wrapper, run_as: 'root' }
    if (process.getuid?.() !== 0) delete this.env['run_as']
    const where = findPlace({ NBSVM_HOME: home }, false, home)
    this.drawer = drawerOf(where.state, id)
    this.live = liveDrives(where)
  }

  static start(place: Place, drive: Drive): Machine {
    const machine = new Machine(place, parseDriveName(drive.name)?.id ?? '')
    machine.nbsvm('start', '-S')
    return machine
  }

  nbsvm(...words: readonly string[]): void {
    const { status, stderr } = spawnSync(process.execPath, [program, this.id, ...words], { env: this.env, encoding: 'utf8' })
    assert.equal(status, 0, stderr)
  }

  /** Reads or writes as the guest would. qemu-io prints to QEMU's stdout, and only errors to the monitor. */
  async io(command: string): Promise<string> {
    const before = fs.statSync(this.out).size
    const line = `qemu-io -d /machine/peripheral/disk0/virtio-backend "${command}"`
    const error = await withQmp(this.drawer.qmp, { timeoutMs: 5000 }, (qmp) =>
      qmp.execute('human-monitor-command', { 'command-line': line }),
    )
    if (error !== '') return error
    for (;;) {
      const printed = fs.readFileSync(this.out, 'utf8').slice(before)
      if (printed.includes('ops/sec')) return printed
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }

  async write(value: number, offset: string, length: string): Promise<void> {
    assert.match(await this.io(`write -P ${value} ${offset} ${length}`), /^wrote/m)
  }

  async has(value: number, offset: string, length: string): Promise<boolean> {
    const answer = await this.io(`read -P ${value} ${offset} ${length}`)
    assert.match(answer, /bytes at offset/)
    return !answer.includes('verification failed')
  }

  /** Makes the overlay known to QEMU, as a switch does first; the guest does not write to it yet. */
  async add(drive: Drive, overlay: Image): Promise<void> {
    const { number } = drive
    const inode = fs.statSync(overlay.path).ino.toString(36)
    const { backing: _, ...own } = overlay
    await withQmp(this.drawer.qmp, { timeoutMs: 5000 }, async (qmp) => {
      const file = `file${number}-${inode}`
      await qmp.execute('blockdev-add', fileNode(own, file) as Arguments<'blockdev-add'>)
      await qmp.execute('blockdev-add', formatNode(own, `drive${number}-${inode}`, file) as Arguments<'blockdev-add'>)
    })
  }

  quit(): void {
    this.nbsvm('stop')
  }
}

describe('snapshot of a running drive', () => {
  let place: Place
  let machine: Machine | undefined
  beforeEach(() => {
    place = makePlace()
  })
  afterEach(async () => {
    machine?.quit()
    machine = undefined
    const left = leftovers(place.folder)
    place.remove()
    assert.deepEqual(left, [])
  })

  const now = async (id: string): Promise<Drive> => (await place.store.drives(id))[0] ?? assert.fail()

  it('holds all that was written, and nothing of what comes later, again and again', async () => {
    const { store, folder } = place
    machine = Machine.start(place, await store.create('gold', 64 * mib))
    await machine.write(1, '0', '1M')
    const one = await store.snapshot('one', await findGold(store), { live: machine.live })
    assert.equal(layersOf(one), 2)
    const same = await store.snapshot('same', await findGold(store), { live: machine.live })
    assert.equal(same.image.backing?.path, one.image.backing?.path)
    await machine.write(2, '0', '128k')
    const two = await store.snapshot('two', await findGold(store), { live: machine.live })
    await machine.write(3, '0', '64k')
    const three = await store.snapshot('three', await findGold(store), { live: machine.live })
    await machine.write(4, '0', '32k')
    writePattern(two, 9, '2M', '1M')
    assert.ok(hasPattern(one, 1, '0', '1M') && hasPattern(same, 1, '0', '1M'))
    assert.ok(hasPattern(two, 2, '0', '128k') && hasPattern(two, 1, '128k', '896k'))
    assert.ok(hasPattern(three, 3, '0', '64k') && hasPattern(three, 2, '64k', '64k'))
    // The running VM reads through all its layers.
    assert.ok((await machine.has(4, '0', '32k')) && (await machine.has(3, '32k', '32k')))
    assert.ok(
      (await machine.has(2, '64k', '64k')) && (await machine.has(1, '128k', '896k')) && (await machine.has(0, '2M', '1M')),
    )
    machine.quit()
    const gold = await now('gold')
    assert.ok(hasPattern(gold, 4, '0', '32k') && hasPattern(gold, 3, '32k', '32k') && hasPattern(gold, 1, '128k', '896k'))
    for (const drive of [gold, one, two, three]) check(drive.image)
    for (const id of ['gold', 'one', 'same', 'two', 'three']) await store.remove(await now(id))
    assert.deepEqual(bases(folder), [])
  })

  it('takes a raw drive too', async () => {
    const { store, folder } = place
    fs.mkdirSync(folder)
    fs.writeFileSync(path.join(folder, 'nbsvm-gold-0.raw'), Buffer.alloc(8 * mib))
    machine = Machine.start(place, await now('gold'))
    await machine.write(1, '0', '1M')
    const one = await store.snapshot('one', await findGold(store), { live: machine.live })
    await machine.write(2, '0', '1M')
    const two = await store.snapshot('two', await findGold(store), { live: machine.live })
    assert.ok(hasPattern(one, 1, '0', '1M') && hasPattern(two, 2, '0', '1M') && (await machine.has(2, '0', '1M')))
    machine.quit()
    assert.ok(hasPattern(await now('gold'), 2, '0', '1M'))
    assert.deepEqual((await store.drives('gold')).length, 1)
  })

  for (const [when, begin] of [
    ['before it began', () => Promise.resolve()],
    ['in its midst', (vm: Machine, drive: Drive, overlay: Image) => vm.add(drive, overlay)],
  ] as const) {
    it(`finishes a switch that a killed nbsvm left undone, ${when}, before anybody stands on the base`, async () => {
      const { store } = place
      machine = Machine.start(place, await store.create('gold', 64 * mib))
      const vm = machine
      await vm.write(1, '0', '1M')
      const dies: LiveDrives = {
        ...vm.live,
        switchTo: async (drive, overlay) => {
          await begin(vm, drive, overlay)
          throw new Failure('killed here')
        },
      }
      await assert.rejects(store.snapshot('foo', await findGold(store), { live: dies }), /killed here/)
      assert.deepEqual(await store.drives('foo'), [])
      // The VM goes on writing, into what is the base by name.
      await vm.write(2, '0', '64k')
      const copy = await store.snapshot('foo', await findGold(store), { live: vm.live })
      await vm.write(3, '0', '64k')
      assert.ok(hasPattern(copy, 2, '0', '64k') && hasPattern(copy, 1, '64k', '64k'))
      assert.equal(layersOf(copy), 2)
      assert.ok(await vm.has(3, '0', '64k'))
      vm.quit()
      assert.ok(hasPattern(await now('gold'), 3, '0', '64k') && hasPattern(copy, 2, '0', '64k'))
    })
  }

  it('is finished before the drive grows, which otherwise would grow below it', async () => {
    const { store } = place
    machine = Machine.start(place, await store.create('gold', 64 * mib))
    const vm = machine
    const dies: LiveDrives = { ...vm.live, switchTo: () => Promise.resolve() }
    await assert.rejects(store.snapshot('foo', await findGold(store), { live: dies }), /did not go over to its new layer/)
    await store.grow(await now('gold'), 128 * mib, { live: vm.live })
    await vm.write(7, '100M', '1M')
    vm.quit()
    assert.equal((await store.size(await now('gold'))).virtualBytes, 128 * mib)
    assert.ok(hasPattern(await now('gold'), 7, '100M', '1M'))
  })

  it('is right also when the VM ended with the switch undone', async () => {
    const { store } = place
    machine = Machine.start(place, await store.create('gold', 64 * mib))
    const vm = machine
    const dies: LiveDrives = { ...vm.live, switchTo: () => Promise.resolve() }
    await assert.rejects(store.snapshot('foo', await findGold(store), { live: dies }), /did not go over to its new layer/)
    await vm.write(2, '0', '1M')
    vm.quit()
    const copy = await store.snapshot('foo', await findGold(store), { live: vm.live })
    assert.ok(hasPattern(copy, 2, '0', '1M') && hasPattern(await now('gold'), 2, '0', '1M'))
  })

  it('is made by eight at once of one running drive', async () => {
    const { store, folder } = place
    machine = Machine.start(place, await store.create('gold', 64 * mib))
    const vm = machine
    await vm.write(1, '0', '1M')
    const source = await findGold(store)
    const copies = await Promise.all(Array.from({ length: 8 }, (_, n) => store.snapshot(`vm${n}`, source, { live: vm.live })))
    await vm.write(2, '0', '1M')
    for (const copy of copies) assert.ok(hasPattern(copy, 1, '0', '1M'))
    assert.equal(bases(folder).length, 1)
    assert.ok(await vm.has(2, '0', '1M'))
  })

  it('clones what the drive held at one moment', async () => {
    const { store, folder } = place
    machine = Machine.start(place, await store.create('gold', 64 * mib))
    await machine.write(1, '0', '1M')
    const source = await findGold(store)
    const lone = await store.clone('one', source, { live: machine.live })
    assert.equal(layersOf(lone), 1)
    await machine.write(2, '0', '64k')
    const flat = await store.clone('two', await findGold(store), { live: machine.live })
    assert.equal(layersOf(flat), 1)
    assert.ok(hasPattern(lone, 1, '0', '1M') && hasPattern(flat, 2, '0', '64k') && hasPattern(flat, 1, '64k', '64k'))
    assert.ok(await machine.has(2, '0', '64k'))
    machine.quit()
    assert.equal(digest(await now('gold')), digest(flat))
    await store.remove(await now('gold'))
    assert.deepEqual(bases(folder), [])
    check(flat.image)
  })

  it('refuses a VM that writes somewhere else, and touches nothing', async () => {
    const { store, folder, outside } = place
    const gold = await store.create('gold', mib)
    const other = path.join(outside, 'other')
    fs.writeFileSync(other, '')
    const elsewhere: LiveDrives = {
      ...noneLive,
      runs: () => true,
      activeFile: () => Promise.resolve(other),
      switchTo: () => assert.fail(),
    }
    await assert.rejects(
      store.snapshot('foo', await findGold(store), { live: elsewhere }),
      /writes nbsvm-gold-0 into another file/,
    )
    assert.deepEqual(bases(folder), [])
    assert.deepEqual(await store.drives('gold'), [gold])
  })
})
