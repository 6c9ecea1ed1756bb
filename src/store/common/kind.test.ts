import assert from 'node:assert/strict'
import { it } from 'node:test'
import { UsageError } from '../../core/errors.js'
import { formatOf, hasKnownContents } from './kind.js'

const sector = 512

/** What a file of these beginnings is. */
function kindOf(begin: string | Buffer, { at = 0, size = 8192, end = '' } = {}): string {
  const bytes = Buffer.alloc(size)
  Buffer.from(begin as string, 'latin1').copy(bytes, at)
  Buffer.from(end, 'latin1').copy(bytes, Math.max(0, size - sector))
  try {
    return formatOf({ head: bytes, tail: bytes.subarray(-sector), size }, '/x/FILE.img')
  } catch (error) {
    assert.ok(error instanceof UsageError)
    return [error.message, ...error.hints].join('; ')
  }
}

it('says what it is that is no disk, and what to type', () => {
  for (const [begin, words] of [
    ['\x1f\x8b\b', /a gzip file; unpack it first: gunzip -k \/x/],
    ['\xfd7zXZ\0', /an xz file/],
    ['BZh9', /a bzip2 file/],
    ['\x28\xb5\x2f\xfd', /a zstd file/],
    ['PK\x03\x04', /a zip file.*unzip/],
    ['7z\xbc\xaf\x27\x1c', /a 7z file/],
    ['\x7fELF', /an ELF program/],
    ['%PDF-1', /a PDF file/],
    ['\n<!DOCTYPE html>', /an HTML page/],
    ['QED\0', /a QED image; convert it first: qemu-img convert/],
    ['COWD', /old ESX/],
  ] as const) {
    assert.match(kindOf(begin), words)
  }
  assert.match(kindOf('ustar', { at: 257 }), /a tar file \(an OVA is one\); unpack it first: tar -xf \/x\/FILE/)
  assert.match(kindOf('404 not found\n'.repeat(600), { size: 8400 }), /a text file/)
  assert.match(kindOf('', { size: 0 }), /is empty/)
  assert.match(kindOf('', { size: 1000 }), /has 1000 bytes, which are no whole sectors/)
})

it('knows a fixed VHD by its end, and one that needs another', () => {
  const footer = (type: string): string => `conectix${'\0'.repeat(52)}\0\0\0${type}`
  assert.equal(kindOf('', { end: footer('\x02') }), 'vpc')
  assert.equal(kindOf('conectix', { end: footer('\x03') }), 'vpc')
  assert.match(kindOf('conectix', { end: footer('\x04') }), /nothing without another one/)
  assert.match(kindOf('conectix'), /cut off/)
})

it('takes for raw what has whole sectors, and knows a disk from bytes', () => {
  assert.equal(kindOf('\x55\xaa', { at: 510 }), 'raw')
  const disk = Buffer.alloc(131072)
  assert.equal(hasKnownContents(disk), false)
  disk.write('EFI PART', 512)
  assert.equal(hasKnownContents(disk), true)
})
