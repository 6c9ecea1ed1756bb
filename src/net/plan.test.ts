import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseForward, planNics } from './plan.js'

test('ports are read as host, then guest', () => {
  assert.deepEqual(parseForward('2222:22'), { hostPort: 2222, guestPort: 22, protocol: 'tcp' })
  assert.deepEqual(parseForward('udp:5353:53'), { hostPort: 5353, guestPort: 53, protocol: 'udp' })
  for (const text of ['22', 'a:b', '0:22', '2222:70000', '2222:22:1', 'sctp:1:2', '2222:22,x']) {
    assert.throws(() => parseForward(text), /is no pair of ports/, text)
  }
})

test('a MAC address is checked', () => {
  const settings = { net_if: 'e1000', forward: undefined }
  const nics = (mac: string | undefined) => planNics({ ...settings, mac }, () => 'made')
  assert.equal(nics(undefined)[0]?.mac, 'made')
  assert.equal(nics('52:54:00:AB:cd:ef')[0]?.mac, '52:54:00:ab:cd:ef')
  assert.throws(() => nics('52:54:00:ab:cd'), /is no MAC address/)
  assert.throws(() => nics('01:00:5e:00:00:01'), /multicast/)
})
