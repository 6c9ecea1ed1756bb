import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Image } from '../model/drive.js'
import { handOver } from './handover.js'

const logs = { console: '/state/foo/console.fifo', events: '/state/foo/events.fifo' }
const base: Image = { format: 'raw', kind: 'file', path: '/drives/base' }
const disc: Image = { format: 'raw', kind: 'file', path: '/discs/a.iso' }
const image: Image = { format: 'qcow2', kind: 'file', path: '/drives/0', backing: base }

test('descriptors come after the lock, in their order: FIFOs of the logs, drives to write, what they stand on and discs to read', () => {
  const {
    handed,
    logs: names,
    drives,
    discs,
  } = handOver(logs, { drives: [{ name: 'nbsvm-foo-0', number: 0, image }], discs: [disc] }, { givesDrives: true })
  assert.deepEqual(handed, [
    { fd: 4, set: 1, path: '/state/foo/console.fifo', mode: 'fifo' },
    { fd: 5, set: 2, path: '/state/foo/events.fifo', mode: 'fifo' },
    { fd: 6, set: 3, path: '/drives/0', mode: 'write' },
    { fd: 7, set: 3, path: '/drives/0', mode: 'read' },
    { fd: 8, set: 4, path: '/drives/base', mode: 'read' },
    { fd: 9, set: 5, path: '/discs/a.iso', mode: 'read' },
  ])
  assert.deepEqual(names, { console: '/dev/fdset/1', events: '/dev/fdset/2' })
  assert.equal(drives[0]?.image.path, '/dev/fdset/3')
  assert.equal(drives[0]?.image.backing?.path, '/dev/fdset/4')
  assert.equal(discs[0]?.path, '/dev/fdset/5')
})

test('a QEMU that may open its drives by itself does', () => {
  const drive = { name: 'nbsvm-foo-0', number: 0, image }
  const { handed, drives, discs } = handOver(logs, { drives: [drive], discs: [disc] }, { givesDrives: false })
  assert.equal(handed.length, 2)
  assert.deepEqual([drives, discs], [[drive], [disc]])
})
