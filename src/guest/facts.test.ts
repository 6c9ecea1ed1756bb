import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AgentRefused, type Agent } from './agent.js'
import { guestFacts, guestTraffic } from './facts.js'

/** An agent that answers so; it refuses what is not there. */
function agentThat(answers: Readonly<Record<string, unknown>>): Agent {
  return {
    ask: ((command: string) =>
      command in answers
        ? Promise.resolve(answers[command])
        : Promise.reject(new AgentRefused(command, { class: 'CommandNotFound', desc: 'disabled' }))) as Agent['ask'],
    tell: () => Promise.resolve(),
  }
}

test('host name, system and the addresses by which others reach it', async () => {
  const agent = agentThat({
    'guest-get-host-name': { 'host-name': 'web' },
    'guest-get-osinfo': { id: 'debian', 'pretty-name': 'Debian GNU/Linux 12 (bookworm)' },
    'guest-network-get-interfaces': [
      { name: 'lo', 'ip-addresses': [{ 'ip-address': '127.0.0.1' }, { 'ip-address': '::1' }] },
      { name: 'ens2', 'ip-addresses': [{ 'ip-address': '10.0.2.15' }, { 'ip-address': 'fe80::1' }, { 'ip-address': 'fec0::5' }] },
      { name: 'down' },
    ],
  })
  assert.deepEqual(await guestFacts(agent, 1000), {
    hostname: 'web',
    os: 'Debian GNU/Linux 12 (bookworm)',
    addresses: [
      { interface: 'ens2', address: '10.0.2.15' },
      { interface: 'ens2', address: 'fec0::5' },
    ],
  })
})

test('a guest that lies moves no cursor, fills no screen, and has no address that is none', async () => {
  const many = Array.from({ length: 500 }, (_, at) => ({ 'ip-address': `10.0.${at >> 8}.${at & 255}` }))
  const agent = agentThat({
    'guest-get-host-name': { 'host-name': `\u001B[2Jx\n${'y'.repeat(10_000)}` },
    'guest-network-get-interfaces': [
      { name: 'eth0\u001B[31m', 'ip-addresses': [{ 'ip-address': '1.2.3.4\n' }, { 'ip-address': '\u001B[5n' }, ...many] },
    ],
  })
  const { hostname, os, addresses } = await guestFacts(agent, 1000)
  assert.match(hostname ?? '', /^\?\[2Jx y{194}$/)
  assert.equal(os, null)
  assert.equal(addresses.length, 64)
  assert.deepEqual(addresses[0], { interface: 'eth0?[31m', address: '10.0.0.0' })
})

test('what its network cards have carried, without the loopback; nothing where nobody counts', async () => {
  const counted = (received: number, sent: number) => ({ 'rx-bytes': received, 'tx-bytes': sent })
  const cards = [
    { name: 'lo', statistics: counted(1000, 1000) },
    { name: 'ens2', statistics: counted(5, 7) },
    { name: 'ens3', statistics: counted(1, 2) },
    { name: 'old' },
  ]
  const agent = agentThat({ 'guest-network-get-interfaces': cards })
  assert.deepEqual(await guestTraffic(agent, 1000), { receivedBytes: 6, sentBytes: 9 })
  assert.equal(await guestTraffic(agentThat({}), 1000), undefined)
})
