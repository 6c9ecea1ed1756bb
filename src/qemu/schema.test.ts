// The types hold what QEMU's schema says: the lines below each `@ts-expect-error` must not compile, or tsc fails.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Qmp } from './qmp.js'

/** Compiled, never called. */
async function mistakes(qmp: Qmp): Promise<void> {
  // @ts-expect-error -- no such command
  await qmp.execute('query-statuses')
  // @ts-expect-error -- missing arguments
  await qmp.execute('block_resize')
  // @ts-expect-error -- a missing member
  await qmp.execute('block_resize', { device: 'd0' })
  // @ts-expect-error -- a member of the wrong type
  await qmp.execute('block_resize', { device: 'd0', size: '20G' })
  // @ts-expect-error -- a member that the command does not take
  await qmp.execute('query-status', { verbose: true })
  // @ts-expect-error -- no such variant
  await qmp.execute('blockdev-add', { driver: 'qcow3', file: 'f0' })
  // @ts-expect-error -- a member of another variant
  await qmp.execute('blockdev-add', { driver: 'file', filename: '/x', host: 'y' })
  // @ts-expect-error -- a member that this variant needs
  await qmp.execute('netdev_add', { type: 'tap', id: 'n0', hostfwd: [] })
  // @ts-expect-error -- a key that is in no keyboard
  await qmp.execute('send-key', { keys: [{ type: 'qcode', data: 'any' }] })
  // @ts-expect-error -- the result has no such member
  void (await qmp.execute('query-status')).state
  // @ts-expect-error -- no such event
  await qmp.waitFor('SHUT_DOWN')
  // @ts-expect-error -- no such reason
  await qmp.waitFor('SHUTDOWN', { matching: ({ data }) => data.reason === 'guest-off' })
}

/** Compiled, never called: what is right must be accepted. */
async function rightUses(qmp: Qmp): Promise<readonly unknown[]> {
  await qmp.execute('quit')
  await qmp.execute('quit', {})
  await qmp.execute('block_resize', { device: 'd0', size: 1024 })
  await qmp.execute('blockdev-add', {
    driver: 'qcow2',
    'node-name': 'd0',
    backing: null,
    file: { driver: 'file', filename: '/x', locking: 'on', aio: 'threads' },
  })
  await qmp.execute('device_add', { driver: 'virtio-blk-pci', id: 'v0', drive: 'd0', bootindex: 1 })
  await qmp.execute('netdev_add', { type: 'user', id: 'n0', hostfwd: [{ str: 'tcp:127.0.0.1:2222-:22' }] })
  await qmp.execute('send-key', { keys: [{ type: 'qcode', data: 'ret' }], 'hold-time': 10 })
  const paused = (await qmp.execute('query-status')).status === 'paused'
  const files: string[] = (await qmp.execute('query-block')).flatMap(({ inserted }) => inserted?.file ?? [])
  const { data } = await qmp.waitFor('SHUTDOWN', { matching: ({ data }) => data.reason === 'guest-shutdown' })
  return [paused, files, data.guest]
}

test('wrong commands, arguments, variants, results and events do not compile', () => {
  assert.equal(typeof mistakes, 'function')
  assert.equal(typeof rightUses, 'function')
})
