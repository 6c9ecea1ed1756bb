import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flow } from './flow.js'

function* pieces(count: number): Generator<Buffer> {
  for (let at = 0; at < count; at++) yield Buffer.alloc(64 * 1024, at)
}

test('much goes in and out, at the pace of the program', async () => {
  let length = 0
  const { status, stderr } = await flow(['sh', '-c', 'cat; echo done >&2; exit 3'], {
    input: pieces(200),
    take: (piece) => (length += piece.length),
  })
  assert.deepEqual([status, stderr.toString(), length], [3, 'done\n', 200 * 64 * 1024])
})

test('one that does not read its input is judged by its status', async () => {
  assert.equal((await flow(['sh', '-c', 'exit 4'], { input: pieces(200) })).status, 4)
})

test('what the input or the taker throws ends it', async () => {
  const wrong = new Error('wrong')
  function* failing(): Generator<Buffer> {
    yield Buffer.from('x')
    throw wrong
  }
  await assert.rejects(flow(['sleep', '100'], { input: failing() }), wrong)
  const take = (): void => {
    throw wrong
  }
  await assert.rejects(flow(['sh', '-c', 'echo x; exec sleep 100'], { take }), wrong)
})

test('giving up ends it with the reason; one that is not there is told', async () => {
  await assert.rejects(flow(['sleep', '100'], { signal: AbortSignal.timeout(50) }), { name: 'TimeoutError' })
  await assert.rejects(flow(['/no/such/program'], {}), /cannot run \/no\/such\/program/)
})
