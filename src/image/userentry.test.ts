import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UsageError } from '../core/errors.js'
import { catalogue } from './catalogue.js'
import { traitsOf, type Entry } from './entry.js'
import { findEntry } from './find.js'
import { withUserEntries } from './userentry.js'

type Values = Readonly<Record<string, string | readonly string[]>>

function entries(name: string, values: Values): Entry[] {
  const file = `/c/${name}.image`
  const all = new Map(Object.entries(values).map(([field, value]) => [field, { value, where: `${file}:1:1` }]))
  return withUserEntries(catalogue, [{ name, file, values: all }])
}

const entry = (name: string, values: Values): Entry => findEntry(entries(name, values), name)

const refused = (name: string, values: Values): string => {
  try {
    entries(name, values)
  } catch (error) {
    assert.ok(error instanceof UsageError)
    return [error.message, ...error.hints].join('; ')
  }
  return ''
}

test('an entry of a name of the catalogue changes what it says, and keeps the rest', () => {
  const debian = findEntry(catalogue, 'debian-13')
  const mirrored = entry('debian-13', { mirror: 'https://mirror.example' })
  assert.deepEqual(mirrored, { ...debian, mirror: 'https://mirror.example' })
  assert.equal(findEntry(entries('debian-13', { user: 'me' }), 'debian').user, 'me')
  assert.equal(entries('debian-13', {}).length, catalogue.length)
})

test('another place takes away what was known of the old one', () => {
  const own = entry('ubuntu-24.04', { url: 'https://example.org/{arch}.img', sha256: 'AB'.repeat(32) })
  assert.deepEqual([own.list, own.signature, own.dated, own.isUnpinned], [undefined, undefined, undefined, true])
  assert.deepEqual(own.digest, { algorithm: 'sha256', hex: 'ab'.repeat(32) })
  assert.equal(own.user, 'ubuntu')
})

test('an entry of its own needs a place, and may be like another', () => {
  const own = entry('ours', {
    like: 'fedora-44',
    url: 'https://example.org/x',
    agent: 'no',
    firmware: ['uefi'],
    min_mem: '2G',
    cpu: 'v3',
  })
  assert.deepEqual([own.id, own.user, own.aliases, own.hasAgent, own.minMemBytes], ['ours', 'fedora', [], false, 2 ** 31])
  assert.deepEqual(traitsOf(own, 'x86_64').firmware, ['uefi'])
  assert.equal(traitsOf(own, 'x86_64').cpu, 'v3')
  assert.match(refused('ours', { user: 'me' }), /does not say where the image is; add url=/)
  assert.match(refused('ours', { like: 'fedra' }), /no image "fedra" to be like/)
})

test('lists and signatures are whole, or refused', () => {
  const url = 'https://example.org/x.img'
  const fingerprint = 'D2EB44626FDDC30B513D5BB71A5D6C4C7DB87C81'
  const list = { url, list: 'SUMS', list_format: 'gnu', list_alone: 'yes' }
  assert.deepEqual(entry('x', list).list, { url: 'SUMS', format: 'gnu', isLone: true })
  const signed = { ...list, signature: 'SUMS.asc', keyring: '/k.gpg', keys: [fingerprint.toLowerCase()] }
  assert.deepEqual(entry('x', signed).signature, { kind: 'detached', url: 'SUMS.asc', ring: '/k.gpg', keys: [fingerprint] })
  assert.equal(entry('x', { ...signed, signature: 'clear' }).signature?.kind, 'clear')
  assert.equal(entry('x', { ...signed, signature_of: 'image' }).signature?.kind, 'file')
  assert.match(refused('x', { url, list: 'SUMS' }), /the list has no format/)
  for (const wrong of [{ keys: [] }, { keyring: 'k.gpg' }, { keys: ['D2EB'] }]) {
    assert.match(refused('x', { ...signed, ...wrong }), /needs a ring of keys/)
  }
})

test('a field or a value that is not known is refused with its place', () => {
  const url = 'https://example.org/x.img'
  assert.match(refused('x', { url, usr: 'me' }), /^\/c\/x\.image:1:1: an image has no "usr"; did you mean user\?/)
  assert.match(refused('x', { url, seed: 'nocluod' }), /seed is nocloud, .*not "nocluod"/)
  assert.match(refused('x', { url: 'ftp://x/y' }), /is not a URL/)
  for (const wrong of [{ mirror: 'example.org' }, { dated: '/x' }, { list: 'http://[' }, { signature: 'file:///x.asc' }])
    assert.match(refused('x', { url, ...wrong }), /^\/c\/x\.image:1:\d+: ".*" is not a URL/)
  assert.match(refused('x', { url, sha256: 'ab' }), /not a digest/)
  assert.match(refused('x', { url, arches: ['vax'] }), /"vax" is not one of/)
  assert.match(refused('X y', { url }), /is not the name of an image/)
})
