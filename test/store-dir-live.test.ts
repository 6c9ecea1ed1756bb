// Snapshots of drives that a real QEMU writes to.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, it, type TestContext } from 'node:test'
import { Failure } from '../src/core/errors.js'
import { parseDriveName } from '../src/core/name.js'
import { findPlace, type Place as HostPlace } from '../src/host/place.js'
import type { Drive, Image } from '../src/model/drive.js'
import { fileNode, formatNode } from '../src/qemu/device/drive.js'
import { withQmp, type Arguments } from '../src/qemu/qmp.js'
import type { AtMoment, LiveDrives } from '../src/store/store.js'
import { liveDrives } from '../src/vm/drive/live.js'
import { drawerOf, type Drawer } from '../src/vm/record/drawer.js'
import { until } from './cli.js'
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
  private readonly where: HostPlace
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
    this.where = where
  }

  /** Starts the VM of the drive, with all that it has. */
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
  async io(command: string, disk = 0): Promise<string> {
    const before = fs.statSync(this.out).size
    const line = `qemu-io -d /machine/peripheral/disk${disk}/virtio-backend "${command}"`
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

  async write(value: number, offset: string, length: string, disk = 0): Promise<void> {
    assert.match(await this.io(`write -P ${value} ${offset} ${length}`, disk), /^wrote/m)
  }

  /** Its drives, reached through one session that the caller has. */
  inSession<T>(work: (live: LiveDrives) => Promise<T>): Promise<T> {
    return withQmp(this.drawer.jobs, { timeoutMs: 5000 }, (qmp) => work(liveDrives(this.where, undefined, qmp)))
  }

  /** The names of all that QEMU has open. */
  async nodes(): Promise<string[]> {
    const all = await withQmp(this.drawer.qmp, { timeoutMs: 5000 }, (qmp) =>
      qmp.execute('query-named-block-nodes', { flat: true }),
    )
    return all.flatMap((node) => node['node-name'] ?? []).toSorted()
  }

  async has(value: number, offset: string, length: string, disk = 0): Promise<boolean> {
    const answer = await this.io(`read -P ${value} ${offset} ${length}`, disk)
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

/** Where so many drives wait until they are all there, and the test says what becomes of them. */
class Moment {
  /** Settles when the last of them has come. */
  readonly all: Promise<void>
  readonly tookMs: number[] = []
  private readonly gate: Promise<void>
  private readonly come: () => void
  private open: () => void = () => {}
  private shut: (error: Error) => void = () => {}

  constructor(count: number) {
    let come = 0
    let last: () => void = () => {}
    this.all = new Promise((resolve) => (last = resolve))
    this.come = () => void (++come === count && last())
    this.gate = new Promise((resolve, reject) => {
      this.open = resolve
      this.shut = reject
    })
  }

  readonly atMoment: AtMoment = async (step) => {
    this.come()
    await this.gate
    const begin = performance.now()
    try {
      return await step()
    } finally {
      this.tookMs.push(performance.now() - begin)
    }
  }

  now(): void {
    this.open()
  }

  never(): void {
    this.shut(new Failure('given up'))
  }
}

/** Writes a number to one disk and then the other, again and again, one more each time. */
class Guest {
  counter = 0
  private isOver = false
  private stood: (() => void) | undefined
  private waits: Promise<void> | undefined
  private readonly runs: Promise<void>
  goOn: () => void = () => {}

  constructor(machine: Machine) {
    this.runs = this.run(machine)
  }

  private async run(machine: Machine): Promise<void> {
    while (!this.isOver && this.counter < 255) {
      this.counter++
      for (const disk of [0, 1]) await machine.write(this.counter, '0', '512', disk)
      this.stood?.()
      await this.waits
    }
  }

  /** Resolves when it stands still; `goOn` ends that. */
  async stop(): Promise<void> {
    this.waits = new Promise((resolve) => (this.goOn = resolve))
    await new Promise<void>((resolve) => (this.stood = resolve))
  }

  async end(): Promise<void> {
    this.isOver = true
    await this.runs
  }
}

describe('a moment that several drives of a running VM are brought to', () => {
  let place: Place
  let machine: Machine | undefined
  beforeEach(() => {
    place = makePlace()
  })
  afterEach(() => {
    machine?.quit()
    machine = undefined
    const left = leftovers(place.folder)
    place.remove()
    assert.deepEqual(left, [])
  })

  /** What each pattern's number is in a base; 0 where none was written. */
  const counterOf = (image: Image): number =>
    Array.from({ length: 256 }, (_, value) => value).find((value) => hasPattern({ image }, value, '0', '512')) ?? assert.fail()

  const drivesOf = (): Promise<Drive[]> => place.store.drives('gold')
  const filesOf = (): string[] =>
    fs
      .readdirSync(place.folder)
      .filter((name) => !name.startsWith('.lock'))
      .map((name) => `${name} ${fs.statSync(path.join(place.folder, name)).ino}`)
      .toSorted()

  const meetIn = async (t: TestContext, vm: Machine, live: LiveDrives): Promise<void> => {
    const { store } = place
    const guest = new Guest(vm)
    const moment = new Moment(2)
    const begun = guest.counter
    const [one = assert.fail(), two = assert.fail()] = await drivesOf()
    const frozen = [one, two].map((drive) => store.freeze(drive, 'kept', { live, atMoment: moment.atMoment }))
    await moment.all
    // The guest goes on while all is prepared, however slow its writes are, and now it stands still.
    await until('the guest to write on', 5000, () => guest.counter > begun)
    await guest.stop()
    const then = guest.counter
    moment.now()
    const bases = await Promise.all(frozen)
    guest.goOn()
    await until('the guest to go on', 5000, () => guest.counter > then + 2)
    await guest.end()
    assert.ok(then > begun, 'nothing of an earlier time')
    assert.deepEqual(
      bases.map(({ image }) => counterOf(image)),
      [then, then],
    )
    t.diagnostic(`the steps were done after ${moment.tookMs.map((ms) => ms.toFixed(1)).join(' and ')} ms`)
    const rest = await drivesOf()
    for (const [disk] of rest.entries()) assert.ok(await vm.has(guest.counter, '0', '512', disk))
  }

  it('is the same for both: what a guest writes to one and then the other is in both bases', async (t) => {
    for (const _ of [0, 1]) await place.store.create('gold', 64 * mib)
    const [one = assert.fail()] = await drivesOf()
    machine = Machine.start(place, one)
    const vm = machine
    await meetIn(t, vm, vm.live)
    await vm.inSession((live) => meetIn(t, vm, live))
    vm.quit()
    machine = undefined
    for (const drive of await drivesOf()) check(drive.image)
  })

  it('is not an earlier one: no base of then is taken, though nothing was written since', async () => {
    const { store } = place
    machine = Machine.start(place, await store.create('gold', 64 * mib))
    const freeze = async (atMoment?: AtMoment): Promise<string> => {
      const [gold = assert.fail()] = await drivesOf()
      const how = { live: machine?.live ?? noneLive, ...(atMoment === undefined ? {} : { atMoment }) }
      return (await store.freeze(gold, 'kept', how)).name
    }
    const first = await freeze()
    assert.equal(await freeze(), first)
    const second = await freeze((step) => step())
    assert.notEqual(second, first)
  })

  for (const format of ['qcow2', 'raw'] as const) {
    it(`does not come, and all is as before, the files and what QEMU has open (${format})`, async () => {
      const { store, folder } = place
      if (format === 'qcow2') for (const _ of [0, 1]) await store.create('gold', 16 * mib)
      else {
        fs.mkdirSync(folder)
        for (const number of [0, 1]) fs.writeFileSync(path.join(folder, `nbsvm-gold-${number}.raw`), Buffer.alloc(16 * mib))
      }
      const [one = assert.fail(), two = assert.fail()] = await drivesOf()
      machine = Machine.start(place, one)
      const vm = machine
      await vm.write(1, '0', '64k', 1)
      const [files, nodes] = [filesOf(), await vm.nodes()]
      const modes = (): number[] => [one, two].map(({ image }) => fs.statSync(image.path).mode)
      const before = modes()
      const moment = new Moment(2)
      const frozen = [one, two].map((drive) => store.freeze(drive, 'kept', { live: vm.live, atMoment: moment.atMoment }))
      await moment.all
      moment.never()
      for (const each of frozen) await assert.rejects(each, /given up/)
      assert.deepEqual([filesOf(), await vm.nodes(), modes()], [files, nodes, before])
      assert.deepEqual(await drivesOf(), [one, two])
      assert.deepEqual(await store.pins(), [])
      // One that comes and one that does not.
      const own = await store.freeze(one, 'kept', { live: vm.live, atMoment: (step) => step() })
      const given: AtMoment = () => Promise.reject(new Failure('given up'))
      await assert.rejects(store.freeze(two, 'kept', { live: vm.live, atMoment: given }), /given up/)
      await vm.write(2, '0', '64k', 1)
      const copy = await store.snapshot('web', await findGold(store, { gold: 'gold-1' }), { live: vm.live })
      assert.ok(hasPattern(copy, 2, '0', '64k') && hasPattern(own, 0, '0', '64k'))
      vm.quit()
      machine = undefined
      for (const drive of [...(await drivesOf()), copy]) check(drive.image)
    })
  }
})
