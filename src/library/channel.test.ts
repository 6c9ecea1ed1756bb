import assert from 'node:assert/strict'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import type { Worker } from 'node:worker_threads'
import { threadLink, type Link } from './link.js'

const home = fs.mkdtempSync(path.join(tmpdir(), 'nbsvm-channel-'))
after(() => fs.rmSync(home, { recursive: true }))

/** Threads that were started, in order. */
const threads: Worker[] = []
process.on('worker', (worker) => void threads.push(worker))

/** A link to a thread of its own. */
function ownLink(name: string): Link {
  threads.length = 0
  return threadLink({ PATH: process.env['PATH'], HOME: home, NBSVM_HOME: path.join(home, name) })
}

// A thread that did not answer would be waited for until the end of time.
const timeout = 60_000

test('a stream between two items fails with its thread, and the next call has another', { timeout }, async () => {
  const link = ownLink('between')
  const items = link.stream('watch.list', {}, 10)
  assert.deepEqual(await items.next(), { done: false, value: [] })
  await threads[0]?.terminate()
  await assert.rejects(items.next(), /the thread of nbsvm has ended/)
  assert.deepEqual(await items.next(), { done: true, value: undefined })
  assert.equal(threads.length, 1)
  assert.deepEqual(await link.call('host.list', {}), [])
  assert.equal(threads.length, 2)
})

test('what is waited for fails with its thread', { timeout }, async () => {
  const items = ownLink('amid').stream('watch.list', {}, 600_000)
  await items.next()
  const next = items.next()
  await threads[0]?.terminate()
  await assert.rejects(next, /the thread of nbsvm has ended/)
})

test('to leave or abort what was lost with its thread starts no other', { timeout }, async () => {
  const link = ownLink('left')
  const left = link.stream('watch.list', {}, 10)
  const over = new AbortController()
  const aborted = link.stream('watch.list', { signal: over.signal }, 10)
  await Promise.all([left.next(), aborted.next()])
  await threads[0]?.terminate()
  await left.return()
  over.abort()
  await assert.rejects(aborted.next(), /has ended/)
  assert.equal(threads.length, 1)
})
