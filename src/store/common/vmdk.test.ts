import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, it } from 'node:test'
import { vmdkReferences } from './vmdk.js'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-vmdk-'))
after(() => fs.rmSync(folder, { recursive: true }))

function references(subformat: string, ...more: string[]): string[] {
  const file = path.join(folder, `${subformat}.vmdk`)
  execFileSync('qemu-img', ['create', '-q', '-f', 'vmdk', '-o', `subformat=${subformat}`, ...more, file, '10M'])
  return vmdkReferences(fs.readFileSync(file).subarray(0, 65536))
}

it('finds nothing in images of one file', () => {
  assert.deepEqual(references('monolithicSparse'), [])
  assert.deepEqual(references('streamOptimized'), [])
})

it('names the extents of the others', () => {
  assert.deepEqual(references('monolithicFlat'), ['monolithicFlat-flat.vmdk'])
  assert.deepEqual(references('twoGbMaxExtentSparse'), ['twoGbMaxExtentSparse-s001.vmdk'])
})

it('names the parent', () => {
  references('monolithicSparse')
  const parent = path.join(folder, 'monolithicSparse.vmdk')
  fs.renameSync(parent, path.join(folder, 'parent.vmdk'))
  const found = references('monolithicSparse', '-b', path.join(folder, 'parent.vmdk'), '-F', 'vmdk')
  assert.deepEqual(found, [path.join(folder, 'parent.vmdk')])
})

it('finds extents that a sparse file without capacity hides, and suspects a descriptor it cannot read', () => {
  const hidden = Buffer.alloc(4096)
  hidden.write('KDMV')
  hidden.write('# Disk DescriptorFile\nRW 8 FLAT "/etc/shadow" 0\n', 512)
  assert.deepEqual(vmdkReferences(hidden), ['/etc/shadow'])
  assert.deepEqual(vmdkReferences(Buffer.from('# Disk DescriptorFile\nversion=1\n')), ['(no extent that could be read)'])
})
