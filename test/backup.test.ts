// Backups of guests that write: each restores what the drives held, takes little more than what was changed, and harms no other, whatever is killed.
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, describe, it } from 'node:test'
import { guestDisk, guestKernel, makeHome, program, until, type Home, type Result } from './cli.js'
import { guestPrompt, Serial } from './guest.js'
import { canBe, hit, stepsOf } from './support/faults.js'
import { smallDisk } from './support/smalldisk.js'
import { isWhole } from './support/whole.js'
import { consoleOf } from './support/witness.js'

/** Twenty are the whole proof. */
const generations = Number(process.env['NBSVM_BACKUP_GENERATIONS'] ?? (isWhole ? 20 : 4))

/** So many kills at calls of its own, and a third of that of each failure. */
const cuts = Number(process.env['NBSVM_BACKUP_CUTS'] ?? 4)

interface Listed {
  readonly name: string
  readonly state: string | null
  readonly changedBytes: number
  readonly writtenBytes: number
  readonly fault: string | null
}

async function works({ nbsvm }: Home, ...words: readonly string[]): Promise<Result> {
  const result = await nbsvm(words)
  assert.equal(result.status, 0, `${words.join(' ')}: ${result.stderr}`)
  return result
}

async function refused({ nbsvm }: Home, why: RegExp, ...words: readonly string[]): Promise<void> {
  const { status, stderr } = await nbsvm(words)
  assert.notEqual(status, 0, words.join(' '))
  assert.match(stderr, why)
}

