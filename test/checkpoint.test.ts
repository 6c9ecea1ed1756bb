// Checkpoints, rollback, save: of a guest that runs and of one that is off.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, describe, it } from 'node:test'
import { guestKernel, makeHome, type Home, type Result } from './cli.js'
import { guestPrompt, Serial } from './guest.js'
import { isWhole } from './support/whole.js'
import { checkDrives, consoleOf, goesOn, heard, startWitness } from './support/witness.js'

interface Listed {
  readonly name: string
  readonly hasRam: boolean
  readonly allocatedBytes: number
}

const mib = 1024 * 1024

/** The result of a line that works, and how long it took. */
async function works({ nbsvm }: Home, ...words: readonly string[]): Promise<Result & { readonly ms: number }> {
  const before = performance.now()
  const result = await nbsvm(words)
  assert.equal(result.status, 0, `${words.join(' ')}: ${result.stderr}`)
  return { ...result, ms: Math.round(performance.now() - before) }
}

async function refused({ nbsvm }: Home, why: RegExp, ...words: readonly string[]): Promise<void> {
  const { status, stderr } = await nbsvm(words)
  assert.notEqual(status, 0, words.join(' '))
  assert.match(stderr, why)
}

const listed = async (home: Home, id: string): Promise<Listed[]> =>
  JSON.parse((await works(home, id, 'checkpoints', '--json')).stdout) as Listed[]

const stateOf = async ({ nbsvm }: Home, id: string): Promise<{ state: string; savedMs: number | null; pid: number | null }> =>
  JSON.parse((await nbsvm([id, 'status', '--json'])).stdout) as { state: string; savedMs: number | null; pid: number | null }

const record = ({ folder }: Home, id: string): Record<string, unknown> =>
  JSON.parse(fs.readFileSync(path.join(folder, `vms/${id}/machine.json`), 'utf8')) as Record<string, unknown>

const drive = ({ folder }: Home, name: string): string => path.join(folder, `drives/nbsvm-${name}.qcow2`)

function io(file: string, ...commands: readonly string[]): void {
  const mode = commands.some((command) => command.startsWith('write')) ? [] : ['-r', '-U']
  const words = [...mode, '-f', 'qcow2', ...commands.flatMap((one) => ['-c', one]), file]
  assert.doesNotMatch(execFileSync('qemu-io', words, { encoding: 'utf8' }), /failed|error/i)
}

/** Nothing is left of a state that is none. */
function assertTidy({ folder }: Home, id: string): void {
  const own = path.join(folder, 'vms', id)
  assert.deepEqual(
    fs.readdirSync(own).filter((name) => name.startsWith('.frozen') || name === 'rollback'),
    [],
  )
}

/** One line in the guest's shell. */
async function shell(home: Home, id: string, line: string): Promise<string> {
  const serial = await Serial.open(consoleOf(home, id))
  try {
    serial.send('\n')
    await serial.waitFor(guestPrompt)
    return (await serial.command(line)).trim()
  } finally {
    serial.close()
  }
}

async function boot(home: Home, id: string): Promise<void> {
  await works(home, id, 'mem=128', 'network= ', 'usb= ', 'start', ...guestKernel)
  const serial = await Serial.open(consoleOf(home, id))
  await serial.waitFor(guestPrompt)
  serial.close()
}

