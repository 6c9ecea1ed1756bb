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
  // @ts-expect-error -- a node without a driver
  await qmp.execute('blockdev-add', { 'node-name': 'd0' })
  // @ts-expect-error -- nobody has looked at that part of the answer
  void (await qmp.execute('query-status')).running
  // @ts-expect-error -- no such event
  await qmp.waitFor('SHUT_DOWN', { timeoutMs: 1 })
}

/** Compiled, never called: what is right must be accepted. */
async function rightUses(qmp: Qmp): Promise<readonly unknown[]> {
  await qmp.execute('quit')
  await qmp.execute('quit', {})
  await qmp.execute('block_resize', { device: 'd0', size: 1024 }, { timeoutMs: 10 })
  await qmp.execute('blockdev-add', {
    driver: 'qcow2',
    'node-name': 'd0',
    backing: null,
    file: { driver: 'file', filename: '/x' },
  })
  const paused = (await qmp.execute('query-status')).status === 'paused'
  const files: string[] = (await qmp.execute('query-block')).flatMap(({ inserted }) => inserted?.file ?? [])
  const { data } = await qmp.waitFor('SHUTDOWN', { timeoutMs: 1, matching: ({ data }) => data['reason'] === 'guest-shutdown' })
  return [paused, files, data['guest']]
}

test('wrong commands, arguments, answers and events do not compile', () => {
  assert.equal(typeof mistakes, 'function')
  assert.equal(typeof rightUses, 'function')
})
