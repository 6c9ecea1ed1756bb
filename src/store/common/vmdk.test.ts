import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, it } from 'node:test'
import { lookAtVmdk } from './vmdk.js'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-vmdk-'))
after(() => fs.rmSync(folder, { recursive: true }))

function make(subformat: string, ...more: string[]): string {
  const file = path.join(folder, `${subformat}.vmdk`)
  execFileSync('qemu-img', ['create', '-q', '-f', 'vmdk', '-o', `subformat=${subformat}`, ...more, file, '10M'])
  return file
}

/** The image with bytes of its beginning replaced. */
function changed(at: number, bytes: string | Buffer): string {
  const file = make('monolithicSparse')
  const fd = fs.openSync(file, 'r+')
  fs.writeSync(fd, Buffer.from(bytes), 0, undefined, at)
  fs.closeSync(fd)
  return file
}

it('takes images of one file', () => {
  for (const kind of ['monolithicSparse', 'streamOptimized']) assert.deepEqual(lookAtVmdk(make(kind)), { refersTo: [] })
})

it('names the extents of the others', () => {
  assert.deepEqual(lookAtVmdk(make('monolithicFlat')).refersTo, ['monolithicFlat-flat.vmdk'])
  assert.deepEqual(lookAtVmdk(make('twoGbMaxExtentSparse')).refersTo, ['twoGbMaxExtentSparse-s001.vmdk'])
})

it('names the parent', () => {
  const parent = path.join(folder, 'parent.vmdk')
  fs.renameSync(make('monolithicSparse'), parent)
  assert.deepEqual(lookAtVmdk(make('monolithicSparse', '-b', parent, '-F', 'vmdk')).refersTo, [parent])
})

it('refuses a sparse file without capacity, wherever the descriptor is that QEMU would follow', () => {
  for (const line of [
    'RW 8 FLAT "/etc/shadow" 0',
    'RW +8 FLAT "/etc/shadow" 0',
    'RW\n8 FLAT "/etc/shadow" 0',
    'RW\v8 FLAT "/x"',
  ]) {
    const hidden = Buffer.alloc(4096)
    hidden.write('KDMV\u0001')
    hidden.writeBigUInt64LE(1n, 28)
    hidden.writeBigUInt64LE(1n, 36)
    hidden.write(`# Disk DescriptorFile\n${line}\n`, 512)
    const file = path.join(folder, 'hidden.vmdk')
    fs.writeFileSync(file, hidden)
    assert.match(lookAtVmdk(file).fault ?? '', /no capacity/)
  }
  assert.match(lookAtVmdk(changed(12, Buffer.alloc(8))).fault ?? '', /no capacity/)
})

it('refuses an innocent descriptor with another one elsewhere', () => {
  const far = Buffer.alloc(8)
  far.writeBigUInt64LE(256n)
  assert.match(lookAtVmdk(changed(28, far)).fault ?? '', /not where/)
})

it('refuses every mention of a parent, whatever stands around it', () => {
  const at = 512 + 20 * 512 - 200
  for (const text of ['parentFileNameHint:"/etc/shadow"', 'PARENTfilenamehint\t"/etc/shadow"']) {
    assert.deepEqual(lookAtVmdk(changed(at, text)).refersTo, ['/etc/shadow'])
  }
})

it('refuses a descriptor that it cannot read', () => {
  const file = path.join(folder, 'text.vmdk')
  fs.writeFileSync(file, '# Disk DescriptorFile\nversion=1\n')
  assert.deepEqual(lookAtVmdk(file).refersTo, ['(no extent that could be read)'])
})
