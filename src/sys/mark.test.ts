import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fateOf, processMark } from './mark.js'

/** Our mark with some of its fields replaced. */
function markWith(change: { host?: string; boot?: string; namespace?: string; pid?: string; tick?: string }): string {
  const [host = '', boot = '', namespace = '', pid = '', tick = ''] = processMark().split('.')
  const fields = { host, boot, namespace, pid, tick, ...change }
  return [fields.host, fields.boot, fields.namespace, fields.pid, fields.tick].join('.')
}

test('a process that runs', () => {
  assert.match(processMark(), /^[0-9a-f]{8}\.[0-9a-f]{8}\.\d+\.\d+\.\d+$/)
  assert.equal(fateOf(processMark()), 'runs')
})

test('a process that is gone has ended, also when its pid is another process now', async () => {
  const child = spawn('sleep', ['60'])
  const mark = processMark(child.pid)
  assert.equal(fateOf(mark), 'runs')
  child.kill('SIGKILL')
  await new Promise((resolve) => child.on('exit', resolve))
  assert.equal(fateOf(mark), 'ended')
  assert.equal(fateOf(markWith({ tick: '1' })), 'ended')
})

test('a process that has ended has ended, although its parent has not asked yet how', async () => {
  // The shell has become a program that asks after no child.
  const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'])
  try {
    const [text] = (await once(parent.stdout, 'data')) as [Buffer]
    const pid = Number(text.toString())
    const mark = processMark(pid)
    assert.equal(fateOf(mark), 'runs')
    process.kill(pid, 'SIGKILL')
    const deadline = Date.now() + 5000
    while (fateOf(mark) === 'runs' && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10))
    assert.equal(fateOf(mark), 'ended')
  } finally {
    parent.kill('SIGKILL')
  }
})

test('another boot of this host has ended; another host, or pid namespace, cannot be known', () => {
  // A host without an id cannot tell its own boots from those of others.
  const hasId = !processMark().startsWith('00000000.')
  assert.equal(fateOf(markWith({ boot: '00000000' })), hasId ? 'ended' : 'unknown')
  assert.equal(fateOf(markWith({ host: '0badcafe', boot: '00000000' })), 'unknown')
  assert.equal(fateOf(markWith({ host: '00000000', boot: '00000000' })), 'unknown')
  const pid = String(spawnSync('true').pid)
  assert.equal(fateOf(markWith({ pid })), 'ended')
  assert.equal(fateOf(markWith({ pid, namespace: '1' })), 'unknown')
})

test('what is not a mark is of unknown fate: the marks of 0.1, which name no host, and anything else', () => {
  const own = processMark()
  const odd = [
    '',
    own.slice(9),
    `00000000.${own.slice(18)}`,
    `${own}.1`,
    markWith({ pid: '-1' }),
    markWith({ pid: 'x' }),
    markWith({ pid: '0' }),
  ]
  for (const mark of odd) assert.equal(fateOf(mark), 'unknown', mark)
})
