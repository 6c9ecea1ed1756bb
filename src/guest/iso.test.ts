import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { isoImage } from './iso.js'

const folder = mkdtempSync(path.join(tmpdir(), 'nbsvm-iso-'))
after(() => rmSync(folder, { recursive: true }))

const files = [
  { name: 'user-data', bytes: Buffer.from('#cloud-config\n') },
  { name: 'meta-data', bytes: Buffer.alloc(5000, 'm') },
  { name: 'network-config', bytes: Buffer.alloc(0) },
]

function written(): string {
  const file = path.join(folder, 'seed.iso')
  writeFileSync(file, isoImage('cidata', files))
  return file
}

test('blkid finds the label in lower case, as cloud-init does', () => {
  const text = execFileSync('blkid', ['-p', '-o', 'export', written()], { encoding: 'utf8' })
  assert.match(text, /^LABEL=cidata$/m)
  assert.match(text, /^TYPE=iso9660$/m)
})

test('bsdtar reads names, modes and bytes as they were given', () => {
  const file = written()
  const rows = execFileSync('bsdtar', ['-tvf', file], { encoding: 'utf8' }).trim().split('\n')
  const seen = rows.map((row) => row.split(/\s+/)).map((words) => [words.at(-1), words[0], words[4]].join(' '))
  assert.deepEqual(seen.toSorted(), [
    '. dr-x------ 2048',
    'meta-data -r-------- 5000',
    'network-config -r-------- 0',
    'user-data -r-------- 14',
  ])
  for (const { name, bytes } of files) assert.deepEqual(execFileSync('bsdtar', ['-xOf', file, name]), bytes)
})

test('the same files give the same bytes, whole sectors of them', () => {
  const image = isoImage('cidata', files)
  assert.deepEqual(image, isoImage('cidata', files))
  assert.equal(image.length % 2048, 0)
  assert.ok(image.length < 64 * 1024)
})

test('more files than fit one sector of names are refused', () => {
  const many = Array.from({ length: 30 }, (_, index) => ({ name: `file-${index}`, bytes: Buffer.alloc(0) }))
  assert.throws(() => isoImage('cidata', many), RangeError)
})
