import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bounded, outOfTime } from './bounds.js'
import { run } from './process.js'

const memoryBytes = 512 * 2 ** 20

test('a program within its bounds gets its words as they are, and its status is handed on', async () => {
  const { status, stdout } = await run(
    bounded(['sh', '-c', 'printf "<%s>" "$@"; exit 7', 'x', ' a  b ', '', '$(id)'], { memoryBytes }),
  )
  assert.deepEqual([status, stdout], [7, '< a  b ><><$(id)>'])
})

test('one that wants more memory is refused it, one that works on is ended', async () => {
  const greedy = await run(bounded(['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=1G', 'count=1'], { memoryBytes }))
  assert.notEqual(greedy.status, 0)
  assert.match(greedy.stderr, /memory/)
  const busy = await run(bounded(['sh', '-c', 'while :; do :; done'], { memoryBytes, cpuSeconds: 1 }))
  assert.equal(busy.status, outOfTime)
})

test('where less is allowed already, that is what it may take', async () => {
  const command = bounded(['sh', '-c', 'ulimit -v; ulimit -t'], { memoryBytes: 4 * memoryBytes, cpuSeconds: 100 })
  const held = [
    'setpriv',
    '--reuid=65534',
    '--clear-groups',
    'sh',
    '-c',
    'ulimit -v 524288; ulimit -t 9; exec "$@"',
    'sh',
    ...command,
  ]
  const { status, stdout, stderr } = await run(process.geteuid?.() === 0 ? held : held.slice(3))
  assert.deepEqual([status, stdout, stderr], [0, '524288\n9\n', ''])
})
