import assert from 'node:assert/strict'
import { it } from 'node:test'
import { figuresOf, ticksIn, type Counters } from './figures.js'
import type { WatchChange, WatchList, WireVm } from './protocol.js'
import { changeOf, createWatch, type Seen } from './watch.js'

function vm(id: string, state: WireVm['state']): WireVm {
  const nothing = { class: null, pid: null, sinceMs: null, memBytes: null, image: null, fault: null, ending: null }
  return { id, name: id, state, forwards: [], drives: [], ...nothing }
}

it('tells what is otherwise, and nothing where nothing is', () => {
  const before = { vms: [vm('a', 'stopped'), vm('b', 'running')], faults: [] }
  assert.equal(changeOf(before, structuredClone(before)), undefined)
  const now = { vms: [vm('b', 'paused'), vm('c', 'stopped')], faults: [] }
  assert.deepEqual(changeOf(before, now), { kind: 'change', vms: now.vms, gone: ['a'], faults: [] })
  const fault = { message: 'a store is silent', code: 'FAILED', hints: [] }
  assert.deepEqual(changeOf(before, { ...before, faults: [fault] })?.faults, [fault])
})

it('looks once for all who follow, and not while nobody does', async () => {
  let looks = 0
  let state: WireVm['state'] = 'stopped'
  const look = (): Promise<Seen> => {
    looks++
    return Promise.resolve({ vms: [vm('a', state)], faults: [] })
  }
  const watch = createWatch(look)
  await settled()
  assert.equal(looks, 0)
  const frames: (WatchList | WatchChange)[] = []
  const ends = Array.from({ length: 10 }, () => watch.follow((frame) => void frames.push(frame)))
  await settled()
  assert.equal(looks, 1)
  assert.deepEqual(new Set(frames.map(({ kind }) => kind)), new Set(['list']))
  assert.equal(frames.length, 10)
  state = 'running'
  watch.poke()
  await settled()
  assert.equal(looks, 2)
  assert.equal(frames.filter(({ kind }) => kind === 'change').length, 10)
  for (const end of ends) end()
  watch.poke()
  await settled()
  assert.equal(looks, 2)
  watch.close()
})

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20))

it('makes rates of what was counted, of the same QEMU alone', () => {
  const counted: Counters = {
    pid: 5,
    atMs: 1000,
    monotonicMs: 1000,
    cpuTicks: 100,
    residentBytes: 7,
    memBytes: 9,
    readBytes: 1000,
    writtenBytes: 0,
    receivedBytes: undefined,
    sentBytes: undefined,
  }
  const later = { ...counted, atMs: 3000, monotonicMs: 3000, cpuTicks: 400, readBytes: 5000 }
  const figures = figuresOf('a', later, counted)
  assert.deepEqual(
    [figures.cpus, figures.diskRead, figures.diskWrite, figures.netReceive, figures.residentBytes],
    [1.5, 2000, 0, null, 7],
  )
  assert.equal(figuresOf('a', { ...later, pid: 6 }, counted).cpus, null)
  assert.equal(figuresOf('a', later, undefined).cpus, null)
  assert.equal(ticksIn('12 (a ) b) S 1 2 3 4 5 6 7 8 9 10 30 12 0'), 42)
  assert.equal(ticksIn(''), undefined)
})
