// What goes wrong on a disk, done to the program itself: system calls that fail or end it (strace), files that are damaged.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { afterEach, describe, it } from 'node:test'
import { makeHome, program, until } from './cli.js'
import { bases, leftovers, remains } from './support/drives.js'

const home = makeHome()
const drives = path.join(home.folder, 'drives')
if (process.getuid?.() === 0) home.env['run_as'] = 'root'

/** Runs nbsvm while system calls fail or kill it: `link:error=EPERM`. */
function inject(faults: readonly string[], ...words: readonly string[]) {
  return injectAt([], faults, words)
}

/** The same for calls that have to do with one path only. */
function injectAt(where: readonly string[], faults: readonly string[], words: readonly string[]) {
  const strace = faults.flatMap((fault) => ['-e', `inject=${fault}`])
  const trace = ['-e', `trace=${faults.map((fault) => fault.split(':')[0]).join(',')}`]
  const command = [
    '-f',
    ...where.flatMap((file) => ['-P', file]),
    '-o',
    '/dev/null',
    ...trace,
    ...strace,
    process.execPath,
    program,
    ...words,
  ]
  return spawnSync('strace', command, { env: home.env, encoding: 'utf8' })
}

/** Runs nbsvm, which must succeed. */
async function nbsvm(...words: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await home.nbsvm(words)
  assert.equal(status, 0, stderr)
  return stdout
}

/** Puts one byte where it is asked for in a drive at rest, and looks for it. */
const io = (name: string, command: string): string =>
  spawnSync('qemu-io', ['-f', 'qcow2', '-c', command, path.join(drives, `${name}.qcow2`)], { encoding: 'utf8' }).stdout
const has = (name: string, value: number): boolean => !io(name, `read -P ${value} 0 64k`).includes('failed')

afterEach(async () => {
  for (const { id } of JSON.parse(await nbsvm('ls', '--json')) as { id: string }[]) {
    await home.nbsvm([id, 'stop'])
    await home.nbsvm([id, 'rm', '--yes'])
  }
  assert.deepEqual(leftovers(drives), [])
})

describe('a drive that is broken', () => {
  it('is shown with the reason by the state of a VM that runs, and hides nothing', async () => {
    await nbsvm('web', 'drive_size=8M', 'newimg', 'newimg', 'start', '-S')
    fs.writeFileSync(path.join(drives, 'nbsvm-web-0.qcow2'), 'x')
    const { status, stdout } = await home.nbsvm(['web', 'status', '--json'])
    assert.equal(status, 0)
    const found = JSON.parse(stdout) as {
      state: string
      drives: { name: string; fault: string | null }[]
    }
    assert.equal(found.state, 'paused')
    assert.deepEqual(
      found.drives.map(({ name, fault }) => [name, fault === null]),
      [
        ['nbsvm-web-0', false],
        ['nbsvm-web-1', true],
      ],
    )
    assert.match(await nbsvm('web', 'status'), /nbsvm-web-0\.qcow2 is not a good qcow2 image/)
    await nbsvm('web', 'stop')
    await nbsvm('web', 'resize', '16M', '--drive=1')
    await nbsvm('web', 'explain')
    const refused = await home.nbsvm(['web', 'start', '-S'])
    assert.equal(refused.status, 1)
    assert.match(refused.stderr, /nbsvm-web-0\.qcow2 is not a good qcow2 image/)
    await nbsvm('web', 'rm-drive', '0', '--yes')
    await nbsvm('web', 'start', '-S')
  })
})

describe('a disk that fails', () => {
  for (const [fault, words] of [
    // The folder is synced after the drive has its name.
    ['fsync:error=EIO', ['v', 'drive_size=8M', 'newimg']],
    ['unlink:error=EIO', ['v', 'drive_size=8M', 'newimg']],
  ] as const) {
    it(`after the drive has its name is no failure (${fault})`, async () => {
      fs.mkdirSync(drives, { recursive: true, mode: 0o700 })
      const { status, stderr, stdout } = injectAt(fault.startsWith('fsync') ? [drives] : [], [fault], words)
      assert.equal(status, 0, stderr)
      assert.equal(stdout.trim(), path.join(drives, 'nbsvm-v-0.qcow2'))
      if (fault.startsWith('fsync')) assert.match(stderr, /nbsvm-v-0 is done, but a power cut could still undo it: EIO/)
      await nbsvm('other', 'drive_size=8M', 'newimg')
    })
  }

  it('before that is one, and leaves nothing', async () => {
    const { status } = inject(['fsync:error=EIO'], 'v', 'drive_size=8M', 'newimg')
    assert.equal(status, 1)
    assert.deepEqual(
      remains(drives).filter((name) => name !== '.lock'),
      [],
    )
  })
})

