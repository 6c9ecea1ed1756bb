import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseShares, tagsOf } from './share.js'

const parse = (...texts: string[]) => parseShares(texts, (path) => path)

test('a share is a folder here, a folder there, and whether it is only read', () => {
  assert.deepEqual(parse('/home/me/src:/src', '/a:b:/mnt//data/:ro', '/c:/c:rw'), [
    { hostPath: '/home/me/src', guestPath: '/src', readOnly: false },
    { hostPath: '/a:b', guestPath: '/mnt/data', readOnly: true },
    { hostPath: '/c', guestPath: '/c', readOnly: false },
  ])
  for (const text of ['/src', '/src:src', '/src:/', ':/src', '/src:/a/../b', '/src:/a\nb', '/src:/a:rx']) {
    assert.throws(() => parse(text), /is not a share/, text)
  }
  assert.throws(() => parse('/a:/src', '/b:/src/'), /two shares are to be \/src of the guest/)
})

test('tags are short, of plain letters, and each its own', () => {
  const shares = parse('/a:/src', '/b:/mnt/data', '/c:/mnt-data', `/d:/${'x'.repeat(40)}`, `/e:/${'x'.repeat(41)}`)
  const tags = tagsOf(shares)
  assert.deepEqual(tags.slice(0, 2), ['src', 'mnt-data'])
  assert.equal(new Set(tags).size, tags.length)
  for (const tag of tags) assert.match(tag, /^[\w.-]{1,31}$/)
})
