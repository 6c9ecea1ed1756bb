// Snapshots of drives that a real QEMU writes to.
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { Drive, Image } from '../src/model/drive.js'
import { Failure } from '../src/core/errors.js'
import type { LiveDrives } from '../src/store/store.js'
import { hasOpen } from '../src/sys/process.js'
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

interface Answer {
  return?: unknown
  error?: { desc: string }
}

/** A QEMU that was started with one drive, over a raw QMP socket. */
class Machine implements LiveDrives {
  node = 'layer0'
  private layers = 0
  private text = ''
  private readonly answers: ((answer: Answer) => void)[] = []

  readonly name: string
  readonly child: ChildProcess
  private readonly socket: net.Socket
  private printed = ''

  private constructor(name: string, child: ChildProcess, socket: net.Socket) {
    this.name = name
    this.child = child
    this.socket = socket
    socket.on('data', (data) => this.read(String(data)))
    child.stdout?.on('data', (data) => (this.printed += String(data)))
  }

  static async start(place: Place, drive: Drive): Promise<Machine> {
    const qmp = path.join(place.outside, 'q.sock')
    const nodes = [...blockNodes(drive.image, 'layer0')].flatMap((node) => ['-blockdev', JSON.stringify(node)])
    const options = ['-S', '-nodefaults', '-display', 'none', '-accel', 'tcg', '-qmp', `unix:${qmp},server=on,wait=off`]
    const device = ['-device', 'virtio-blk-pci,id=disk0,drive=layer0']
    const command = ['-oL', 'qemu-system-x86_64', ...options, ...nodes, ...device]
    const child = spawn('stdbuf', command, { stdio: ['ignore', 'pipe', 'inherit'] })
    const machine = new Machine(drive.name, child, await connect(qmp))
    await machine.execute('qmp_capabilities')
    return machine
  }

  private read(data: string): void {
    const lines = (this.text + data).split('\n')
    this.text = lines.pop() ?? ''
    for (const line of lines) {
      const answer = JSON.parse(line) as Answer
      if ('return' in answer || 'error' in answer) this.answers.shift()?.(answer)
    }
  }

