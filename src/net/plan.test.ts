import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseForwards } from '../model/forward.js'
import { parseMac } from '../model/nic.js'
import { passtHelper } from './passt.js'
import { planNics, type NetMeans } from './plan.js'
import { makingCommands, removeTaps, tapName } from './tap.js'

const plain = { net_if: 'virtio-net-pci', mac: undefined, forward: undefined, bridge: undefined }
const asUser: NetMeans = {
  macOf: (index) => `mac${index}`,
  tapOf: (index) => `tap${index}`,
  mtuOf: () => 9000,
  prefersTap: false,
}
const asRoot = { ...asUser, prefersTap: true }

test('a MAC address is checked', () => {
  assert.equal(planNics(plain, asUser)[0]?.mac, 'mac0')
  assert.equal(parseMac('52:54:00:AB:cd:ef'), '52:54:00:ab:cd:ef')
  assert.throws(() => parseMac('52:54:00:ab:cd'), /is not a MAC address/)
  assert.throws(() => parseMac('01:00:5e:00:00:01'), /multicast/)
})

test('the network by default: a tap for root, the user network for others and wherever ports are forwarded', () => {
  assert.equal(planNics(plain, asUser)[0]?.backend.kind, 'user')
  assert.deepEqual(planNics(plain, asRoot)[0]?.backend, { kind: 'tap', ifname: 'tap0' })
  assert.equal(planNics({ ...plain, forward: parseForwards(['2222:22']) }, asRoot)[0]?.backend.kind, 'user')
  assert.deepEqual(planNics(plain, { ...asUser, passt: 'p.sock' })[0]?.backend, { kind: 'passt', socket: 'p.sock', forwards: [] })
})

test("what QEMU's user network cannot listen on is told; passt can", () => {
  const settings = { ...plain, forward: parseForwards(['[::1]:8080:80']) }
  assert.throws(() => planNics(settings, asUser), /\[::1\]:8080: QEMU's own user network listens on IPv4 addresses only/)
  assert.equal(planNics(settings, { ...asUser, passt: 'p.sock' })[0]?.backend.kind, 'passt')
})

test('passt gets each port with its address; none means all of them', () => {
  const forwards = parseForwards(['8080:80', '5353:53/udp', '*:81:81', '[::1]:82:82'])
  const { command } = passtHelper({ socket: 'run/passt.sock', forwards })
  const ports = ['-t', '127.0.0.1/8080:80', '-u', '127.0.0.1/5353:53', '-t', '81:81', '-t', '::1/82:82']
  assert.deepEqual(command.slice(-ports.length), ports)
})

test('a card for each bridge, each with its own address; mac= is that of the first', () => {
  const nics = planNics({ ...plain, bridge: ['br0', 'br1'], mac: '52:54:00:00:00:01' }, asUser)
  assert.deepEqual(
    nics.map(({ mac, backend }) => [mac, backend]),
    [
      ['52:54:00:00:00:01', { kind: 'tap', ifname: 'tap0', bridge: 'br0', mtu: 9000 }],
      ['mac1', { kind: 'tap', ifname: 'tap1', bridge: 'br1', mtu: 9000 }],
    ],
  )
  assert.throws(() => planNics({ ...plain, bridge: ['br0'], forward: parseForwards(['1:1']) }, asUser), /exclude each other/)
})

test("a tap's name has 15 bytes at most, and no two VMs or cards share one", () => {
  assert.equal(tapName('foo', 0), 'tap-foo')
  assert.equal(tapName('foo', 1), 'tap1-foo')
  assert.equal(tapName('a-name-of-11', 0).length, 15)
  const names = ['x'.repeat(64), 'x'.repeat(63), 'foo-1', 'foo'].flatMap((id) => [0, 1, 12].map((index) => tapName(id, index)))
  assert.equal(new Set(names).size, names.length)
  for (const name of names) assert.ok(name.length <= 15, name)
  assert.notEqual(tapName('foo', 0, '/tmp/a'), tapName('foo', 0, '/tmp/b'))
})

test('a tap is made for its user, with the MTU of its bridge', () => {
  const lines = makingCommands({ name: 'tap-foo', bridge: 'br0', mtu: 9000, uid: 65534 }).map((words) => words.join(' '))
  assert.deepEqual(lines, [
    'ip tuntap add dev tap-foo mode tap user 65534',
    'ip link set dev tap-foo mtu 9000 address fe:7b:ac:d3:ef:fa master br0 up',
  ])
})

test('what has the name of a tap and is none is not removed, nor what is not there', async () => {
  const lines: string[] = []
  await removeTaps(['lo', 'no-such-tap', '..'], (command) => {
    lines.push(command.join(' '))
    return Promise.resolve({ status: 0, stdout: '', stderr: '' })
  })
  assert.deepEqual(lines, [])
})