describe('a file system without hard links', () => {
  it('is told by doctor', async () => {
    await nbsvm('v', 'drive_size=8M', 'newimg')
    assert.match(inject(['link:error=EPERM'], 'doctor').stdout, /hard links +this file system has none/)
    assert.doesNotMatch((await home.nbsvm(['doctor'])).stdout, /hard links/)
  })

  const without = 'link:error=EPERM'

  it('holds drives, snapshots and clones all the same', async () => {
    assert.equal(inject([without], 'gold', 'drive_size=8M', 'newimg').status, 0)
    io('nbsvm-gold-0', 'write -P 1 0 64k')
    const made = inject([without], 'web', 'snapshot')
    assert.equal(made.status, 0, made.stderr)
    io('nbsvm-gold-0', 'write -P 2 0 64k')
    assert.equal(inject([without], 'copy', 'clone').status, 0)
    assert.ok(has('nbsvm-web-0', 1) && has('nbsvm-gold-0', 2) && has('nbsvm-copy-0', 2))
    assert.deepEqual(
      fs.readdirSync(drives).filter((name) => name.startsWith('.move')),
      [],
    )
  })

  for (const when of [1, 2]) {
    it(`loses nothing when nbsvm is killed in a snapshot, at rename ${when}`, async () => {
      await nbsvm('gold', 'drive_size=8M', 'newimg')
      io('nbsvm-gold-0', 'write -P 1 0 64k')
      const gold = path.join(drives, 'nbsvm-gold-0.qcow2')
      injectAt([gold], [without, `rename:signal=SIGKILL:when=${when}`], ['web', 'snapshot'])
      await nbsvm('other', 'drive_size=8M', 'newimg')
      assert.ok(has('nbsvm-gold-0', 1))
      await nbsvm('gold', 'start', '-S')
    })
  }

  it('says of a drive between its two names what it is, and the next command gives it its name back', async () => {
    await nbsvm('gold', 'drive_size=8M', 'newimg')
    io('nbsvm-gold-0', 'write -P 1 0 64k')
    fs.renameSync(path.join(drives, 'nbsvm-gold-0.qcow2'), path.join(drives, '.base-00112233.qcow2'))
    for (const name of ['.move-00112233-nbsvm-gold-0', '.tmp-00ff.lock']) fs.writeFileSync(path.join(drives, name), '')
    const refused = await home.nbsvm(['gold', 'start', '-S'])
    assert.equal(refused.status, 1)
    assert.match(refused.stderr, /nbsvm-gold-0 is between two names/)
    await nbsvm('other', 'drive_size=8M', 'newimg')
    assert.ok(has('nbsvm-gold-0', 1))
    assert.deepEqual(bases(drives), [])
    await nbsvm('gold', 'start', '-S')
  })
})

describe('nbsvm that is killed while it copies from a running VM', () => {
  it('leaves no process behind', async () => {
    await nbsvm('gold', 'drive_size=8M', 'newimg', 'start', '-S')
    for (let round = 0; round < 8; round++) {
      const child = spawn(process.execPath, [program, 'web', 'snapshot'], { env: home.env, stdio: 'ignore' })
      await new Promise((resolve) => setTimeout(resolve, 60 + round * 30))
      child.kill('SIGKILL')
    }
    const flocks = (): string[] =>
      fs
        .readdirSync('/proc')
        .filter((pid) => /^\d+$/.test(pid))
        .filter((pid) => {
          try {
            const held = fs.readdirSync(`/proc/${pid}/fd`).map((fd) => fs.readlinkSync(`/proc/${pid}/fd/${fd}`))
            return fs.readFileSync(`/proc/${pid}/comm`, 'utf8') === 'flock\n' && held.some((file) => file.startsWith(home.folder))
          } catch {
            return false
          }
        })
    await until('no flock to be left', 3000, () => flocks().length === 0)
    await nbsvm('other', 'drive_size=8M', 'newimg')
  })
})