function folderFor(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-backups-'))
  after(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

const listed = async (home: Home, id: string, dir: string): Promise<Listed[]> =>
  JSON.parse((await works(home, id, 'backups', dir, '--json')).stdout) as Listed[]

const drive = ({ folder }: Home, name: string): string => path.join(folder, `drives/nbsvm-${name}.qcow2`)

function io(file: string, ...commands: readonly string[]): void {
  const words = ['-f', file.endsWith('.raw') ? 'raw' : 'qcow2', ...commands.flatMap((one) => ['-c', one]), file]
  assert.doesNotMatch(execFileSync('qemu-io', words, { encoding: 'utf8' }), /failed|error/i)
}

/** What a guest sees of a drive, in a file. */
function flat(from: string, to: string): string {
  execFileSync('qemu-img', ['convert', '-U', '-O', 'raw', from, to])
  return to
}

/** Throws where a drive is not what is in the file. */
function assertSame(from: string, reference: string): void {
  execFileSync('qemu-img', ['compare', '-U', '-q', '-F', 'raw', from, reference])
}

/** Restores a backup under another name, looks whether its drives are what they were, and removes it. */
async function restores(home: Home, dir: string, when: string, references: readonly string[]): Promise<void> {
  await works(home, 'copy', 'restore', dir, when, '--from=web')
  for (const [number, reference] of references.entries()) assertSame(drive(home, `copy-${number}`), reference)
  await works(home, 'copy', 'rm', '--yes')
}

const nothingLeft = (home: Home, dir: string): void => {
  assert.deepEqual(
    fs.readdirSync(path.join(dir, 'web')).filter((name) => name.startsWith('.')),
    [],
  )
  const own = path.join(home.folder, 'state/web')
  assert.deepEqual(
    fs.readdirSync(own).filter((name) => /^(backup|nbd-)/.test(name)),
    [],
  )
}

describe('of a guest that runs', () => {
  const home = makeHome()
  const dir = folderFor()
  const references: string[][] = []
  let serial: Serial

  const reference = (): void => {
    const number = references.length
    references.push([0, 1].map((at) => flat(drive(home, `web-${at}`), path.join(dir, `reference-${number}-${at}`))))
  }
  const start = async (): Promise<void> => {
    await works(home, 'web', 'mem=128', 'network=none', 'start', ...guestKernel)
    serial = await Serial.open(consoleOf(home, 'web'))
    await serial.waitFor(guestPrompt)
  }

  it('generations: each restores byte for byte, at no more than 1.2 times of what was changed', async () => {
    await works(home, 'web', 'drive_size=64M', 'newimg', 'newimg')
    await start()
    // Urandom is never twice the same, so all that is written is a change.
    await serial.command('dd if=/dev/urandom of=/dev/vda bs=1M count=6 conv=fsync 2>/dev/null')
    reference()
    await works(home, 'web', 'backup', dir)
    for (let number = 1; number < generations; number++) {
      const at = (number * 7) % 50
      await serial.command(`dd if=/dev/urandom of=/dev/vda bs=4k seek=${at * 256 + 3} count=100 conv=fsync 2>/dev/null`)
      await serial.command(`dd if=/dev/zero of=/dev/vda bs=4k seek=${number * 30} count=9 conv=fsync 2>/dev/null`)
      await serial.command(`dd if=/dev/urandom of=/dev/vdb bs=4k seek=${number * 17} count=1 conv=fsync 2>/dev/null`)
      reference()
      const { stderr } = await works(home, 'web', 'backup', dir)
      assert.doesNotMatch(stderr, /is read/, 'what was written is known')
      const stood = Number(/stood still for (\d+) ms/.exec(stderr)?.[1])
      console.log(`generation ${number}: its drives stood still for ${stood} ms`)
    }
    const found = await listed(home, 'web', dir)
    assert.equal(found.length, generations)
    for (const { changedBytes, writtenBytes } of found.slice(1)) {
      assert.ok(changedBytes >= 100 * 4096 && changedBytes <= 110 * 4096, `${changedBytes} were changed`)
      assert.ok(writtenBytes <= 1.2 * changedBytes, `${writtenBytes} written for ${changedBytes}`)
    }
    for (const [number, { name }] of found.entries()) await restores(home, dir, name, references[number] ?? [])
    nothingLeft(home, dir)
    assert.equal((await works(home, 'web', 'backups', dir, '--verify')).status, 0)
  })

  it('what was written is known after a stop and a start; after a kill of QEMU, a rollback and a snapshot all is read, and is right', async () => {
    const change = async (seek: number): Promise<void> => {
      await serial.command(`dd if=/dev/urandom of=/dev/vda bs=4k seek=${seek} count=2 conv=fsync 2>/dev/null`)
      reference()
    }
    const next = async (isKnown: boolean): Promise<void> => {
      const { stderr } = await works(home, 'web', 'backup', dir)
      assert.equal(!stderr.includes('is read'), isKnown, stderr)
      const last = (await listed(home, 'web', dir)).at(-1)
      assert.ok((last?.changedBytes ?? 0) <= 64 * 4096, `${last?.changedBytes} changed`)
      await restores(home, dir, last?.name ?? '', references.at(-1) ?? [])
    }
    await change(9000)
    await works(home, 'web', 'stop')
    await start()
    await next(true)
    await change(9010)
    process.kill(Number(fs.readFileSync(path.join(home.folder, 'state/web/pid'), 'utf8')), 'SIGKILL')
    await until('it is gone', 10_000, async () => (await home.nbsvm(['web', 'status'])).status === 3)
    await start()
    await next(false)
    await change(9020)
    await next(true)
    await works(home, 'side', 'gold=web', 'snapshot')
    await change(9030)
    await next(false)
    await works(home, 'web', 'checkpoint', 'one')
    await change(9040)
    await next(false)
    references.push(references.at(-2) ?? [])
    await works(home, 'web', 'rollback', 'one', '--yes', '--fresh')
    await next(false)
    await start()
  })

  it('a backup that is killed harms nothing: the guest goes on, and the next is right', async () => {
    const before = await listed(home, 'web', dir)
    for (const [number, ms] of [150, 300, 450, 700].entries()) {
      await serial.command(`dd if=/dev/urandom of=/dev/vda bs=4k seek=${10_000 + number} count=200 conv=fsync 2>/dev/null`)
      const child = spawn(process.execPath, [program, 'web', 'backup', dir], { env: home.env, stdio: 'ignore' })
      const ended = new Promise((resolve) => child.on('close', resolve))
      await new Promise((resolve) => setTimeout(resolve, ms))
      child.kill('SIGKILL')
      await ended
      assert.match(await serial.command('echo still here'), /still here/)
    }
    reference()
    await until('what was killed is settled', 20_000, async () => (await home.nbsvm(['web', 'backup', dir])).status === 0)
    const now = await listed(home, 'web', dir)
    assert.ok(now.length > before.length)
    await restores(home, dir, now.at(-1)?.name ?? '', references.at(-1) ?? [])
    assert.deepEqual(
      now.map(({ fault }) => fault),
      now.map(() => null),
    )
    await works(home, 'web', 'backups', dir, '--verify')
    nothingLeft(home, dir)
  })

  it('two at once: one is told that the other is at it', async () => {
    const results = await Promise.all([home.nbsvm(['web', 'backup', dir]), home.nbsvm(['web', 'backup', dir])])
    const failed = results.find(({ status }) => status !== 0)
    if (failed !== undefined) assert.match(failed.stderr, /is at work in/)
    await works(home, 'web', 'backups', dir, '--verify')
    serial.close()
  })
})

describe('of one that is off', () => {
  const home = makeHome()
  const dir = folderFor()
  const same = (number: number, reference: string): void => assertSame(drive(home, `web-${number}`), reference)

  it('only what was written since is read, also of a drive that others stand on no more; a resize has all read', async () => {
    await works(home, 'web', 'drive_size=32M', 'newimg', 'newimg')
    io(drive(home, 'web-0'), 'write -P 1 0 1M', 'write -P 2 20M 4096')
    await works(home, 'web', 'backup', dir)
    io(drive(home, 'web-0'), 'write -P 3 512k 8192', 'write -z 0 4096')
    const { stderr } = await works(home, 'web', 'backup', dir)
    assert.doesNotMatch(stderr, /is read/)
    const [, second] = await listed(home, 'web', dir)
    assert.equal(second?.changedBytes, 3 * 4096)
    const reference = flat(drive(home, 'web-0'), path.join(dir, 'reference'))
    await works(home, 'web', 'resize', '--drive=0', '--shrink', '16M', 'resize', '--drive=0', '32M')
    const cut = flat(drive(home, 'web-0'), path.join(dir, 'cut'))
    assert.match((await works(home, 'web', 'backup', dir)).stderr, /web-0 is read/)
    await restores(home, dir, (await listed(home, 'web', dir)).at(-1)?.name ?? '', [cut])
    await restores(home, dir, second?.name ?? '', [reference])
  })

  it('restored in its place it is the machine that it was; what goes does not harm what stays', async () => {
    const uuid = (id: string): string =>
      (JSON.parse(fs.readFileSync(path.join(home.folder, `vms/${id}/machine.json`), 'utf8')) as { uuid: string }).uuid
    const was = uuid('web')
    await refused(home, /this very VM is here[^\n]*\n[^\n]*nbsvm web rm/, 'web', 'restore', dir)
    await refused(home, /is the folder of one VM's backups/, 'web', 'backup', path.join(dir, 'web'))
    await refused(home, /is not a folder\n[^\n]*mkdir/, 'web', 'backups', path.join(dir, 'nosuch'))
    await works(home, 'other', 'restore', dir, '--from=web')
    assert.notEqual(uuid('other'), was)
    await works(home, 'web', 'rm', '--yes', 'restore', dir)
    assert.equal(uuid('web'), was)
    same(0, path.join(dir, 'cut'))
    const chunks = (): number => fs.readdirSync(path.join(dir, 'web/chunks')).length
    assert.match((await works(home, 'web', 'backup', dir)).stderr, /is read/)
    io(drive(home, 'web-0'), 'write -P 7 5M 1M')
    await works(home, 'web', 'backup', dir)
    io(drive(home, 'web-0'), 'write -z 5M 1M')
    const before = chunks()
    await works(home, 'web', 'backup', dir, '--keep=1')
    assert.equal(chunks(), before - 1)
    const left = await listed(home, 'web', dir)
    assert.equal(left.length, 1)
    await restores(home, dir, left[0]?.name ?? '', [path.join(dir, 'cut')])
    nothingLeft(home, dir)
  })

  it('a folder that somebody has changed is not believed, and what is damaged is written again', async () => {
    const chunk = path.join(dir, 'web/chunks', fs.readdirSync(path.join(dir, 'web/chunks'))[0] ?? '')
    const bytes = fs.readFileSync(chunk)
    const [only] = await listed(home, 'web', dir)
    const place = path.join(dir, 'web', only?.name ?? '')
    const spoiled: readonly (readonly [RegExp, () => void, () => void])[] = [
      [/is not what it was/, () => fs.writeFileSync(chunk, Buffer.alloc(bytes.length)), () => {}],
      [/is missing/, () => fs.rmSync(chunk), () => {}],
      [/is a link/, () => fs.symlinkSync('/etc/passwd', chunk), () => fs.rmSync(chunk)],
    ]
    for (const [why, spoil, mend] of spoiled) {
      spoil()
      await refused(home, why, 'new', 'restore', dir, '--from=web')
      assert.equal((await home.nbsvm(['web', 'backups', dir, '--verify'])).status, 1)
      assert.equal(fs.existsSync(path.join(home.folder, 'vms/new')), false)
      mend()
    }
    fs.writeFileSync(chunk, Buffer.alloc(bytes.length))
    io(drive(home, 'web-0'), 'write -P 9 1M 4096')
    execFileSync('qemu-img', ['bitmap', '--remove', drive(home, 'web-0'), bitmapsIn(drive(home, 'web-0'))[0] ?? ''])
    assert.match((await works(home, 'web', 'backup', dir)).stderr, /is damaged: what it had is written again/)
    const verified = JSON.parse((await home.nbsvm(['web', 'backups', dir, '--verify', '--json'])).stdout) as Listed[]
    assert.deepEqual(
      verified.map(({ fault }) => fault === null),
      [false, true],
    )
    const index = path.join(place, 'drive-0.index')
    const right = fs.readFileSync(index)
    fs.writeFileSync(index, Buffer.concat([right, Buffer.alloc(1)]))
    await refused(home, /is not what it was/, 'new', 'restore', dir, only?.name ?? '', '--from=web')
    fs.writeFileSync(index, right)
    fs.renameSync(path.join(dir, 'web'), path.join(dir, 'real'))
    fs.symlinkSync('real', path.join(dir, 'web'))
    await refused(home, /is not a folder/, 'new', 'restore', dir, '--from=web')
    fs.rmSync(path.join(dir, 'web'))
    fs.renameSync(path.join(dir, 'real'), path.join(dir, 'web'))
  })

  it('settings that reach out of it are asked for', async () => {
    const config = path.join(home.folder, 'config')
    fs.mkdirSync(config, { recursive: true })
    fs.writeFileSync(path.join(config, 'web.vm'), 'mem=256\nargs=(-device virtio-rng-pci)\n')
    await works(home, 'web', 'backup', dir)
    fs.rmSync(path.join(config, 'web.vm'))
    await refused(home, /its settings args\?/, 'new', 'restore', dir, '--from=web')
    await works(home, 'new', 'restore', dir, '--from=web', '--yes')
    assert.match(fs.readFileSync(path.join(config, 'new.vm'), 'utf8'), /mem=256/)
  })

  it('a copy of it is booted, and nothing stays of that', async () => {
    await works(home, 'sys', `source=${guestDisk}`, 'clone')
    assert.match((await works(home, 'sys', 'backup', dir, '--boot-test')).stderr, /boots: it says "guest#/)
    const all = JSON.parse((await works(home, 'ls', '--json')).stdout) as { id: string }[]
    assert.deepEqual(
      all.filter(({ id }) => id.startsWith('boot-test')),
      [],
    )
    for (const folder of ['vms', 'drives', 'state'])
      assert.deepEqual(
        fs.readdirSync(path.join(home.folder, folder)).filter((name) => name.includes('boot-test')),
        [],
      )
  })

  const full = smallDisk()
  it('no room for it: earlier ones are as they were, and so is the next', { skip: full.skip }, async () => {
    await works(home, 'big', 'drive_size=16M', 'newimg')
    io(drive(home, 'big-0'), 'write -P 5 0 1M')
    await works(home, 'big', 'backup', full.folder)
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write -s /dev/urandom 1M 8M', drive(home, 'big-0')])
    await refused(home, /no space/i, 'big', 'backup', full.folder)
    await works(home, 'big', 'backups', full.folder, '--verify')
    assert.equal((await listed(home, 'big', full.folder)).length, 1)
    assert.deepEqual(
      fs.readdirSync(path.join(full.folder, 'big')).filter((name) => name.startsWith('.')),
      [],
    )
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write -z 1M 8M', '-c', 'write -P 6 2M 4096', drive(home, 'big-0')])
    await works(home, 'big', 'backup', full.folder)
    await works(home, 'small', 'restore', full.folder, '--from=big')
    assertSame(drive(home, 'small-0'), flat(drive(home, 'big-0'), path.join(dir, 'big')))
  })
})

describe(
  'cut off at a system call of its own',
  { skip: hasStrace() ? false : 'strace is not installed, or may not trace' },
  () => {
    const home = makeHome()
    const dir = path.join(home.folder, 'backups')
    let changes = 0
    const change = (): void => io(drive(home, 'web-0'), `write -P ${(++changes % 250) + 1} ${changes * 8}k 12k`)

    it('killed or failed there, it counts or it does not, all others are as they were, and the next is right', async () => {
      fs.mkdirSync(dir)
      await works(home, 'web', 'drive_size=16M', 'newimg')
      await works(home, 'web', 'backup', dir)
      change()
      const { steps, status } = await stepsOf(home, ['web', 'backup', dir])
      assert.equal(status, 0)
      const phases = new Map<string, number>()
      for (const fault of ['KILL', 'EIO', 'ENOSPC'] as const) {
        const able = steps.filter((step) => canBe(fault, step))
        const count = fault === 'KILL' ? cuts : Math.ceil(cuts / 3)
        for (let at = 0; at < count; at++) {
          const step = able[Math.floor(((at + 0.5) * able.length) / count)]
          if (step === undefined) continue
          change()
          const before = await listed(home, 'web', dir)
          const cut = await hit(home, step, fault, ['web', 'backup', dir])
          const told = `${fault} at ${step.what}: status ${cut.status} ${cut.stderr}`
          phases.set(`${fault} ${step.call}`, (phases.get(`${fault} ${step.call}`) ?? 0) + 1)
          const after = await listed(home, 'web', dir)
          assert.deepEqual(after.slice(0, before.length), before, told)
          if (cut.status === 0) assert.equal(after.length, before.length + 1, told)
          await works(home, 'web', 'backup', dir)
          const last = (await listed(home, 'web', dir)).at(-1)
          await restores(home, dir, last?.name ?? '', [flat(drive(home, 'web-0'), path.join(home.folder, 'reference'))])
          nothingLeft(home, dir)
        }
      }
      await works(home, 'web', 'backups', dir, '--verify')
      for (const [phase, times] of phases) console.log(`${phase}: ${times}`)
    })
  },
)

function hasStrace(): boolean {
  return spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0
}

function bitmapsIn(file: string): string[] {
  const info = JSON.parse(execFileSync('qemu-img', ['info', '--output=json', file], { encoding: 'utf8' })) as {
    'format-specific': { data: { bitmaps?: { name: string }[] } }
  }
  return (info['format-specific'].data.bitmaps ?? []).map(({ name }) => name)
}
