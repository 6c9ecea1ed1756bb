// Lines about one VM that come at the same moment, or are cut off in the midst, by the real program and a real QEMU.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { before, test } from 'node:test'
import { makeHome, program } from '../cli.js'

const home = makeHome()
const { nbsvm } = home

before(() => nbsvm(['two', 'drive_size=1G', 'newimg']))

async function statusOf(id: string): Promise<{ state: string; pid: number | null }> {
  return JSON.parse((await nbsvm([id, 'status', '--json'])).stdout) as { state: string; pid: number | null }
}

test('50 starts at once: one winner, 49 clear losers, and the winner can be reached', async () => {
  const results = await Promise.all(Array.from({ length: 50 }, () => nbsvm(['two', 'start'])))
  assert.equal(results.filter(({ status }) => status === 0).length, 1)
  for (const { status, stderr } of results.filter((one) => one.status !== 0)) {
    assert.equal(status, 1)
    assert.match(stderr, /cannot start two: it (runs already|is starting already)/)
  }
  assert.equal((await statusOf('two')).state, 'running')
  assert.match((await nbsvm(['two', 'monitor'], { input: 'info status\n' })).stdout, /VM status: running/)
  await nbsvm(['two', 'stop'])
})

test('start --if-needed: a VM that runs is no error, and of twelve at once one starts it and all find it running', async () => {
  const results = await Promise.all(Array.from({ length: 12 }, () => nbsvm(['two', 'start', '--if-needed', '-S'])))
  const { pid } = await statusOf('two')
  for (const { status, stderr } of results) {
    assert.equal(status, 0, stderr)
    assert.match(stderr, new RegExp(`^(?:started two as|two runs already as) pid ${pid}$`, 'm'))
  }
  assert.equal(results.filter(({ stderr }) => /^started/m.test(stderr)).length, 1)
  const again = await nbsvm(['two', 'start', '--if-needed', 'status'])
  assert.equal(again.status, 0, again.stderr)
  assert.match(again.stdout, /state +paused/)
  const refused = await nbsvm(['two', 'stop', 'start', '--if-needed', '-device', 'no-such-device'])
  assert.equal(refused.status, 1)
  assert.match(refused.stderr, /cannot start two: QEMU refused/)
  const ended = await nbsvm(['two', 'shutdown', 'stop', 'shutdown'])
  assert.equal(ended.status, 0)
  assert.equal(ended.stderr.match(/two was not running/g)?.length, 3)
})

test('nbsvm killed in the midst of start: the VM runs or does not, and the next command works', async () => {
  for (const afterMs of [20, 60, 100, 140, 180, 250]) {
    const child = spawn(program, ['two', 'start'], { env: home.env, stdio: 'ignore' })
    await new Promise((resolve) => setTimeout(resolve, afterMs))
    child.kill('SIGKILL')
    await new Promise((resolve) => setTimeout(resolve, 300))
    assert.ok(['running', 'stopped'].includes((await statusOf('two')).state))
    assert.equal((await nbsvm(['two', 'stop', 'start'])).status, 0)
    assert.equal((await nbsvm(['two', 'stop'])).status, 0)
  }
})

test('snapshot, resize and rm beside rm: done, or told that the VM is gone; nothing of it stays', async () => {
  for (let at = 0; at < 6; at++) {
    assert.equal((await nbsvm(['leaving', 'drive_size=1M', 'newimg'])).status, 0)
    const removing = nbsvm(['leaving', 'rm', '--yes'])
    await new Promise((resolve) => setTimeout(resolve, at * 10))
    const lines = [
      ['beside', 'gold=leaving', 'snapshot'],
      ['leaving', 'resize', '+1M'],
      ['leaving', 'rm', '--yes'],
    ]
    const results = await Promise.all(lines.map((line) => nbsvm(line)))
    // The other may have been first, or both told that something is at work.
    if ((await removing).status !== 0) await nbsvm(['leaving', 'rm', '--yes'])
    for (const { stderr } of results) assert.doesNotMatch(stderr, /ENOENT|failed/)
    const { stdout } = await nbsvm(['ls', '--json'])
    assert.equal(
      (JSON.parse(stdout) as { id: string }[]).find(({ id }) => id === 'leaving'),
      undefined,
    )
    await nbsvm(['beside', 'rm', '--yes'])
  }
})

test('start beside rm: the VM runs with its drive, or it is gone; never without its drive, and nothing of it stays', async () => {
  for (let at = 0; at < 12; at++) {
    assert.equal((await nbsvm(['beside', 'drive_size=1M', 'newimg'])).status, 0)
    const starting = nbsvm(['beside', 'start'])
    await new Promise((resolve) => setTimeout(resolve, at * 15))
    const [started, removed] = await Promise.all([starting, nbsvm(['beside', 'rm', '--yes'])])
    const statuses = `start ${started.status}, rm ${removed.status}`
    assert.match(statuses, /start 0, rm 1|start [12], rm 0/, `${started.stderr}${removed.stderr}`)
    const { stdout } = await nbsvm(['ls', '--json'])
    const vm = (JSON.parse(stdout) as { id: string; state: string; drives: string[] }[]).find(({ id }) => id === 'beside')
    if (started.status === 0) {
      assert.deepEqual([vm?.state, vm?.drives], ['running', ['nbsvm-beside-0']])
      assert.equal((await nbsvm(['beside', 'stop', 'rm', '--yes'])).status, 0)
    } else assert.equal(vm, undefined, started.stderr)
  }
})