describe('a guest that runs has checkpoints', () => {
  const home = makeHome()
  const last = 200 * mib - 512
  const rollbacks = isWhole ? 10 : 2
  const more = isWhole ? 20 : 6

  it(`goes back after 100 MB of writes, RAM and disk, ${rollbacks} times`, async (t) => {
    await works(home, 'web', 'drive_size=200M', 'newimg')
    io(drive(home, 'web-0'), 'write -P 7 0 100M')
    await boot(home, 'web')
    await shell(home, 'web', 'n=1; echo before > /tmp/mark')
    const taken = await works(home, 'web', 'checkpoint', 'before')
    assert.match(taken.stderr, /^kept web as before; its guest stood still for \d+ ms\n$/)
    await refused(home, /has a checkpoint before already.*\n.*checkpoints --rm=before/, 'web', 'checkpoint', 'before')
    const { uuid, macs, generation } = record(home, 'web')
    const generations = new Set([generation])
    const times: number[] = []
    for (let round = 1; round <= rollbacks; round++) {
      const write =
        'dd if=/dev/zero of=/dev/vda bs=1M count=100 conv=fsync 2>/dev/null; dd if=/dev/zero of=/tmp/big bs=1M count=10 2>/dev/null'
      await shell(home, 'web', `n=2; echo after > /tmp/mark; ${write}`)
      io(drive(home, 'web-0'), 'read -P 0 0 100M')
      const { ms, stderr } = await works(home, 'web', 'rollback', 'before', '--yes')
      assert.match(stderr, /^web is at before again, as pid \d+\n$/)
      times.push(ms)
      io(drive(home, 'web-0'), 'read -P 7 0 100M')
      assert.equal(
        await shell(home, 'web', 'echo $n; cat /tmp/mark; ls /tmp; head -c 1 /dev/vda | od -An -tx1'),
        '1\nbefore\nmark\n 07',
      )
      generations.add(record(home, 'web')['generation'])
    }
    assert.deepEqual({ uuid: record(home, 'web')['uuid'], macs: record(home, 'web')['macs'] }, { uuid, macs })
    assert.equal(generations.size, rollbacks + 1)
    checkDrives(home)
    assertTidy(home, 'web')
    t.diagnostic(`checkpoint ${taken.ms} ms, rollback ${times.join(' ')} ms`)
  })

  it(`has ${more} more, which cost what the first did, and each can go but none with it`, async (t) => {
    await shell(
      home,
      'web',
      `s=${last / 512}; r() { dd if=/dev/vda bs=512 skip=$s count=1 iflag=direct 2>/dev/null | tr -dc 0-9; }`,
    )
    await shell(home, 'web', `w() { n=$1; printf '%-512s' $n | dd of=/dev/vda bs=512 seek=$s conv=fsync 2>/dev/null; }`)
    const times: number[] = []
    for (let at = 1; at <= more; at++) {
      await shell(home, 'web', `w ${at}`)
      times.push((await works(home, 'web', 'checkpoint', `c${at}`)).ms)
    }
    const all = await listed(home, 'web')
    const sizes = all.map(({ allocatedBytes }) => Math.round(allocatedBytes / mib))
    t.diagnostic(`checkpoints: ${times.join(' ')} ms; ${sizes.join(' ')} MB`)
    t.diagnostic(
      `the last by the first: size ${((sizes[more] ?? 0) / (sizes[0] ?? 1)).toFixed(2)}, time ${((times[more - 1] ?? 0) / (times[0] ?? 1)).toFixed(2)}`,
    )
    assert.equal(all.length, more + 1)
    assert.ok((sizes[more] ?? 0) <= 1.5 * (sizes[0] ?? 0), sizes.join(' '))
    const gone = isWhole ? [1, 5, 10, 11, 20] : [1, 3, 4]
    for (const at of gone) await works(home, 'web', 'checkpoints', `--rm=c${at}`)
    assert.equal((await listed(home, 'web')).length, more + 1 - gone.length)
    await refused(home, /web has no checkpoint "c1"; it has before, c\d+, /, 'web', 'rollback', 'c1', '--yes')
    for (const at of isWhole ? [9, 2, 19, 12] : [5, 2]) {
      await works(home, 'web', 'rollback', `c${at}`, '--yes')
      const said = await shell(home, 'web', `echo $n; r`)
      assert.equal(said, `${at}\n${at}`)
    }
    checkDrives(home)
    await works(home, 'web', 'rollback', 'before', '--yes')
    io(drive(home, 'web-0'), 'read -P 7 0 100M', `read -P 0 ${last} 512`)
    await works(home, 'web', 'stop', 'rm', '--yes')
    const drives = fs.readdirSync(path.join(home.folder, 'drives')).filter((name) => name !== '.lock' && name !== '.layers')
    assert.deepEqual(drives, [])
  })
})