  execute(command: string, args: object = {}): Promise<unknown> {
    this.socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`)
    return new Promise((resolve, reject) => {
      this.answers.push(({ return: value, error }) => (error === undefined ? resolve(value) : reject(new Error(error.desc))))
    })
  }

  /** Reads or writes as the guest would. qemu-io prints to QEMU's stdout, and only errors to the monitor. */
  async io(command: string): Promise<string> {
    this.printed = ''
    const line = `qemu-io -d /machine/peripheral/disk0/virtio-backend "${command}"`
    const error = String(await this.execute('human-monitor-command', { 'command-line': line }))
    if (error !== '') return error
    while (!this.printed.includes('ops/sec')) await new Promise((resolve) => setTimeout(resolve, 2))
    return this.printed
  }

  async write(value: number, offset: string, length: string): Promise<void> {
    assert.match(await this.io(`write -P ${value} ${offset} ${length}`), /^wrote/m)
  }

  async has(value: number, offset: string, length: string): Promise<boolean> {
    const answer = await this.io(`read -P ${value} ${offset} ${length}`)
    assert.match(answer, /bytes at offset/)
    return !answer.includes('verification failed')
  }

  async activeFile(drive: Drive): Promise<string | undefined> {
    if (drive.name !== this.name || this.child.exitCode !== null) return undefined
    // Nodes of a switch that was never finished; those in use refuse to go.
    for (const name of [`layer${this.layers}`, `layer${this.layers}-file`]) {
      if (name !== this.node) await this.execute('blockdev-del', { 'node-name': name }).catch(() => {})
    }
    for (let image: Image | undefined = drive.image; image !== undefined; image = image.backing) {
      if (hasOpen(this.child.pid ?? 0, fs.statSync(image.path))) return image.path
    }
    return undefined
  }

  /** Makes the overlay known to QEMU; the guest does not write to it yet. */
  async add(overlay: Image): Promise<string> {
    const name = `layer${++this.layers}`
    const { backing: _, ...own } = overlay
    for (const node of blockNodes(own, name)) await this.execute('blockdev-add', node)
    return name
  }

  async switchTo(_drive: Drive, overlay: Image): Promise<void> {
    const name = await this.add(overlay)
    await this.execute('blockdev-snapshot', { node: this.node, overlay: name })
    this.node = name
  }

  async grow(_drive: Drive, sizeBytes: number): Promise<void> {
    await this.execute('block_resize', { 'node-name': this.node, size: sizeBytes })
  }

  async quit(): Promise<void> {
    if (this.child.exitCode !== null) return
    const gone = new Promise((resolve) => this.child.once('exit', resolve))
    await this.execute('quit').catch(() => {})
    await gone
    this.socket.destroy()
  }
}

/** An image's nodes: each file is a node of its own, so that QEMU never opens it again by its name. */
function* blockNodes(image: Image, name: string): Generator<object> {
  yield { driver: 'file', 'node-name': `${name}-file`, filename: image.path, 'read-only': name.includes('below') }
  let backing: object = { backing: null }
  if (image.backing !== undefined) {
    yield* blockNodes(image.backing, `${name}-below`)
    backing = { backing: `${name}-below` }
  }
  const plain = { driver: image.format, 'node-name': name, file: `${name}-file`, 'read-only': name.includes('below') }
  yield image.format === 'qcow2' ? { ...plain, ...backing } : plain
}

async function connect(file: string): Promise<net.Socket> {
  for (;;) {
    const socket = net.connect(file)
    const connected = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    if (connected) return socket
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe('snapshot of a running drive', () => {
  let place: Place
  let machine: Machine | undefined
  beforeEach(() => {
    place = makePlace()
  })
  afterEach(async () => {
    await machine?.quit()
    machine = undefined
    const left = leftovers(place.folder)
    place.remove()
    assert.deepEqual(left, [])
  })

  const now = async (id: string): Promise<Drive> => (await place.store.drives(id))[0] ?? assert.fail()

  it('holds all that was written, and nothing of what comes later, again and again', async () => {
    const { store, folder } = place
    machine = await Machine.start(place, await store.create('gold', 64 * mib))
    await machine.write(1, '0', '1M')
    const one = await store.snapshot('one', await findGold(store), { live: machine })
    assert.equal(layersOf(one), 2)
    const same = await store.snapshot('same', await findGold(store), { live: machine })
    assert.equal(same.image.backing?.path, one.image.backing?.path)
    await machine.write(2, '0', '128k')
    const two = await store.snapshot('two', await findGold(store), { live: machine })
    await machine.write(3, '0', '64k')
    const three = await store.snapshot('three', await findGold(store), { live: machine })
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
    await machine.quit()
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
    machine = await Machine.start(place, await now('gold'))
    await machine.write(1, '0', '1M')
    const one = await store.snapshot('one', await findGold(store), { live: machine })
    await machine.write(2, '0', '1M')
    const two = await store.snapshot('two', await findGold(store), { live: machine })
    assert.ok(hasPattern(one, 1, '0', '1M') && hasPattern(two, 2, '0', '1M') && (await machine.has(2, '0', '1M')))
    await machine.quit()
    assert.ok(hasPattern(await now('gold'), 2, '0', '1M'))
    assert.deepEqual((await store.drives('gold')).length, 1)
  })

  for (const [when, begin] of [
    ['before it began', () => Promise.resolve('')],
    ['in its midst', (vm: Machine, overlay: Image) => vm.add(overlay)],
  ] as const) {
    it(`finishes a switch that a killed nbsvm left undone, ${when}, before anybody stands on the base`, async () => {
      const { store } = place
      machine = await Machine.start(place, await store.create('gold', 64 * mib))
      const vm = machine
      await vm.write(1, '0', '1M')
      const dies: LiveDrives = {
        grow: (drive, sizeBytes) => vm.grow(drive, sizeBytes),
        activeFile: (drive) => vm.activeFile(drive),
        switchTo: async (_drive, overlay) => {
          await begin(vm, overlay)
          throw new Failure('killed here')
        },
      }
      await assert.rejects(store.snapshot('foo', await findGold(store), { live: dies }), /killed here/)
      assert.deepEqual(await store.drives('foo'), [])
      // The VM goes on writing, into what is the base by name.
      await vm.write(2, '0', '64k')
      const copy = await store.snapshot('foo', await findGold(store), { live: vm })
      await vm.write(3, '0', '64k')
      assert.ok(hasPattern(copy, 2, '0', '64k') && hasPattern(copy, 1, '64k', '64k'))
      assert.equal(layersOf(copy), 2)
      assert.ok(await vm.has(3, '0', '64k'))
      await vm.quit()
      assert.ok(hasPattern(await now('gold'), 3, '0', '64k') && hasPattern(copy, 2, '0', '64k'))
    })
  }

  it('is finished before the drive grows, which otherwise would grow below it', async () => {
    const { store } = place
    machine = await Machine.start(place, await store.create('gold', 64 * mib))
    const vm = machine
    const dies: LiveDrives = { ...noneLive, activeFile: (drive) => vm.activeFile(drive), switchTo: () => Promise.resolve() }
    await assert.rejects(store.snapshot('foo', await findGold(store), { live: dies }), /did not go over to its new layer/)
    await store.grow(await now('gold'), 128 * mib, { live: vm })
    await vm.write(7, '100M', '1M')
    await vm.quit()
    assert.equal((await store.size(await now('gold'))).virtualBytes, 128 * mib)
    assert.ok(hasPattern(await now('gold'), 7, '100M', '1M'))
  })

  it('is right also when the VM ended with the switch undone', async () => {
    const { store } = place
    machine = await Machine.start(place, await store.create('gold', 64 * mib))
    const vm = machine
    const dies: LiveDrives = { ...noneLive, activeFile: (drive) => vm.activeFile(drive), switchTo: () => Promise.resolve() }
    await assert.rejects(store.snapshot('foo', await findGold(store), { live: dies }), /did not go over to its new layer/)
    await vm.write(2, '0', '1M')
    await vm.quit()
    const copy = await store.snapshot('foo', await findGold(store), { live: vm })
    assert.ok(hasPattern(copy, 2, '0', '1M') && hasPattern(await now('gold'), 2, '0', '1M'))
  })

  it('is made by eight at once of one running drive', async () => {
    const { store, folder } = place
    machine = await Machine.start(place, await store.create('gold', 64 * mib))
    const vm = machine
    await vm.write(1, '0', '1M')
    const source = await findGold(store)
    const copies = await Promise.all(Array.from({ length: 8 }, (_, n) => store.snapshot(`vm${n}`, source, { live: vm })))
    await vm.write(2, '0', '1M')
    for (const copy of copies) assert.ok(hasPattern(copy, 1, '0', '1M'))
    assert.equal(bases(folder).length, 1)
    assert.ok(await vm.has(2, '0', '1M'))
  })

  it('clones what the drive held at one moment', async () => {
    const { store, folder } = place
    machine = await Machine.start(place, await store.create('gold', 64 * mib))
    await machine.write(1, '0', '1M')
    const source = await findGold(store)
    const lone = await store.clone('one', source, { live: machine })
    assert.equal(layersOf(lone), 1)
    await machine.write(2, '0', '64k')
    const flat = await store.clone('two', await findGold(store), { live: machine })
    assert.equal(layersOf(flat), 1)
    assert.ok(hasPattern(lone, 1, '0', '1M') && hasPattern(flat, 2, '0', '64k') && hasPattern(flat, 1, '64k', '64k'))
    assert.ok(await machine.has(2, '0', '64k'))
    await machine.quit()
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
    const elsewhere: LiveDrives = { ...noneLive, activeFile: () => Promise.resolve(other), switchTo: () => assert.fail() }
    await assert.rejects(
      store.snapshot('foo', await findGold(store), { live: elsewhere }),
      /writes nbsvm-gold-0 into another file/,
    )
    assert.deepEqual(bases(folder), [])
    assert.deepEqual(await store.drives('gold'), [gold])
  })
})
