// Forks of a guest that runs: what it had goes on in each of them, and nothing of what they do reaches the template or each other.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { connect } from '../src/sys/socket.js'
import { guestKernel, makeHome, program, until } from './cli.js'
import { guestPrompt, Serial } from './guest.js'
import { done } from './support/debian.js'
import { processesWith } from './support/moving.js'

const home = makeHome()
const { nbsvm, folder } = home
const forked = ['gold=base', 'identity=no']

const serialOf = (id: string): Promise<Serial> => Serial.open(path.join(folder, `state/${id}/run/console.sock`))

/** At the prompt of a shell to which other programs write as well: what the command says, between marks. */
async function ask(id: string, command: string): Promise<string> {
  const serial = await serialOf(id)
  serial.send(`echo "<""<"; ${command}; echo ">"">"\n`)
  const text = await serial.waitFor(/<<([^]*)>>/, 60_000)
  serial.close()
  return (/<<([^]*)>>/.exec(text)?.[1] ?? '').trim()
}

/** By how much this machine's clock is ahead of the guest's, which stands still with it; of many looks the one that took the least. */
async function hostAheadMs(id: string): Promise<number> {
  const socket = await connect(path.join(folder, `state/${id}/run/console.sock`))
  const ahead: number[] = []
  let rest = ''
  socket.setEncoding('utf8').on('data', (text: string) => {
    const nowMs = performance.now()
    rest += text
    for (const [, ns] of rest.matchAll(/now at (\d+) nsecs/g)) ahead.push(nowMs - Number(ns) / 1e6)
    rest = rest.slice(rest.lastIndexOf('\n') + 1)
  })
  socket.write('i=0; while [ $i -lt 40 ]; do i=$((i+1)); grep "now at" /proc/timer_list; done\n')
  await until('it tells its time', 60_000, () => ahead.length >= 40)
  socket.destroy()
  return Math.min(...ahead)
}

const templateFolder = (): string => {
  const [name, ...others] = fs.readdirSync(path.join(folder, 'vms/base')).filter((one) => one.startsWith('template-'))
  assert.equal(others.length, 0)
  return path.join(folder, 'vms/base', name ?? 'none')
}
const digest = (file: string): string => createHash('sha256').update(fs.readFileSync(file)).digest('hex')
/** All that a template is. */
function template(): string[] {
  const drives = fs.readdirSync(path.join(folder, 'drives')).filter((name) => name.startsWith('.base-'))
  const files = [
    ...['ram', 'devices', 'frozen.json'].map((name) => path.join(templateFolder(), name)),
    ...drives.map((name) => path.join(folder, 'drives', name)),
  ]
  return files.map((file) => `${path.basename(file)} ${digest(file)}`)
}
const idsOf = async (): Promise<string[]> =>
  (JSON.parse((await nbsvm(['ls', '--json'])).stdout) as { id: string }[]).map(({ id }) => id)

/** Nothing is left but VMs: no half state, no second QEMU. What is left of drives goes with the next command that makes one. */
async function assertClean(): Promise<void> {
  const left = (): string[] => [
    ...fs.readdirSync(path.join(folder, 'vms/base')).filter((name) => name.startsWith('.frozen-')),
    ...processesWith(['qemu-system', '-twin'], folder).map(String),
  ]
  await until(
    () => `nothing is left: ${left().join(', ')}`,
    30_000,
    () => left().length === 0,
  )
}

