import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import type { Arch } from '../model/guest.js'
import { parseDigest, parseImageRef } from '../model/imageref.js'
import { catalogue } from './catalogue.js'
import { fill, traitsOf } from './entry.js'
import { findEntry } from './find.js'
import { pins } from './pins.js'

const home = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-keys-'))
after(() => fs.rmSync(home, { recursive: true, force: true }))

/** The primary keys of a vendor's ring, and when each ends, in seconds since 1970. */
function keysOf(ring: string): Map<string, number> {
  const file = path.resolve('keys', `${ring}.gpg`)
  const text = execFileSync('gpg', ['--homedir', home, '--batch', '--with-colons', '--show-keys', file], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const keys = new Map<string, number>()
  let end = Infinity
  let isPrimary = false
  for (const fields of text.split('\n').map((line) => line.split(':'))) {
    const [kind] = fields
    if (kind === 'pub') end = fields[6] ? Number(fields[6]) : Infinity
    if (kind === 'fpr' && isPrimary) keys.set(fields[9] ?? '', end)
    isPrimary = kind === 'pub'
  }
  return keys
}

const rings = new Map<string, Set<string>>()
for (const { signature } of catalogue) {
  if (signature !== undefined) rings.set(signature.ring, new Set([...(rings.get(signature.ring) ?? []), ...signature.keys]))
}

test('each ring holds the keys that the catalogue lets sign, and no other', () => {
  for (const [ring, keys] of rings) assert.deepEqual([...keysOf(ring).keys()].toSorted(), [...keys].toSorted(), ring)
  const files = fs.readdirSync('keys').map((name) => path.basename(name, '.gpg'))
  assert.deepEqual(files.toSorted(), [...rings.keys()].toSorted())
})

test('no key ends within 120 days: then scripts/keyrings is to be run', () => {
  const soon = Date.now() / 1000 + 120 * 24 * 3600
  for (const ring of rings.keys()) {
    for (const [key, end] of keysOf(ring)) {
      if (end <= soon) assert.fail(`${ring}: ${key} ends on ${new Date(end * 1000).toISOString()}`)
    }
  }
})

test('every name leads to one entry, which says where it is and what it must be, over https alone', () => {
  const names = catalogue.flatMap(({ id, aliases }) => [id, ...aliases])
  assert.equal(new Set(names).size, names.length)
  for (const name of names) assert.equal(parseImageRef(name).kind, 'name', name)
  for (const entry of catalogue) {
    assert.equal(findEntry(catalogue, entry.id), entry)
    const arches = Object.keys(entry.arches) as Arch[]
    assert.ok(arches.includes('x86_64'), entry.id)
    for (const arch of arches) {
      const words = { ...entry.arches[arch], serial: '1', file: 'f', stem: 's' }
      for (const template of [entry.url, entry.dated ?? entry.url, entry.list?.url ?? assert.fail(entry.id)]) {
        const url = new URL(fill(template, words), fill(entry.url, words))
        assert.equal(url.protocol, 'https:')
        assert.doesNotMatch(url.href, /[{}%]/)
      }
      const { user, minMemBytes, os: id } = traitsOf(entry, arch)
      assert.match(user, /^[a-z-]+$/)
      assert.ok(minMemBytes >= 2 ** 28 && Number.isInteger(minMemBytes))
      assert.equal(id, entry.id)
    }
  }
})

test('what the issue asks for is there', () => {
  for (const name of [
    'debian-12',
    'trixie',
    'jammy',
    'noble',
    'resolute',
    'fedora-43',
    'alpine',
    'arch',
    'opensuse',
    'rocky-9',
    'alma-10',
  ])
    findEntry(catalogue, name)
  for (const name of ['centos-9', 'centos-10', 'freebsd']) findEntry(catalogue, name)
  assert.throws(() => findEntry(catalogue, 'debain'), /there is no image "debain"/)
})

test('pins are digests of entries', () => {
  for (const [key, { digest, url }] of Object.entries(pins)) {
    const [id, arch] = key.split('/')
    assert.ok(
      catalogue.some((entry) => entry.id === id && Object.hasOwn(entry.arches, arch ?? '')),
      key,
    )
    assert.ok(parseDigest(digest) !== undefined && url.startsWith('https://'), key)
  }
})
