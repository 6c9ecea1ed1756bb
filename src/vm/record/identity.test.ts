import assert from 'node:assert/strict'
import { test } from 'node:test'
import { identityOf01, macOf, newIdentity, randomUuid } from './identity.js'

const host = '0123456789abcdef0123456789abcdef'
const place = { records: '/var/lib/nbsvm/vms' }
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-(?<version>[48])[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

test('a VM has its identity by host, place and id: another on another host, for another user, for another VM', () => {
  const foo = newIdentity(host, place, 'foo')
  assert.deepEqual(newIdentity(host, place, 'foo'), foo)
  const others = [
    newIdentity(host.replace('0', '1'), place, 'foo'),
    newIdentity(host, { records: '/home/u/.local/share/nbsvm/vms' }, 'foo'),
    ...Array.from({ length: 300 }, (_, number) => newIdentity(host, place, `vm${number}`)),
  ]
  const all = [foo, ...others]
  assert.equal(new Set(all.map((one) => one.uuid)).size, all.length)
  assert.equal(new Set(all.flatMap(({ macs }) => macs)).size, all.length * foo.macs.length)
  for (const one of all) {
    assert.equal(uuid.exec(one.uuid)?.groups?.['version'], '8')
    for (const mac of one.macs) assert.match(mac, /^52:54(:[0-9a-f]{2}){4}$/)
  }
})

test('each card has an address, also one behind those that are written down', () => {
  const foo = newIdentity(host, place, 'foo')
  const addresses = Array.from({ length: 40 }, (_, index) => macOf(foo, index))
  assert.equal(new Set(addresses).size, 40)
  assert.deepEqual(addresses.slice(0, foo.macs.length), foo.macs)
  for (const mac of addresses) assert.match(mac, /^52:54(:[0-9a-f]{2}){4}$/)
})

test('what nbsvm 0.1 made of a name never changes: its guests keep it', () => {
  assert.equal(identityOf01('foo').uuid, '47eba85f-65c3-8b6c-87e8-2d07886700b3')
  assert.deepEqual(identityOf01('foo').macs.slice(0, 2), ['52:54:c0:b8:40:24', '52:54:b5:91:7e:a2'])
})

test('a random UUID is of version 4, and new each time', () => {
  const many = Array.from({ length: 100 }, randomUuid)
  assert.equal(new Set(many).size, 100)
  for (const one of many) assert.equal(uuid.exec(one)?.groups?.['version'], '4')
})