describe('a guest that is frozen and forked', { concurrency: false }, () => {
  it('goes on, with hardly a pause, while it works', async () => {
    await done(nbsvm(['base', 'drive_size=64M', 'newimg']))
    await done(nbsvm(['base', 'mem=256', 'network=none', 'start', ...guestKernel]))
    const serial = await serialOf('base')
    await serial.waitFor(guestPrompt)
    await serial.command('dd if=/dev/urandom of=/tmp/a bs=1M count=10 2>/dev/null; md5sum </tmp/a >/tmp/m; cp /tmp/m /tmp/keep')
    await serial.command(
      'work() { while :; do cp /tmp/a /tmp/b; md5sum </tmp/b | cmp - /tmp/m || echo WRONG >/tmp/wrong; rm /tmp/b; done; }',
    )
    await serial.command('count() { i=0; while :; do i=$((i+1)); echo $i >/tmp/count; usleep 10000; done; }')
    await serial.command('work & count &')
    serial.close()
    // What was attached is gone by then, but for the controller that came with it.
    const disk = path.join(folder, 'disk.raw')
    fs.writeFileSync(disk, Buffer.alloc(2 ** 20))
    await done(nbsvm(['base', 'attach', disk, 'detach', disk]))
    await pause(3000)
    const aheadMs = await hostAheadMs('base')
    const { stderr } = await nbsvm(['base', 'freeze'])
    const stoodStill = Number(/stood still for (\d+) ms/.exec(stderr)?.[1])
    assert.ok(stoodStill < 1000, stderr)
    const before = Number(await ask('base', 'cat /tmp/count'))
    await until('it counts', 20_000, async () => Number(await ask('base', 'cat /tmp/count')) > before)
    assert.equal(await ask('base', 'cat /tmp/wrong'), "cat: can't open '/tmp/wrong': No such file or directory")
    const lostMs = (await hostAheadMs('base')) - aheadMs
    console.log(`# the guest stood still for ${stoodStill} ms, seen from here; its own clock lost ${Math.round(lostMs)} ms`)
    assert.ok(lostMs < 1000, `${lostMs} ms`)
    await assertClean()
  })

  it('three at once: memory, files in memory and each its own drive go on; template and siblings stay as they are', async () => {
    const before = template()
    await done(nbsvm(['t1,t2,t3', ...forked, 'fork']))
    const counts = await Promise.all(['t1', 't2', 't3'].map((id) => ask(id, 'cat /tmp/count')))
    for (const [at, id] of ['t1', 't2', 't3'].entries()) {
      await ask(id, `echo i am ${id} | dd of=/dev/vda bs=512 seek=8 conv=fsync 2>/dev/null; echo ${id} >/tmp/who`)
      await until(`${id} counts on`, 30_000, async () => Number(await ask(id, 'cat /tmp/count')) > Number(counts[at]))
    }
    await pause(2000)
    for (const id of ['t1', 't2', 't3']) {
      const said = await ask(
        id,
        'dd if=/dev/vda bs=512 skip=8 count=1 iflag=direct 2>/dev/null | head -1 | tr -d "\\000"; cat /tmp/who; cmp /tmp/m /tmp/keep && echo same; ls /tmp/wrong',
      )
      assert.match(said, new RegExp(`^i am ${id}\\r?\\n${id}\\r?\\nsame\\r?\\nls: /tmp/wrong`))
    }
    await done(nbsvm(['t1', 'attach', path.join(folder, 'disk.raw'), 'detach', 'hot0']))
    assert.doesNotMatch(await ask('base', 'cat /tmp/who'), /^t\d/)
    assert.deepEqual(template(), before)
    // From here on none of them need work.
    for (const id of ['base', 't1', 't2', 't3']) await ask(id, 'kill $(jobs -p); wait')
  })

  it('a fork that gives memory back leaves the RAM of the template alone', async () => {
    const before = template()
    await ask('t1', 'dd if=/dev/zero of=/tmp/big bs=1M count=100 2>/dev/null; rm /tmp/big')
    // It tells each few seconds what is free.
    await pause(6000)
    assert.deepEqual(template(), before)
    const { status, stderr } = await nbsvm(['t1', 'balloon', '128M'])
    assert.equal(status, 1)
    assert.match(stderr, /RAM from the file of the template base/)
  })

  it('a fork that reboots, or whose QEMU is killed, harms nobody; and it starts again as a VM of its own', async () => {
    const before = template()
    await done(nbsvm(['t2', 'reset']))
    const { pid } = JSON.parse((await nbsvm(['t3', 'status', '--json'])).stdout) as { pid: number }
    process.kill(pid, 'SIGKILL')
    await until('t3 is off', 10_000, async () => (await nbsvm(['t3', 'status'])).status === 3)
    await done(nbsvm(['t3', 'mem=256', 'network=none', 'start', ...guestKernel, '--', 'wait', 'guest# ']))
    assert.match(
      await ask('t3', 'dd if=/dev/vda bs=512 skip=8 count=1 2>/dev/null | head -1 | tr -d "\\000"; ls /tmp/count'),
      /^i am t3\r?\nls: \/tmp\/count/,
    )
    await ask('t1', 'true')
    assert.deepEqual(template(), before)
    await done(nbsvm(['t1,t2,t3', 'stop', 'rm', '--yes']))
    assert.deepEqual(await idsOf(), ['base'])
  })

  it('what cannot be is told before anything is made', async () => {
    const refused = async (words: string[], expected: RegExp, status = 1): Promise<void> => {
      const result = await nbsvm(words)
      assert.deepEqual([result.status, expected.test(result.stderr)], [status, true], result.stderr)
      assert.deepEqual(await idsOf(), ['base'])
    }
    await refused(['t1', 'gold=nosuch', 'fork'], /cannot fork t1: there is no VM nosuch/)
    await refused(['t1', ...forked, 'mem=512', 'fork'], /cannot fork t1 with mem=512: base was frozen with mem=256/, 2)
    await refused(['t1', ...forked, 'smp=2', 'fork'], /smp/, 2)
    await refused(['base', ...forked, 'fork'], /there is a VM base already/)
    // No agent is there, so it fails closed.
    await refused(['t1', 'gold=base', 'fork'], /t1.*agent[^]*identity=no/)
    const file = path.join(templateFolder(), 'frozen.json')
    const text = fs.readFileSync(file, 'utf8')
    fs.writeFileSync(file, text.replace(/"qemu": "[^"]*"/, '"qemu": "4.1.0"'))
    await refused(['t1', ...forked, 'fork'], /frozen in QEMU 4\.1\.0/)
    fs.writeFileSync(file, text)
    // Somebody writes into its RAM.
    const ram = path.join(templateFolder(), 'ram')
    const { atime, mtime } = fs.statSync(ram)
    const fd = fs.openSync(ram, 'r+')
    const was = Buffer.alloc(1)
    fs.readSync(fd, was, 0, 1, 0x100000)
    fs.writeSync(fd, Buffer.from([was.readUInt8(0) ^ 1]), 0, 1, 0x100000)
    await refused(['t1', ...forked, 'fork'], /ram is not what was frozen/)
    fs.writeSync(fd, was, 0, 1, 0x100000)
    fs.closeSync(fd)
    fs.utimesSync(ram, atime, mtime)
    await done(nbsvm(['t1', ...forked, 'fork', 'stop', 'rm', '--yes']))
  })

  it('kill -9 of nbsvm in the midst of a freeze: the guest goes on, the template of before stays, nothing is left', async () => {
    const before = template()
    for (let time = 0; time < 3; time++) {
      const freezing = spawn(program, ['base', 'freeze'], { env: home.env, stdio: 'ignore' })
      const ended = new Promise((resolve) => freezing.on('close', resolve))
      await pause(100 + time * 500)
      freezing.kill('SIGKILL')
      await ended
      await assertClean()
      await ask('base', 'true')
    }
    assert.equal(template().length > 0, true)
    if (template()[0] !== before[0]) console.log('# a freeze was done before it was killed')
    await done(nbsvm(['t1', ...forked, 'fork']))
    await ask('t1', 'true')
    await done(nbsvm(['t1', 'stop', 'rm', '--yes']))
  })

  it('kill -9 of nbsvm in the midst of a fork: no half VM stays, and the template is as it was', async () => {
    const before = template()
    const halfForks = async (): Promise<string[]> => {
      const vms = JSON.parse((await nbsvm(['ls', '--json'])).stdout) as { id: string; state: string }[]
      return vms.filter(({ id, state }) => id.startsWith('t') && state !== 'running').map(({ id }) => id)
    }
    for (let time = 0; time < 4; time++) {
      const forking = spawn(program, ['t1,t2,t3', ...forked, 'fork'], { env: home.env, stdio: 'ignore' })
      const ended = new Promise<number | null>((resolve) => forking.on('close', resolve))
      await pause(40 + time * 100)
      forking.kill('SIGKILL')
      if ((await ended) === 0) await done(nbsvm(['t*', 'stop', 'rm', '--yes']))
      // One that was whole by then may stay, as those of an earlier line would.
      await until('half forks are gone', 30_000, async () => (await halfForks()).length === 0)
      if ((await idsOf()).some((id) => id.startsWith('t'))) await done(nbsvm(['t*', 'stop', 'rm', '--yes']))
      assert.deepEqual(template(), before)
    }
    await assertClean()
    await done(nbsvm(['base', 'stop', 'rm', '--yes']))
    assert.deepEqual(
      fs.readdirSync(path.join(folder, 'drives')).filter((name) => /^\.(?:base|pin|tmp)/.test(name) && !name.endsWith('.lock')),
      [],
    )
  })
})
