import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { hasEnded, processMark } from './mark.js'

test('a process that runs has not ended', () => {
  assert.match(processMark(), /^[0-9a-f]{8}\.\d+\.\d+\.\d+$/)
  assert.equal(hasEnded(processMark()), false)
})

test('a process that is gone has ended, also when its pid is another process now', async () => {
  const child = spawn('sleep', ['60'])
  const mark = processMark(child.pid)
  assert.equal(hasEnded(mark), false)
  child.kill('SIGKILL')
  await new Promise((resolve) => child.on('exit', resolve))
  assert.equal(hasEnded(mark), true)
  assert.equal(hasEnded(processMark().replace(/\d+$/, '1')), true)
})

test('another boot has ended; another pid namespace cannot be known', () => {
  const [, namespace, pid, tick] = processMark().split('.')
  assert.equal(hasEnded(`00000000.${namespace}.${pid}.${tick}`), true)
  const ended = spawnSync('true').pid
  assert.equal(hasEnded(processMark(ended).replace(/\.\d+\./, '.1.')), false)
})
