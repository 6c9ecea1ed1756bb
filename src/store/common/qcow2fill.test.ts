import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { Qcow2Filler } from './qcow2fill.js'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-fill-'))
after(() => fs.rmSync(folder, { recursive: true }))

const mib = 1024 * 1024
const sh = (name: string, ...words: string[]): string => execFileSync(name, words, { encoding: 'utf8' })

function create(name: string, sizeBytes: number, ...options: string[]): string {
  const file = path.join(folder, name)
  sh('qemu-img', 'create', '-q', '-f', 'qcow2', ...options, file, String(sizeBytes))
  return file
}

async function fill(file: string, pieces: readonly (readonly [number, Buffer])[]): Promise<void> {
  const filler = Qcow2Filler.open(file) ?? assert.fail('it is not filled')
  // One after the other, as some are written over others.
  for (const [offset, bytes] of pieces) await filler.write(offset, bytes)
  await filler.flush()
  await filler.close()
}

/** That QEMU finds nothing wrong with it, and reads what a raw file of the same pieces holds. */
function assertHolds(file: string, sizeBytes: number, pieces: readonly (readonly [number, Buffer])[]): void {
  sh('qemu-img', 'check', '-q', file)
  const raw = path.join(folder, 'raw')
  fs.writeFileSync(raw, '')
  fs.truncateSync(raw, sizeBytes)
  const fd = fs.openSync(raw, 'r+')
  for (const [offset, bytes] of pieces) fs.writeSync(fd, bytes, 0, bytes.length, offset)
  fs.closeSync(fd)
  sh('qemu-img', 'compare', '-q', '-f', 'qcow2', '-F', 'raw', file, raw)
}

/** Bytes that are not zeros, and others each time. */
const bytes = (length: number, seed: number): Buffer => Buffer.alloc(length, `nbsvm ${seed} `)

test('what was written is what QEMU reads, whatever the pieces; zeros take nothing', async () => {
  const size = 600 * mib + 512
  const pieces = [
    [size - 700, bytes(700, 1)],
    [0, bytes(10, 2)],
    [65_530, bytes(20, 3)],
    [5 * mib + 100, bytes(mib, 4)],
    // Of a cluster that is there, and back to zeros.
    [5 * mib + 200, Buffer.alloc(100)],
    [100, bytes(30, 5)],
    [40 * mib, Buffer.alloc(mib)],
    // In the second and the last table.
    [512 * mib - 3, bytes(70_000, 6)],
    [600 * mib, bytes(1, 7)],
  ] as const
  const file = create('pieces.qcow2', size)
  await fill(file, pieces)
  assertHolds(file, size, pieces)
  assert.ok(fs.statSync(file).size < 3 * mib, `${fs.statSync(file).size}`)
  // It goes on as any other.
  sh('qemu-io', '-c', 'write -q -P 9 100M 1M', '-c', 'write -q -P 9 0 64k', file)
  sh('qemu-img', 'check', '-q', file)
})

test('one block of counts is not enough for it', async () => {
  const size = 2100 * mib
  // A byte of each cluster: the file is mostly holes.
  const file = create('many.qcow2', size)
  const filler = Qcow2Filler.open(file) ?? assert.fail('it is not filled')
  for (let at = 0; at < size; at += 65_536) await filler.write(at, bytes(1, 1))
  await filler.flush()
  await filler.close()
  assert.match(sh('qemu-img', 'check', file), /No errors were found/)
})

test('nothing was written: it is as it was', async () => {
  const file = create('empty.qcow2', 10 * mib)
  const before = fs.readFileSync(file)
  await fill(file, [])
  assert.deepEqual(fs.readFileSync(file).subarray(0, before.length), before)
})

test('an image of another kind, one that stands on another, and one that holds something are left to QEMU', () => {
  const base = create('base.qcow2', mib)
  for (const [name, options] of [
    ['small', ['-o', 'cluster_size=4k']],
    ['old', ['-o', 'compat=0.10']],
    ['lazy', ['-o', 'lazy_refcounts=on']],
    ['extended', ['-o', 'extended_l2=on,cluster_size=64k']],
    ['counts', ['-o', 'refcount_bits=64']],
    ['on', ['-b', base, '-F', 'qcow2']],
  ] as const)
    assert.equal(Qcow2Filler.open(create(`${name}.qcow2`, mib, ...options)), undefined, name)
  sh('qemu-io', '-c', 'write -q 0 512', base)
  assert.equal(Qcow2Filler.open(base), undefined)
})

test('beyond its end nothing is written', async () => {
  const filler = Qcow2Filler.open(create('end.qcow2', mib)) ?? assert.fail('it is not filled')
  await assert.rejects(filler.write(mib - 1, bytes(2, 1)), /beyond the end/)
  await filler.close()
})
