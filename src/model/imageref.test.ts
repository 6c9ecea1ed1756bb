import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UsageError } from '../core/errors.js'
import { parseDigest, parseImageRef } from './imageref.js'

const sha256 = '0123456789abcdef'.repeat(4)

test('an image is a name, a URL, a path, or one that is built here', () => {
  assert.deepEqual(parseImageRef('debian'), { kind: 'name', text: 'debian', name: 'debian' })
  assert.deepEqual(parseImageRef('Debian-13@latest'), {
    kind: 'name',
    text: 'Debian-13@latest',
    name: 'debian-13',
    version: 'latest',
  })
  assert.deepEqual(parseImageRef('debian-13@20260712-2537'), {
    kind: 'name',
    text: 'debian-13@20260712-2537',
    name: 'debian-13',
    version: '20260712-2537',
  })
  assert.deepEqual(parseImageRef('/srv/a b.qcow2'), { kind: 'path', text: '/srv/a b.qcow2', path: '/srv/a b.qcow2' })
  assert.deepEqual(parseImageRef('mmdebstrap:trixie'), { kind: 'mmdebstrap', text: 'mmdebstrap:trixie', suite: 'trixie' })
  const text = `https://example.org/x.qcow2#SHA256:${sha256.toUpperCase()}`
  const digest = { algorithm: 'sha256', hex: sha256 } as const
  assert.deepEqual(parseImageRef(text), { kind: 'url', text, url: 'https://example.org/x.qcow2', digest })
  const free = 'http://example.org/x#unchecked'
  assert.deepEqual(parseImageRef(free), { kind: 'url', text: free, url: 'http://example.org/x' })
})

test('what is none of these says what to write', () => {
  const refused = (text: string): string => {
    try {
      parseImageRef(text)
    } catch (error) {
      assert.ok(error instanceof UsageError)
      return [error.message, ...error.hints].join('; ')
    }
    return ''
  }
  assert.match(refused('https://example.org/x'), /does not say what the file must be; .*#sha256:HEX.*; .*#unchecked/)
  assert.match(refused(`https://example.org/x#sha512:${sha256}`), /is not a digest/)
  assert.match(refused('https://me:secret@example.org/x#unchecked'), /a name or a password/)
  assert.match(refused('https:///x#unchecked'), /URL/)
  for (const text of [
    '',
    './x.qcow2',
    'x y',
    'ftp://x/y',
    '@latest',
    'debian@',
    'mmdebstrap:',
    'mmdebstrap:a/b',
    `/x\n`,
    `a${'b'.repeat(2000)}`,
  ])
    assert.match(refused(text), /is not an image: /, text)
})

test('a digest has as many digits as it must', () => {
  assert.deepEqual(parseDigest(`sha512=${sha256}${sha256}`), { algorithm: 'sha512', hex: `${sha256}${sha256}` })
  for (const text of ['', 'sha256:', `sha256:${sha256}0`, `md5:${sha256}`, `sha256:${sha256.replace('0', 'g')}`, sha256])
    assert.equal(parseDigest(text), undefined, text)
})
