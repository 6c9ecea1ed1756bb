// VMs that go from one machine to another, through a real sshd: as they are, and as they run.
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { guestKernel, program, until, type Home } from './cli.js'
import { guestPrompt, Serial } from './guest.js'
import { done } from './support/debian.js'
import { makeMachines, whyNoMachine } from './support/machines.js'
import { counted, goesOn, startCounting } from './support/moving.js'
import { smallDisk } from './support/smalldisk.js'
import { isWhole } from './support/whole.js'

/** So many sectors a guest writes to, one after the other. */
const slots = 50

describe('a VM moves', { skip: whyNoMachine }, () => {
  const { home, of } = makeMachines('box1', 'box2', 'small', 'liar')
  const [box1, box2] = [of('box1'), of('box2')]

  const idsOf = async ({ nbsvm }: Home): Promise<string[]> =>
    (JSON.parse((await nbsvm(['ls', '--json'])).stdout) as { id: string }[]).map(({ id }) => id)
  const statusOf = async ({ nbsvm }: Home, id: string): Promise<{ state: string; uuid: string }> =>
    JSON.parse((await nbsvm([id, 'status', '--json'])).stdout) as { state: string; uuid: string }
  const drive = ({ folder }: Home, name: string): string => path.join(folder, `drives/nbsvm-${name}.qcow2`)
  const io = (file: string, ...commands: string[]): void => {
    const mode = commands.some((command) => command.startsWith('write')) ? [] : ['-r', '-U']
    const words = [...mode, '-f', 'qcow2', ...commands.flatMap((one) => ['-c', one]), file]
    assert.doesNotMatch(execFileSync('qemu-io', words, { encoding: 'utf8' }), /failed|error/i)
  }
  const recordOf = ({ folder }: Home, id: string): string => fs.readFileSync(path.join(folder, `vms/${id}/machine.json`), 'utf8')
  /** Nothing is left of a move, but the VMs. */
  const assertClean = (...homes: readonly Home[]): void => {
    for (const { folder } of homes) {
      const moves = path.join(folder, 'vms/.moves')
      assert.deepEqual(fs.existsSync(moves) ? fs.readdirSync(moves) : [], [])
      assert.deepEqual(
        fs.readdirSync(path.join(folder, 'drives')).filter((name) => name.startsWith('.tmp')),
        [],
      )
    }
  }
  /** What the machine `liar` has for an nbsvm. */
  const lie = (script: string): void => {
    const file = path.join(of('liar').bin, 'nbsvm')
    fs.rmSync(file)
    fs.writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  }
  const written = ['write -P 9 2M 64k', 'write -P 8 63M 1M'] as const
  const held = ['read -P 7 1M 1M', 'read -P 9 2M 64k', 'read -P 7 3M 1M', 'read -P 8 63M 1M', 'read -P 0 4M 59M'] as const

  it('as it is where it is off: drives, record, settings; and again where it is there', async () => {
    await done(home.nbsvm(['gold', 'drive_size=64M', 'newimg']))
    io(drive(home, 'gold-0'), 'write -P 7 1M 3M')
    await done(home.nbsvm(['off', 'snapshot']))
    for (const size of ['1M', '5M']) await done(home.nbsvm(['off', `drive_size=${size}`, 'newimg']))
    await done(home.nbsvm(['off', 'rm-drive', '1', '--yes']))
    io(drive(home, 'off-0'), ...written)
    io(drive(home, 'off-2'), 'write -P 5 0 4k')
    fs.mkdirSync(path.join(home.folder, 'config'), { recursive: true })
    // What a machine is, and what it runs VMs by, is its own.
    const file = 'mem=300\nqemu=/nowhere/qemu\nargs=(-boot menu=on)\n'
    fs.writeFileSync(path.join(home.folder, 'config/off.vm'), file)
    const ended = '{"nbsvm":"started","at":1,"bootId":"b"}\n{"nbsvm":"stopping","at":2000,"by":"shutdown"}\n'
    fs.mkdirSync(path.join(home.folder, 'state/off'), { recursive: true, mode: 0o700 })
    fs.writeFileSync(path.join(home.folder, 'state/off/journal.jsonl'), ended)
    const before = recordOf(home, 'off')
    assert.match((await home.nbsvm(['off', 'smp=2', 'args=-boot menu=off', 'move', 'box1'])).stderr, /^moved off to box1\n$/)
    assert.deepEqual([await idsOf(home), await idsOf(box1)], [['gold'], ['off']])
    assert.equal(recordOf(box1, 'off'), before)
    io(drive(box1, 'off-0'), ...held)
    io(drive(box1, 'off-2'), 'read -P 5 0 4k')
    assert.equal(fs.readFileSync(path.join(box1.folder, 'config/off.vm'), 'utf8'), `${file}smp=2\nargs=(-boot menu=off)\nqemu=\n`)
    const { ending } = JSON.parse((await box1.nbsvm(['off', 'status', '--json'])).stdout) as { ending: object }
    assert.deepEqual(ending, { kind: 'stopped', atMs: 2000, words: 'ended by shutdown' })
    assert.equal(fs.existsSync(path.join(home.folder, 'config/off.vm')), false)
    assert.deepEqual(await home.nbsvm(['off', 'move', 'box1']), { status: 0, stdout: '', stderr: 'off is on box1 already\n' })
    assert.equal((await home.nbsvm(['nosuch', 'move', 'box1'])).status, 2)
    const back = await home.nbsvm(['box1:off', 'move', 'box1'])
    assert.match(back.stderr, /off stays here: .* that leads back to the very machine that it is on/)
    assertClean(home, box1)
  })

  it('from a machine to another, under another name', async () => {
    assert.match((await home.nbsvm(['box1:off', 'move', 'box2:on'])).stderr, /^moved off to box2\n$/)
    assert.deepEqual([await idsOf(box1), await idsOf(box2)], [[], ['on']])
    io(drive(box2, 'on-0'), ...held)
    assertClean(box1, box2)
  })

  it('through a pipe; one that is cut leaves nothing', async () => {
    const pipe = (between: string): { status: number | null; stderr: string } =>
      spawnSync(
        'bash',
        [
          '-c',
          `set -o pipefail; NBSVM_HOME=$1 $3 on send | ${between} NBSVM_HOME=$2 $3 copy receive`,
          'bash',
          box2.folder,
          home.folder,
          program,
        ],
        { env: home.env, encoding: 'utf8' },
      )
    for (const [between, why] of [
      ['head -c 200 | env', /no VM as nbsvm sends it/],
      ['head -c 2000000 | env', /ends in the midst/],
      ['sed s/.nbsvm.:1/\\"nbsvm\\":99/ | env', /sends VMs in another way/],
      ['cat /dev/null | env', /nothing came/],
    ] as const) {
      const { status, stderr } = pipe(between)
      assert.equal(status, 1)
      assert.match(stderr, why)
      assert.deepEqual(await idsOf(home), ['gold'])
    }
    const { status, stderr } = pipe('env')
    assert.equal(status, 0, stderr)
    assert.match(stderr, /sent on; it is still here as well/)
    io(drive(home, 'copy-0'), ...held)
    assert.match(pipe('env').stderr, /this very VM is here already, as copy/)
    await done(home.nbsvm(['copy', 'rm', '--yes']))
    assertClean(home, box2)
  })

  it('as it runs, there and back, also while it is paused: nothing is missing, and it stands still for a moment', async () => {
    await startCounting(box1, 'live')
    const { uuid } = await statusOf(box1, 'live')
    // What was attached is gone, but for the controller that came with it.
    const disk = path.join(box1.folder, 'disk.raw')
    fs.writeFileSync(disk, Buffer.alloc(2 ** 20))
    await done(box1.nbsvm(['live', 'attach', disk, 'detach', disk]))
    const there = await home.nbsvm(['box1:live', 'move', 'box2'])
    assert.equal(there.status, 0, there.stderr)
    const stoodStill = Number(/stood still for (\d+) ms/.exec(there.stderr)?.[1])
    console.log(`the guest stood still for ${stoodStill} ms`)
    await goesOn(box2, 'live')
    const numbers = counted(box2, 'live')
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => (numbers[0] ?? 0) + index),
    )
    assert.deepEqual([await idsOf(box1), (await statusOf(box2, 'live')).uuid], [[], uuid])
    await done(box2.nbsvm(['live', 'pause']))
    const last = counted(box2, 'live').at(-1) ?? 0
    assert.match((await home.nbsvm(['box2:live', 'move', 'box1', '--downtime=500'])).stderr, /^moved live to box1\n$/)
    assert.equal((await statusOf(box1, 'live')).state, 'paused')
    assert.deepEqual(counted(box1, 'live'), [])
    await done(box1.nbsvm(['live', 'resume']))
    await goesOn(box1, 'live')
    const [first = 0] = counted(box1, 'live')
    assert.ok(first - last <= 1, `${last}, then ${first}`)
    // Not where others have the processors.
    const isBusy = (os.loadavg()[0] ?? 0) > 2 * os.cpus().length
    assert.ok(stoodStill < 500 || isBusy, `${stoodStill} ms`)
    assertClean(box1, box2)
  })

  it('Ctrl-C leaves it where it is', async () => {
    const mover = spawn(program, ['live', 'move', 'box2'], { env: box1.env, stdio: 'ignore' })
    const ended = new Promise((resolve) => mover.on('close', resolve))
    await until('it comes', 30_000, () => fs.existsSync(path.join(box2.folder, 'state/live/run/qmp.sock')))
    mover.kill('SIGINT')
    assert.equal(await ended, 130)
    await goesOn(box1, 'live')
    assert.deepEqual(await idsOf(box2), ['on'])
    assertClean(box1, box2)
  })

  it('while its guest writes all the time: given up at any moment it goes on, and moved it has all that it wrote', async () => {
    await done(home.nbsvm(['busy', 'drive_size=64M', 'newimg']))
    const words = ['mem=256', 'network= ', 'iothread=yes', 'movable=yes', 'start', ...guestKernel]
    await done(home.nbsvm(['busy', ...words]))
    const serialOf = ({ folder }: Home): Promise<Serial> => Serial.open(path.join(folder, 'state/busy/run/console.sock'))
    const before = await serialOf(home)
    await before.waitFor(guestPrompt)
    // Some write as much as they can, and one what can be looked for.
    const writing =
      'while :; do dd if=/dev/zero of=/dev/vda bs=4k count=200 seek=4096 oflag=direct conv=notrunc 2>/dev/null; done'
    const one = `printf '%512d' $i | dd of=/dev/vda bs=512 seek=$((i % ${slots})) oflag=direct conv=notrunc 2>/dev/null`
    for (let writer = 0; writer < 3; writer++) await before.command(`(${writing}) &`)
    await before.command(`(i=0; while [ ! -e /stop ]; do i=$((i + 1)); ${one}; done; echo $i >/last) &`)
    before.close()
    // A Ctrl-C that comes too late changes nothing.
    const isThere = async (): Promise<boolean> => (await idsOf(box2)).includes('busy')
    for (let time = 0; time < (isWhole ? 6 : 2) && !(await isThere()); time++) {
      const mover = spawn(program, ['busy', 'move', 'box2'], { env: home.env, stdio: ['ignore', 'ignore', 'pipe'] })
      let words = ''
      mover.stderr.on('data', (bytes: Buffer) => (words += bytes.toString()))
      const ended = new Promise<number | null>((resolve) => mover.on('close', resolve))
      await new Promise((resolve) => setTimeout(resolve, 300 + Math.random() * 900))
      mover.kill('SIGINT')
      // Before nbsvm listens to it, Node ends by the signal itself.
      assert.ok([0, 130, null].includes(await ended), words)
    }
    if (!(await isThere())) await done(home.nbsvm(['busy', 'move', 'box2']))
    const after = await serialOf(box2)
    await after.command('touch /stop; while [ ! -s /last ]; do sleep 0.1; done')
    const last = Number(/^\d+$/m.exec(await after.command('cat /last'))?.[0])
    const found = await after.command(`dd if=/dev/vda bs=512 count=${slots} iflag=direct 2>/dev/null | tr -s ' ' '\\n'`)
    after.close()
    const expected = Array.from({ length: slots }, (_, slot) => last - ((last - slot) % slots))
    assert.deepEqual(found.trim().split('\n').map(Number), expected)
    await done(box2.nbsvm(['busy', 'stop', 'rm', '--yes']))
    assertClean(home, box2)
  })

  const disk = smallDisk()
  if (isWhole)
    it('while its guest writes into its RAM all the time: each page comes as it was at the end', async () => {
      await done(home.nbsvm(['ram', 'drive_size=16M', 'newimg']))
      await done(home.nbsvm(['ram', 'mem=256', 'network= ', 'movable=yes', 'start', ...guestKernel]))
      const serial = await Serial.open(path.join(home.folder, 'state/ram/run/console.sock'))
      await serial.waitFor(guestPrompt)
      await serial.command('dd if=/dev/urandom of=/tmp/a bs=1M count=20 2>/dev/null; md5sum </tmp/a >/tmp/m')
      serial.send('(while :; do cp /tmp/a /tmp/b; md5sum </tmp/b | cmp - /tmp/m || echo WRONG; rm /tmp/b; done) & echo be""gun\n')
      await serial.waitFor(/begun/)
      serial.close()
      await done(home.nbsvm(['ram', 'move', 'box1']))
      const there = await Serial.open(path.join(box1.folder, 'state/ram/run/console.sock'))
      await pause(6000)
      there.send('echo al""ive\n')
      const said = await there.waitFor(/alive/, 20_000)
      there.close()
      assert.doesNotMatch(said, /WRONG|BUG:|Oops|panic|fault/i)
      await done(box1.nbsvm(['ram', 'stop', 'rm', '--yes']))
    })

  it('not where there is no room', { skip: disk.skip }, async () => {
    const small = of('small')
    const drives = path.join(small.folder, 'drives')
    fs.mkdirSync(drives)
    execFileSync('mount', ['--bind', disk.folder, drives])
    try {
      await done(home.nbsvm(['large', 'drive_size=16M', 'newimg']))
      io(drive(home, 'large-0'), 'write -P 1 0 8M')
      assert.match((await home.nbsvm(['large', 'move', 'small'])).stderr, /stays here: .* its drives take 8.*M, and .* are free/)
      // It fits at first, and then no more.
      await done(home.nbsvm(['full', 'drive_size=16M', 'newimg']))
      io(drive(home, 'full-0'), 'write -P 1 4M 2M')
      await done(home.nbsvm(['full', 'network= ', 'movable=yes', 'mem=64', 'start']))
      const mover = home.nbsvm(['full', 'move', 'small'])
      await until('it comes', 30_000, () => fs.existsSync(path.join(small.folder, 'state/full/run/qmp.sock')))
      fs.writeFileSync(path.join(disk.folder, 'other'), Buffer.alloc(2_000_000))
      const { status, stderr } = await mover
      assert.deepEqual([status, /full stays here: .*No space left/.test(stderr)], [1, true], stderr)
      assert.equal((await statusOf(home, 'full')).state, 'running')
      await done(home.nbsvm(['full', 'stop', 'rm', '--yes']))
      assert.deepEqual(
        fs.readdirSync(disk.folder).filter((name) => name.startsWith('nbsvm-')),
        [],
      )
    } finally {
      execFileSync('umount', [drives])
    }
  })

  it('what cannot go along is told before anything is sent', async () => {
    for (const [words, why] of [
      [['cpu=max', 'start'], /cannot start tied with movable=yes: its processor, cpu=max, is whatever this machine can do/],
      [['drive_if=nvme', 'start'], /NVMe/],
    ] as const) {
      const { status, stderr } = await home.nbsvm(['tied', 'network= ', 'movable=yes', ...words, '-S'])
      assert.deepEqual([status, why.test(stderr)], [1, true], stderr)
    }
    await done(home.nbsvm(['stays', 'drive_size=1M', 'newimg', 'start', '-S', '--', 'resume']))
    const { status, stderr } = await home.nbsvm(['stays', 'move', 'box2'])
    assert.deepEqual(
      [status, /it was started as one that stays\n {2}write movable=yes into its settings/.test(stderr)],
      [1, true],
      stderr,
    )
    await done(home.nbsvm(['stays', 'stop']))
    await done(box2.nbsvm(['stays', 'drive_size=1M', 'newimg']))
    assert.match((await home.nbsvm(['stays', 'move', 'box2'])).stderr, /box2: there is a VM stays here already/)
    assert.match((await home.nbsvm(['stays', 'move', 'nowhere.invalid'])).stderr, /cannot reach nowhere\.invalid/)
    assert.match((await home.nbsvm(['stays', 'move', '--settle'])).stderr, /no move was cut off/)
    for (const words of [['move'], ['move', '-oProxyCommand=x'], ['move', 'box2', '--settle'], ['move', 'box2', '--downtime=x']])
      assert.equal((await home.nbsvm(['stays', ...words])).status, 2, words.join(' '))
    assert.deepEqual(await idsOf(home), ['gold', ...(disk.skip === false ? ['large'] : []), 'stays', 'tied'])
    assertClean(home, box2)
  })

  it('a machine that lies is believed nothing: it stays, and nothing of this machine is touched', async () => {
    await done(home.nbsvm(['told', 'drive_size=1M', 'newimg']))
    const precious = path.join(home.folder, 'precious')
    fs.writeFileSync(precious, '')
    const doors = { ram: '../../../precious', drives: 'drives-01234567' }
    for (const [answer, why] of [
      [
        `echo '${JSON.stringify({ say: 'ready', folder: home.folder, doors })}'`,
        /answers as no nbsvm does: ready: its doors\.ram/,
      ],
      [`echo '{"say":"have","tookFile":true,"standby":false}'`, /says have, not ready/],
      [`yes '{"say":"note","text":"x"}'`, /says more than any nbsvm would/],
      ['head -c 3000000 /dev/zero', /says more than any nbsvm would/],
      [String.raw`printf '%s\n' '{"say":"failed","why":"a\u001b[2Jb","hints":[]}'`, /told stays here: .* a\?\[2Jb/],
      ['exit 3', /the nbsvm of liar has ended: exit status 3/],
    ] as const) {
      lie(`read -r parcel; ${answer}`)
      const { status, stderr } = await home.nbsvm(['told', 'move', 'liar'])
      assert.deepEqual([status, why.test(stderr)], [1, true], stderr)
      assert.ok(stderr.split('\n').length < 30)
    }
    assert.ok(fs.existsSync(precious))
    assertClean(home)
  })

  it('while nobody knows who has it, nothing is done to it here, and it is told', async () => {
    const mark = path.join(home.folder, 'vms/.moves/told.json')
    const { uuid } = await statusOf(home, 'told')
    const given = {
      phase: 'given',
      token: '0123456789abcdef',
      uuid,
      host: 'liar',
      name: 'told',
      ran: false,
      shared: false,
      standby: false,
      atMs: 0,
    }
    const doubt = /it was given to liar, and it is not known whether that has it/
    const give = (): void => {
      fs.mkdirSync(path.dirname(mark), { recursive: true })
      fs.writeFileSync(mark, JSON.stringify(given))
    }
    give()
    for (const words of [['start'], ['newimg'], ['resize', '2M'], ['rm-drive', '0', '--yes'], ['send'], ['rm', '--yes']]) {
      const { status, stderr } = await home.nbsvm(['told', ...words])
      assert.deepEqual([status, doubt.test(stderr)], [1, true], stderr)
    }
    assert.match((await home.nbsvm(['told', 'status'])).stdout, doubt)
    assert.match((await home.nbsvm(['ls'])).stderr, doubt)
    lie(`echo '{"here":false}'`)
    assert.match((await home.nbsvm(['told', 'move', '--settle'])).stderr, /told stays here/)
    give()
    assert.match((await home.nbsvm(['told', 'move', '--keep'])).stderr, /told stays here/)
    assert.equal((await home.nbsvm(['told', 'resize', '2M'])).status, 0)
    give()
    lie(`echo '{"here":true}'`)
    assert.match((await home.nbsvm(['told', 'move', '--settle'])).stderr, /told is on liar/)
    assert.equal((await idsOf(home)).includes('told'), false)
    assertClean(home)
  })
})
