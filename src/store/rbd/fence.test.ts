import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fenceCommand, fenceMachineCommand, machineOf, unfenceCommand, watchersOf } from './fence.js'

const watcher = { address: '10.0.0.5:0/2436325740', client: 'client.4175' }

test('watchers, as rbd status writes them', () => {
  const one = { address: '10.0.0.5:0/2436325740', client: 4175, cookie: 140078076758416 }
  assert.deepEqual(watchersOf(JSON.stringify({ watchers: [one] })), [watcher])
  assert.deepEqual(watchersOf('{"watchers":[]}'), [])
  assert.deepEqual(watchersOf(JSON.stringify({ watchers: { watcher: one } })), [watcher], 'as Ceph 12 wrote it')
  assert.deepEqual(watchersOf('{"watchers":[{"address":"[fd00::5]:0/7","client":1}]}'), [
    { address: '[fd00::5]:0/7', client: 'client.1' },
  ])
})

test('what is no such answer is refused; an address that is none goes into no command', () => {
  for (const wrong of [
    '',
    '[]',
    '{}',
    '{"watchers":7}',
    '{"watchers":[{"address":1,"client":1}]}',
    '{"watchers":[{"address":"x"}]}',
  ]) {
    assert.throws(() => watchersOf(wrong), wrong)
  }
  assert.deepEqual(watchersOf('{"watchers":[{"address":"$(reboot)","client":1},{"address":"1.2.3.4:0/1;x","client":1}]}'), [])
})

test('a client, or all of a machine, is shut out, and let in again', () => {
  assert.deepEqual(fenceCommand(watcher, 60), ['ceph', 'osd', 'blocklist', 'add', '10.0.0.5:0/2436325740', '60'])
  assert.equal(machineOf(watcher), '10.0.0.5')
  assert.equal(machineOf({ address: 'v2:[fd00::5]:0/7' }), 'fd00::5')
  assert.equal(fenceMachineCommand('10.0.0.5', 3600).join(' '), 'ceph osd blocklist add 10.0.0.5:0/0 3600')
  assert.equal(fenceMachineCommand('fd00::5', 3600).at(-2), '[fd00::5]:0/0')
  assert.equal(unfenceCommand('10.0.0.5').join(' '), 'ceph osd blocklist rm 10.0.0.5:0/0')
})
