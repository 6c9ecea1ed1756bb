import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { Failure } from '../../core/errors.js'
import { writeParts } from '../../sys/parts.js'
import { emptyOverlay, faultOf, headerBytes, isEmpty, looksLikeQcow2, parseQcow2, readHeader } from './qcow2.js'

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

describe('emptyOverlay', () => {
  const qemuImg = (...words: string[]): string =>
    execFileSync('qemu-img', words, { encoding: 'utf8', cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
  const io = (command: string, file: string): string =>
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', command, file], { encoding: 'utf8', cwd: folder })

  const write = (name: string, backing: string, format: string, sizeBytes: number): string => {
    const file = path.join(folder, name)
    fs.rmSync(file, { force: true })
    const { length, parts } = emptyOverlay(backing, format, sizeBytes)
    writeParts(file, length, parts)
    return file
  }

  /** What QEMU says of an image, but for where it is and what it takes. */
  const info = (file: string): unknown => {
    const told = JSON.parse(qemuImg('info', '--output', 'json', file)) as Record<string, unknown>
    const { filename: _, 'actual-size': __, 'full-backing-filename': ___, children: ____, ...rest } = told
    return rest
  }

  const tib = 2 ** 40
  const sizes = fc.oneof(
    fc.integer({ min: 1, max: 2 ** 20 }),
    fc.integer({ min: 1, max: 8 * tib }),
    // Just below and above where a table gets another entry, or another cluster.
    fc
      .tuple(fc.constantFrom(2 ** 29, 2 ** 42, 2 ** 16), fc.integer({ min: 1, max: 2 }), fc.integer({ min: -513, max: 513 }))
      .map(([step, times, near]) => step * times + near),
  )
  const bases = fc.constantFrom(
    ['.base-12345678.raw', 'raw'] as const,
    [`.base-${'0123456789abcdef'.repeat(4)}.qcow2`, 'qcow2'] as const,
  )

  it('is what qemu-img makes, of any size', () => {
    const compare = (size: number, [backing, format]: readonly [string, string]): void => {
      const theirs = path.join(folder, 'theirs.qcow2')
      fs.rmSync(theirs, { force: true })
      qemuImg('create', '-q', '-u', '-f', 'qcow2', '-b', backing, '-F', format, theirs, String(size))
      const ours = write('ours.qcow2', backing, format, size)
      assert.deepEqual(readHeader(ours), readHeader(theirs))
      assert.deepEqual(info(ours), info(theirs))
      assert.equal(faultOf(readHeader(ours), fs.statSync(ours).size), undefined)
      // It opens nothing under it.
      assert.match(
        qemuImg('check', `json:${JSON.stringify({ driver: 'qcow2', file: { driver: 'file', filename: ours }, backing: null })}`),
        /No errors/,
      )
      assert.ok(fs.statSync(ours).blocks * 512 <= fs.statSync(theirs).blocks * 512)
    }
    for (const size of [1, 512, 513, 2 ** 29, 2 ** 29 + 1, 4 * tib, 4 * tib + 512, 8 * tib])
      compare(size, ['.base-12345678.raw', 'raw'])
    fc.assert(fc.property(sizes, bases, compare), { numRuns: 40 })
  })

  it('holds what is written to it, in a chain, where the drive has grown too', () => {
    fs.writeFileSync(path.join(folder, '.base-00000000.raw'), Buffer.alloc(2 ** 20, 7))
    let below = '.base-00000000.raw'
    for (let layer = 1; layer <= 12; layer++) {
      const name = `.base-0000000${layer.toString(16)}.qcow2`
      write(name, below, below.endsWith('raw') ? 'raw' : 'qcow2', 2 ** 20 + layer * 2 ** 30)
      io(`write -P ${100 + layer} ${layer * 2 ** 30} 128k`, name)
      below = name
      assert.match(qemuImg('check', name), /No errors/)
    }
    for (let layer = 1; layer <= 12; layer++) {
      assert.doesNotMatch(io(`read -P ${100 + layer} ${layer * 2 ** 30} 128k`, below), /failed/)
    }
    assert.doesNotMatch(io('read -P 7 0 1M', below), /failed/)
    assert.doesNotMatch(io(`read -P 0 ${2 ** 29} 1M`, below), /failed/)
    qemuImg('resize', '-q', below, `${3 * 2 ** 40}`)
    io(`write -P 9 ${3 * 2 ** 40 - 512} 512`, below)
    assert.match(qemuImg('check', below), /No errors/)
  })

  it('is refused where QEMU would refuse it', () => {
    assert.throws(() => emptyOverlay('x'.repeat(1024), 'raw', 1), Failure)
    assert.throws(() => emptyOverlay('x', 'raw', 2 ** 53 * 1024), Failure)
  })
})