describe('a VM that is off has checkpoints', () => {
  const home = makeHome()
  const nvram = path.join(home.folder, 'vms/off/nvram-uefi.qcow2')

  it('goes back to what its drives and its UEFI held; drives that came since then stay', async () => {
    await works(home, 'off', 'drive_size=8M', 'newimg', 'newimg')
    io(drive(home, 'off-0'), 'write -P 1 0 1M')
    io(drive(home, 'off-1'), 'write -P 2 0 1M')
    fs.writeFileSync(nvram, 'first')
    const { stderr } = await works(home, 'off', 'checkpoint', 'one')
    assert.equal(stderr, 'kept off as one, off\n')
    io(drive(home, 'off-0'), 'write -P 3 0 1M')
    fs.writeFileSync(nvram, 'second')
    await works(home, 'off', 'checkpoint', 'two')
    await works(home, 'off', 'rm-drive', '1', '--yes', 'resize', '16M')
    await works(home, 'off', 'drive_size=1M', 'newimg')
    io(drive(home, 'off-1'), 'write -P 9 0 1M')
    fs.rmSync(nvram)
    assert.deepEqual(
      (await listed(home, 'off')).map(({ name, hasRam }) => [name, hasRam]),
      [
        ['one', false],
        ['two', false],
      ],
    )
    for (let round = 0; round < 3; round++) {
      await works(home, 'off', 'rollback', 'one', '--yes')
      io(drive(home, 'off-0'), 'read -P 1 0 1M', 'read -P 0 1M 7M')
      io(drive(home, 'off-1'), 'read -P 2 0 1M')
      assert.equal(fs.readFileSync(nvram, 'utf8'), 'first')
      await works(home, 'off', 'rollback', 'two', '--yes')
      io(drive(home, 'off-0'), 'read -P 3 0 1M')
      assert.equal(fs.readFileSync(nvram, 'utf8'), 'second')
      io(drive(home, 'off-0'), 'write -P 5 0 1M')
    }
    await works(home, 'off', 'drive_size=1M', 'newimg', 'checkpoints', '--rm=one', 'rollback', 'two', '--yes')
    assert.ok(fs.existsSync(drive(home, 'off-2')))
    assertTidy(home, 'off')
    checkDrives(home)
  })

  it('is asked for what it has', async () => {
    await refused(home, /not a checkpoint name/, 'off', 'checkpoint', '../x')
    await refused(home, /not a checkpoint name/, 'off', 'checkpoints', '--rm=.x')
    await refused(home, /has no checkpoint "x"; it has two/, 'off', 'rollback', 'x', '--yes')
    await refused(home, /has no checkpoint "x"/, 'off', 'checkpoints', '--rm=x')
    await refused(home, /make off what it was at .*, and give up what it is now\?\n.*--yes/, 'off', 'rollback', 'two')
    await refused(home, /cannot save off: it is not running/, 'off', 'save')
    await refused(home, /has checkpoints/, 'off', 'send')
    assert.match((await works(home, 'off', 'checkpoints')).stdout, /^NAME +TAKEN +STATE +SIZE\ntwo +\d{4}-.* +off +\d+K\n$/)
    // What cannot be read hides no other, and can be removed.
    const broken = path.join(home.folder, 'vms/off/checkpoints/broken')
    fs.mkdirSync(broken)
    fs.writeFileSync(path.join(broken, 'frozen.json'), '{"format":99}')
    assert.match((await works(home, 'off', 'checkpoints')).stdout, /broken +- +damaged: .*newer nbsvm/)
    await refused(home, /damaged, or a newer nbsvm made it/, 'off', 'rollback', 'broken', '--yes')
    // Nobody knows which pins are its own.
    const pins = (): string[] => fs.readdirSync(path.join(home.folder, 'drives')).filter((name) => name.startsWith('.pin'))
    const before = pins()
    await works(home, 'off', 'checkpoint', 'three', 'checkpoints', '--rm=three')
    assert.ok(pins().length > before.length)
    await works(home, 'off', 'checkpoints', '--rm=broken')
    assert.deepEqual(pins(), before)
    await works(home, 'off', 'rollback', 'two', '--yes')
  })
})

