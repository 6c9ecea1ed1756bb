import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Failure } from '../core/errors.js'
import { findInList, listFormats, type ListFormat } from './list.js'

const a = '0123456789abcdef'.repeat(4)
const b = 'fedcba9876543210'.repeat(4)
const long = a + b
const wanted = { file: 'x.qcow2', arch: 'x86_64' } as const

const find = (text: string, format: ListFormat, more: object = {}) => findInList(text, format, { ...wanted, ...more })
const refuses = (text: string, format: ListFormat, why: RegExp, more: object = {}): void =>
  assert.throws(
    () => find(text, format, more),
    (error) => error instanceof Failure && why.test(error.message),
    text,
  )

describe('a list', () => {
  it('of sha256sum', () => {
    for (const line of [
      `${a}  x.qcow2`,
      `${a} *x.qcow2`,
      `${a}  ./x.qcow2`,
      `${a.toUpperCase()}\tx.qcow2\r`,
      `\\${a}  x.qcow2`,
    ]) {
      assert.deepEqual(
        find(`# list\n${b}  y.qcow2\n${line}\n${b}  x.qcow2.sig\n`, 'gnu').digest,
        { algorithm: 'sha256', hex: a },
        line,
      )
    }
    assert.deepEqual(find(`${long}  x.qcow2`, 'gnu').digest, { algorithm: 'sha512', hex: long })
    // The same twice is no second opinion.
    assert.equal(find(`${a}  x.qcow2\n${a} *x.qcow2`, 'gnu').digest.hex, a)
    refuses(`${a}  x.qcow2\n${b}  x.qcow2`, 'gnu', /names 2 digests/)
    refuses(`${a}  x.qcow2\n${long}  x.qcow2`, 'gnu', /names 2 digests/)
    refuses(`${a}  dir/x.qcow2\n${a}  xx.qcow2\n${a}  x.qcow2.xz\n`, 'gnu', /does not name x\.qcow2/)
    refuses(`${a.slice(1)}  x.qcow2`, 'gnu', /wrong length/)
    refuses('', 'gnu', /does not name/)
  })

  it('of the BSD kind', () => {
    const text = `# x.qcow2: 5 bytes\nSHA256 (y.qcow2) = ${b}\nSHA256 (x.qcow2) = ${a}\n`
    assert.deepEqual(find(text, 'bsd').digest, { algorithm: 'sha256', hex: a })
    assert.deepEqual(find(`SHA512(x.qcow2)= ${long}`, 'bsd').digest, { algorithm: 'sha512', hex: long })
    refuses(`SHA512 (x.qcow2) = ${a}`, 'bsd', /wrong length/)
    refuses(`MD5 (x.qcow2) = ${a}`, 'bsd', /does not name/)
    refuses(`SHA256 (x.qcow2) = ${a}\nSHA256 (x.qcow2) = ${b}`, 'bsd', /names 2 digests/)
  })

  it('of one file alone may call it otherwise, and names one', () => {
    const isLone = { isLone: true }
    assert.equal(find(`${a}  Build18.7.qcow2\n`, 'gnu', isLone).digest.hex, a)
    refuses(`${a}  one.qcow2\n${b}  two.qcow2\n`, 'gnu', /does not name/, isLone)
    refuses(`${a}  one.qcow2\n`, 'gnu', /does not name/)
  })

  it('that is a digest and nothing else', () => {
    assert.deepEqual(find(`${long}\n`, 'bare').digest, { algorithm: 'sha512', hex: long })
    for (const text of ['', `${a} x`, `${a}\n${b}`, a.slice(2)]) refuses(text, 'bare', /not a digest and nothing else/)
  })

  const upload = (ref: string, digest = `sha512:${Buffer.from(long, 'hex').toString('base64').replace(/=+$/, '')}`): string =>
    JSON.stringify({
      items: [{ kind: 'Upload', data: { ref }, metadata: { annotations: { 'cloud.debian.org/digest': digest } } }],
    })

  it("in Debian's JSON", () => {
    const found = find(upload('trixie/20260712-2537/x-20260712-2537.qcow2'), 'debian-json')
    assert.deepEqual(found.digest, { algorithm: 'sha512', hex: long })
    assert.equal(found.location, '../../trixie/20260712-2537/x-20260712-2537.qcow2')
    assert.equal(found.serial, '20260712-2537')
    refuses(upload('trixie/20260712-2537/y-20260712-2537.qcow2'), 'debian-json', /another file/)
    refuses(upload('../../../x.qcow2'), 'debian-json', /another file/)
    refuses(upload('https://evil.example/1/x-1.qcow2'), 'debian-json', /another file/)
    refuses(upload('trixie/1/x-1.qcow2', 'sha512:AAAA'), 'debian-json', /no digest/)
    refuses('{"items":[]}', 'debian-json', /names 0 files/)
    refuses('{', 'debian-json', /not JSON/)
  })

  it("in a stream of CoreOS's", () => {
    const stream = (disk: object): string =>
      JSON.stringify({
        architectures: { x86_64: { artifacts: { qemu: { release: '44.1', formats: { 'qcow2.xz': { disk } } } } } },
      })
    const disk = { location: 'https://h/x', signature: 'https://h/x.sig', sha256: a }
    assert.deepEqual(find(stream(disk), 'fcos-json'), {
      digest: { algorithm: 'sha256', hex: a },
      location: 'https://h/x',
      signature: 'https://h/x.sig',
      serial: '44.1',
    })
    refuses(stream({ ...disk, sha256: 5 }), 'fcos-json', /no image for x86_64/)
    refuses(stream(disk), 'fcos-json', /no image for aarch64/, { arch: 'aarch64' })
    for (const text of ['null', '[]', '{"architectures":{"x86_64":null}}', '{"__proto__":{}}'])
      refuses(text, 'fcos-json', /no image/)
  })

  it('of 4 MB in one line is read in a moment, whatever is in it', { timeout: 5000 }, () => {
    for (const [format, text] of [
      ['gnu', `a x${' '.repeat(4e6)}y`],
      ['bsd', `SHA256 (x) = a${' '.repeat(4e6)}y`],
      ['bsd', `SHA256 ${'('.repeat(4e6)}`],
      ['bare', `${' '.repeat(4e6)}x`],
    ] as const)
      refuses(text, format, /./)
  })

  it('that is any text is read or refused, and nothing else happens', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), fc.constantFrom(...listFormats), (text, format) => {
        try {
          find(text, format)
        } catch (error) {
          assert.ok(error instanceof Failure)
        }
      }),
    )
  })
})
