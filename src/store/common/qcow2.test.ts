import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { Failure } from '../../core/errors.js'
import { headerBytes, isEmpty, looksLikeQcow2, parseQcow2 } from './qcow2.js'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-qcow2-'))
after(() => fs.rmSync(folder, { recursive: true }))

function image(...options: string[]): Buffer {
  const file = path.join(folder, 'x.qcow2')
  fs.rmSync(file, { force: true })
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', ...options, file, '20G'], { stdio: ['ignore', 'ignore', 'inherit'] })
  return fs.readFileSync(file)
}

function changed(head: Buffer, change: (head: Buffer) => void): Buffer {
  const copy = Buffer.from(head)
  change(copy)
  return copy
}

describe('parseQcow2', () => {
  const plain = image()

  it('reads what qemu-img makes', () => {
    const header = parseQcow2(plain, 'x')
    assert.equal(header.version, 3)
    assert.equal(header.virtualBytes, 20 * 2 ** 30)
    assert.equal(header.clusterBytes, 65536)
    assert.equal(header.backingFile, undefined)
    assert.equal(header.dataFile, undefined)
    assert.equal(header.encrypted, false)
    assert.equal(header.internalSnapshots, 0)
    assert.equal(header.l1Entries, 40)
  })

  it('reads version 2, other cluster sizes and the backing file with its format', () => {
    const old = parseQcow2(image('-o', 'compat=0.10,cluster_size=512'), 'x')
    assert.deepEqual([old.version, old.clusterBytes], [2, 512])
    const overlay = parseQcow2(image('-u', '-b', '.base-12345678.raw', '-F', 'raw'), 'x')
    assert.deepEqual([overlay.backingFile, overlay.backingFormat], ['.base-12345678.raw', 'raw'])
  })

  it('sees a data file and encryption', () => {
    const data = path.join(folder, 'data.raw')
    assert.equal(parseQcow2(image('-o', `data_file=${data}`), 'x').dataFile, data)
    const nameless = changed(plain, (head) => head.writeBigUInt64BE(4n, 72))
    assert.equal(parseQcow2(nameless, 'x').dataFile, '')
    assert.equal(
      parseQcow2(
        changed(plain, (head) => head.writeUInt32BE(2, 32)),
        'x',
      ).encrypted,
      true,
    )
  })

  const faults: [name: string, change: (head: Buffer) => void, message: RegExp][] = [
    ['another magic', (head) => head.write('XXXX'), /x is not a good qcow2 image: it does not begin/],
    ['version 1', (head) => head.writeUInt32BE(1, 4), /its version is 1/],
    ['huge clusters', (head) => head.writeUInt32BE(40, 20), /a cluster has 2\^40/],
    ['a header longer than a cluster', (head) => head.writeUInt32BE(2 ** 31, 100), /its header has/],
    ['an L1 table of gigabytes', (head) => head.writeUInt32BE(2 ** 31, 36), /L1 table/],
    ['an impossible size', (head) => head.writeBigUInt64BE(2n ** 63n, 24), /its virtual size/],
    ['a backing name too long', (head) => (head.writeBigUInt64BE(600n, 8), head.writeUInt32BE(5000, 16)), /name is too long/],
    ['an extension beyond the header', (head) => head.writeUInt32BE(2 ** 31, 116), /extension reaches beyond/],
  ]
  for (const [name, change, message] of faults) {
    it(`refuses ${name}`, () => {
      assert.throws(
        () => parseQcow2(changed(plain, change), 'x'),
        (error) => error instanceof Failure && message.test(error.message),
      )
    })
  }

  it('never fails in any other way, whatever the bytes', () => {
    const offsets = fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 20 })
    fc.assert(
      fc.property(offsets, fc.nat(70_000), (bytes, length) => {
        const head = changed(plain, (copy) => bytes.forEach(([at, value]) => copy.writeUInt8(value, at))).subarray(0, length)
        assert.ok(headerBytes(head) <= 2 ** 21)
        try {
          assert.ok(Number.isSafeInteger(parseQcow2(head, 'x').virtualBytes))
        } catch (error) {
          if (!(error instanceof Failure)) throw error
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('isEmpty', () => {
  const l1 = (file: Buffer): Buffer => {
    const { l1Offset, l1Entries } = parseQcow2(file, 'x')
    return file.subarray(l1Offset, l1Offset + l1Entries * 8)
  }

  it('tells a new image from one that was written', () => {
    const fresh = image()
    assert.equal(isEmpty(parseQcow2(fresh, 'x'), l1(fresh)), true)
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write 19G 512', path.join(folder, 'x.qcow2')])
    const written = fs.readFileSync(path.join(folder, 'x.qcow2'))
    assert.equal(isEmpty(parseQcow2(written, 'x'), l1(written)), false)
  })

  it('takes an image whose table is cut off for written', () => {
    const fresh = image()
    assert.equal(isEmpty(parseQcow2(fresh, 'x'), l1(fresh).subarray(8)), false)
    assert.equal(looksLikeQcow2(fresh), true)
  })
})