describe('a VM is saved', () => {
  const home = makeHome()

  it('its guest goes on where it was, and nobody changes its drives meanwhile', async (t) => {
    await startWitness(home, 'web')
    const uptime = (): number => Number(fs.readFileSync(`/proc/uptime`, 'utf8').split(' ')[0])
    const sleptAt = uptime()
    const saved = await works(home, 'web', 'save')
    assert.equal(saved.stderr, 'saved web; wake it: nbsvm web start\n')
    const before = heard(home, 'web').numbers.at(-1) ?? 0
    const { state, savedMs, pid } = await stateOf(home, 'web')
    assert.deepEqual([state, pid], ['stopped', null])
    assert.ok(Math.abs(Date.now() - (savedMs ?? 0)) < 60_000)
    assert.match((await home.nbsvm(['ls'])).stdout, /^web +saved +\d+s/m)
    assert.match((await home.nbsvm(['web', 'status'])).stdout, /state +saved since .*: start lets its guest go on/)
    const asleep = /it is saved, and its guest counts on what its drives hold\n +let it go on: nbsvm web start\n.*start --fresh/
    await refused(home, asleep, 'web', 'gold=web', 'snapshot')
    await refused(home, asleep, 'web', 'save')
    for (const words of [['newimg'], ['resize', '128M', '--drive=0'], ['rm-drive', '0', '--yes'], ['checkpoint', 'x']])
      await refused(home, asleep, 'web', ...words)
    await refused(home, /is saved/, 'web', 'send')
    await works(home, 'copy', 'gold=web', 'snapshot')
    await refused(home, /leave -boot .* out/, 'web', 'start', '-boot', 'd')
    await refused(home, /cannot go on with mem=256: it ran with mem=128.*\n +leave mem out/, 'web', 'mem=256', 'start')
    const woken = await works(home, 'web', 'start')
    assert.match(woken.stderr, /^web goes on, as pid \d+\n$/)
    const now = await goesOn(home, 'web')
    assert.ok(now > before && now < before + 20, `${before}, then ${now}`)
    assertTidy(home, 'web')
    assert.ok(!fs.existsSync(path.join(home.folder, 'vms/web/saved')))
    t.diagnostic(`save ${saved.ms} ms, wake ${woken.ms} ms, asleep for ${(uptime() - sleptAt).toFixed(1)} s`)
  })

  it('again and again, also while it is paused; and boots with --fresh', async () => {
    for (let round = 0; round < 2; round++) {
      await works(home, 'web', 'save', 'start', '--if-needed')
      await goesOn(home, 'web')
    }
    await works(home, 'web', 'pause', 'save', 'start')
    assert.equal((await stateOf(home, 'web')).state, 'paused')
    await works(home, 'web', 'resume')
    const last = await goesOn(home, 'web')
    await works(home, 'web', 'save')
    await works(home, 'web', 'mem=128', 'network= ', 'start', '--fresh', ...guestKernel)
    const serial = await Serial.open(consoleOf(home, 'web'))
    await serial.waitFor(guestPrompt)
    const found = await serial.command('dd if=/dev/vda bs=512 skip=9 count=1 2>/dev/null | tr -dc 0-9')
    assert.ok(Number(found) >= last, `${found} of ${last}`)
    const uptime = Number((await serial.command('cat /proc/uptime')).split(' ')[0])
    serial.close()
    assert.ok(uptime < 120)
    checkDrives(home)
    assertTidy(home, 'web')
  })

  it('says why where it cannot go on, and what to do', async () => {
    await works(home, 'web', 'save')
    const file = path.join(home.folder, 'vms/web/saved/devices')
    const bytes = fs.readFileSync(file)
    fs.chmodSync(file, 0o600)
    fs.writeFileSync(file, bytes.subarray(0, bytes.length - 100))
    await refused(home, /cannot wake web: .*devices is not what was frozen\n.*start --fresh/, 'web', 'start')
    fs.writeFileSync(file, bytes)
    await works(home, 'web', 'start')
    await works(home, 'web', 'save')
    await works(home, 'web', 'rm', '--yes')
    assert.equal(fs.existsSync(path.join(home.folder, 'vms/web')), false)
  })

  it('goes back to a checkpoint from there; what it would go on from is gone', async () => {
    await startWitness(home, 'back')
    await works(home, 'back', 'checkpoint', 'a')
    const at = heard(home, 'back').numbers.at(-1) ?? 0
    await goesOn(home, 'back')
    await works(home, 'back', 'save')
    await works(home, 'back', 'rollback', 'a', '--yes')
    const now = await goesOn(home, 'back')
    assert.ok(now <= at + 2, `${now} after ${at}`)
    // A drive of later is for its next boot.
    await works(home, 'back', 'drive_size=1M', 'newimg')
    await works(home, 'back', 'rollback', 'a', '--yes')
    await goesOn(home, 'back')
    assert.ok(fs.existsSync(drive(home, 'back-2')))
    await works(home, 'back', 'rollback', 'a', '--fresh', '--yes')
    assert.equal((await stateOf(home, 'back')).state, 'stopped')
    checkDrives(home)
    await works(home, 'back', 'rm', '--yes')
  })
})

describe('there is no room', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-room-'))
  const mounted = process.geteuid?.() === 0 && spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=40M', 'nbsvm', folder]).status === 0
  const home = makeHome()
  const small: Home = {
    ...home,
    folder,
    nbsvm: (args, options = {}) => home.nbsvm(args, { ...options, env: { NBSVM_HOME: folder } }),
  }
  after(async () => {
    await small.nbsvm(['web', 'stop'])
    if (mounted) execFileSync('umount', ['-l', folder])
    fs.rmdirSync(folder)
  })

  it(
    'for a state: that is said, the guest goes on, nothing is left',
    { skip: !mounted && 'only root can mount a small disk' },
    async () => {
      await startWitness(small, 'web')
      for (const words of [['checkpoint', 'a'], ['save'], ['freeze'], ['checkpoint', 'a']]) {
        await refused(
          small,
          /cannot (?:save|freeze|checkpoint) web: there is no room for its RAM in .*vms\/web\n/,
          'web',
          ...words,
        )
        await goesOn(small, 'web')
        assertTidy(small, 'web')
        assert.deepEqual(await listed(small, 'web'), [])
        assert.equal((await stateOf(small, 'web')).state, 'running')
        const used = fs.readdirSync(path.join(folder, 'drives')).filter((name) => name.startsWith('.pin'))
        assert.deepEqual(used, [])
      }
      checkDrives(small)
    },
  )
})
