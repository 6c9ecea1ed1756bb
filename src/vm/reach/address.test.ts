import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linkLocalOf, neighboursIn } from './address.js'

test('the addresses that the host has seen a card use are found, those of one link with its name', () => {
  const text = `192.168.7.5 dev br0 lladdr 52:54:01:02:03:04 REACHABLE
192.168.7.6 dev br0 lladdr 52:54:01:02:03:05 STALE
192.168.7.7 dev br0  FAILED
192.168.7.8 dev br0 lladdr 52:54:01:02:03:04 FAILED
fe80::5054:1ff:fe02:304 dev br0 lladdr 52:54:01:02:03:04 DELAY
fd00::1 dev br0 lladdr 52:54:01:02:03:04 router STALE
`
  assert.deepEqual(neighboursIn(text, new Set(['52:54:01:02:03:04'])), ['192.168.7.5', 'fe80::5054:1ff:fe02:304%br0', 'fd00::1'])
  assert.deepEqual(neighboursIn('', new Set(['52:54:01:02:03:04'])), [])
})

test("a card's address on its link follows from its own", () => {
  assert.equal(linkLocalOf('52:54:00:12:34:56'), 'fe80::5054:ff:fe12:3456')
  assert.equal(linkLocalOf('02:00:00:00:00:01'), 'fe80::0:ff:fe00:1')
})
