// The library, as programs use it: its examples, what calls leave of a process, how they fail, and how they are given up.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { before, describe, test } from 'node:test'
import type { Failure, Host, VmEvent } from '../src/index.js'
import { agentKernel, makeHome, run, until, type Home, type Result } from './cli.js'
import { freePort } from './guest.js'
import { imageBytes, makeVendor, sha } from './support/vendor.js'
import { isWhole } from './support/whole.js'

const { AbortError, host } = (await import(path.resolve('dist/index.cjs'))) as typeof import('../src/index.js')

const vendor = await makeVendor()
const bytes = imageBytes()
vendor.files.set('/guest.qcow2', { bytes })

/** A home whose image `debian` is the tests' guest, which boots with an agent. */
function makeWorld(): Home {
  const home = makeHome()
  const config = path.join(home.folder, 'config')
  fs.mkdirSync(config)
  const quoted = agentKernel.map((word) => `'${word}'`).join(' ')
  fs.writeFileSync(
    path.join(config, 'default.class'),
    `args=(${quoted})\ndrive_size=1G\n# The guest has nothing by which it could renew its random numbers.\nidentity=no\n`,
  )
  const image = `url=${vendor.url}/guest.qcow2\nsha256=${sha('sha256', bytes)}\nseed=none\nmin_mem=128M\nmin_drive=64M\n`
  fs.writeFileSync(path.join(config, 'debian.image'), image)
  return home
}

/** Compiled with their types checked; also those that are no TypeScript. */
const examples = path.resolve('build/examples')

before(async () => {
  const { status, stdout } = await run(
    path.resolve('node_modules/.bin/tsc'),
    ['-p', 'examples', '--pretty', 'false'],
    process.env,
  )
  assert.equal(status, 0, stdout)
})

async function runExample(name: string, { env, folder }: Home): Promise<string> {
  const { status, stdout, stderr } = await run(process.execPath, [path.join(examples, name)], { ...env, TMPDIR: folder })
  assert.equal(status, 0, `${name}: ${stderr}`)
  return stdout
}

/** Whether a call that is aborted meanwhile came to its end; else it rejects with an AbortError. */
async function isDone(call: Promise<unknown>): Promise<boolean> {
  try {
    await call
    return true
  } catch (error) {
    assert.ok(error instanceof AbortError, String(error))
    return false
  }
}

describe('a VM that runs', { concurrency: false }, () => {
  const world = makeWorld()
  let here: Host

  before(async () => {
    // passt, which a user's VMs are on where it is installed, opens no port later.
    const network = 'network=(-nic user,model=virtio-net-pci)'
    const sshPort = `${await freePort()}:22`
    const config = ['mem=256', 'user=alice', network, `forward=${sshPort}`, 'drive_size=64M']
    fs.writeFileSync(path.join(world.folder, 'config/box.vm'), `${config.join('\n')}\n`)
    here = host({ environment: world.env })
    const box = here.vm('box')
    await box.newimg()
    await box.start()
    await box.wait('agent', { timeoutMs: 300_000 })
    await box.forward(sshPort)
  })

  test("waits for nothing in its caller's thread, and leaves its process as it is", async (context) => {
    const caller = path.resolve('build/js/test/fixture/librarycaller.js')
    const { status, stdout, stderr } = await run(process.execPath, [caller, 'box'], world.env)
    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' }, stdout)
    const { whenLoaded, waits, later, stalls, before, after } = JSON.parse(stdout) as {
      whenLoaded: string[]
      waits: Record<string, string[]>
      later: string[]
      stalls: Record<string, number>
      before: object
      after: object
    }
    context.diagnostic(`longest stalls in ms: ${JSON.stringify(stalls)}`)
    assert.deepEqual(after, before)
    // It does count.
    assert.ok(whenLoaded.includes('fs.statSync'), whenLoaded.join(' '))
    assert.deepEqual(
      Object.entries(waits).filter(([, names]) => names.length > 0),
      [],
    )
    assert.deepEqual(later, [])
    // How long it is on a machine at rest is for whoever reads the figures; to wait for a guest would take longer than that anywhere.
    assert.deepEqual(
      Object.entries(stalls).filter(([, ms]) => ms > 50),
      [],
    )
  })

  for (const [name, expected] of Object.entries({
    'exec.mjs': /^1 ls: \/nowhere: No such file[^]*LOUD[^]*stdout good\n\nstderr bad\n\ntrue\n$/,
    'files.mjs': /^hello\n/,
    'console.mjs': /^\d+\n$/,
    'screen.mjs': /^\d+ \d+\n$/,
    'ssh.mjs': /^ssh \[[^]*'alice'[^]*'uptime'/,
    'forward.js': /guestPort: 80[^]*\n200\n[^]*guestPort: 22/,
    'devices.mjs': /^disk1 [^]*memNowBytes/,
    'abort.mjs': /^AbortError [^]*TimeoutError/,
    'failure.mjs': /^cannot start box: it runs already[^]*NAME_WRONG\n$/,
    'list.mjs': /^box running 268435456\nbox is running\n$/,
    'events.mjs': /^started \d+ null\nrunning [^]*paused/,
  })) {
    test(`examples/${name}`, async () => {
      // What answers like an sshd, and is none.
      if (name === 'ssh.mjs') await here.vm('box').type('(while :; do echo SSH-2.0-none | nc -l -p 22; done) &\n')
      assert.match(await runExample(name, world), expected)
    })
  }

  test('is refused what it cannot do by a code', async () => {
    const box = here.vm('box')
    const off = here.vm('off', { drive_size: '1M' })
    await off.newimg()
    const kept = fs.mkdtempSync(path.join(world.folder, 'kept-'))
    const config = path.join(world.folder, 'config/off.vm')
    fs.writeFileSync(config, 'args=(-device virtio-rng-pci)\n')
    await off.backup(kept)
    fs.rmSync(config)
    const refused: Readonly<Record<string, () => Promise<unknown>>> = {
      VM_RUNNING: () => box.rm(),
      VM_MISSING: () => here.vm('nosuch').status(),
      VM_NOT_RUNNING: () => off.pause(),
      DRIVE_MISSING: () => box.resize('1G', { drive: 7 }),
      SOURCE_MISSING: () => here.vm('copy', { gold: 'nosuch' }).snapshot(),
      IMAGE_UNKNOWN: () => here.vm('new', { image: 'nosuch' }).newimg(),
      TIMEOUT: () => box.wait('what it never says', { timeoutMs: 100 }),
      PORT_UNKNOWN: () => box.unforward('1'),
      DEVICE_MISSING: () => box.detach('hot7'),
      FILE_MISSING: () => box.cp('/nowhere', ':/tmp/'),
      USAGE: () => box.key('no-such-key'),
      NAME_WRONG: async () => here.vm('../x'),
      // What somebody else may have written there.
      NOT_ALLOWED: () => here.vm('again').restore(kept, { from: 'off' }),
      BACKUP_MISSING: () => off.removeBackup(kept, '1999'),
    }
    for (const [code, call] of Object.entries(refused)) await assert.rejects(call(), { code }, code)
    await assert.rejects(here.vm('nosuch').stop(), (error: Failure) => {
      assert.deepEqual([error.name, error.exitStatus], ['UsageError', 2])
      assert.match(error.stack ?? '', /nosuch/)
      return error.hints.some((hint) => hint.includes('newimg'))
    })
    await off.rm()
  })

  test('is given up by a signal: with an AbortError, and nothing half done', async () => {
    const box = here.vm('box')
    // An example has reset it.
    await box.wait('agent', { timeoutMs: 300_000 })
    const already = AbortSignal.abort(new Error('too late'))
    await assert.rejects(box.pause({ signal: already }), (error: Error) => {
      assert.ok(error instanceof AbortError)
      assert.deepEqual([error.name, error.code, (error.cause as Error).message], ['AbortError', 'ABORT_ERR', 'too late'])
      return true
    })
    assert.equal((await box.status()).state, 'running')

    const running = new AbortController()
    const job = box.exec(['sh', '-c', 'echo $$ >/tmp/pid; exec sleep 1000'], { signal: running.signal })
    await box.exec(['sh', '-c', 'until [ -s /tmp/pid ]; do sleep 0.1; done'])
    running.abort()
    await assert.rejects(job, { name: 'AbortError' })
    assert.equal((await box.exec(['sh', '-c', 'kill -0 "$(cat /tmp/pid)"'])).status, 1)

    const lines: string[] = []
    const console = new AbortController()
    await assert.rejects(
      (async () => {
        for await (const line of box.console({ signal: console.signal })) {
          lines.push(line)
          console.abort()
        }
      })(),
      { name: 'AbortError' },
    )
    assert.equal(lines.length, 1)
  })

  test('all that a program says comes where it is spooled, however much that is', async () => {
    const box = here.vm('box')
    await box.wait('agent', { timeoutMs: 300_000 })
    const words = ['sh', '-c', 'yes 0123456789abcde | head -c 5000000; echo over >&2']
    const { status, bytes: said, stderr } = await box.exec(words, { spool: true })
    assert.deepEqual([status, said.stdout.length, stderr], [0, 5_000_000, 'over\n'])
    const expected = Buffer.from('0123456789abcde\n'.repeat(Math.ceil(5_000_000 / 16))).subarray(0, 5_000_000)
    assert.ok(said.stdout.equals(expected))
  })

  test('a program whose input stalls is given up by a signal', { timeout: 300_000 }, async () => {
    const box = here.vm('box')
    await box.wait('agent', { timeoutMs: 300_000 })
    const stalling: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }),
    }
    await assert.rejects(box.exec(['cat'], { input: stalling, signal: AbortSignal.timeout(500) }), { name: 'AbortError' })
    assert.equal((await box.exec(['cat'], { input: 'goes on' })).stdout, 'goes on')
  })

  test('an aborted start leaves nothing running, an aborted copy no drive', async () => {
    const late = here.vm('late', { mem: 64 })
    // One that comes too late changes nothing; after a millisecond it does not.
    for (const afterMs of [1, 30, 100]) {
      const isStarted = await isDone(late.start({ qemuOptions: ['-S'], signal: AbortSignal.timeout(afterMs) }))
      if (afterMs === 1) assert.equal(isStarted, false)
      const { state, helpers } = await late.status().catch(() => ({ state: 'stopped', helpers: [] }))
      if (isStarted) assert.equal(state, 'paused')
      else assert.deepEqual({ state, helpers }, { state: 'stopped', helpers: [] })
      await late.stop().catch(() => {})
    }
    const source = path.join(world.folder, 'source.raw')
    fs.writeFileSync(source, Buffer.alloc(64 * 1024 ** 2, 7))
    const copy = here.vm('copy', { source })
    const early = AbortSignal.timeout(1)
    const amid = new AbortController()
    for (const options of [{ signal: early }, { signal: amid.signal, onProgress: () => amid.abort() }]) {
      const isCopied = await isDone(copy.clone(options))
      if (options.signal === early) assert.equal(isCopied, false)
      const isListed = (await here.list()).some(({ id }) => id === 'copy')
      const files = fs.readdirSync(path.join(world.folder, 'drives')).filter((name) => name.includes('copy'))
      assert.deepEqual({ isListed, files: files.length }, { isListed: isCopied, files: isCopied ? 1 : 0 })
      if (isCopied) await copy.rm()
    }
  })

  test('events tell what others do to it, over a restart', async () => {
    const calm = here.vm('calm', { mem: 32, drive_size: '1M' })
    await calm.newimg()
    const seen: VmEvent[] = []
    const listening = (async () => {
      for await (const event of calm.events()) {
        seen.push(event)
        if (seen.filter(({ kind }) => kind === 'stopped').length === 2) break
      }
    })()
    const heard = (count: number) => until(`${count} events`, 60_000, () => seen.length >= count)
    // It is at it by then: each call is begun before the next.
    await calm.status()
    for (let at = 1; at <= 2; at++) {
      await calm.start({ qemuOptions: ['-S'] })
      await heard(2 * at - 1)
      assert.equal((await world.nbsvm(['calm', 'stop'])).status, 0)
      await heard(2 * at)
    }
    await listening
    assert.deepEqual(
      seen.map(({ kind, why }) => [kind, why]),
      [
        ['started', null],
        ['stopped', 'ended by stop'],
        ['started', null],
        ['stopped', 'ended by stop'],
      ],
    )
    await calm.rm()
  })
})

describe('examples', () => {
  const world = makeWorld()

  for (const [name, expected] of Object.entries({
    'settings.mjs': /^desktop-win\n[^]*command line[^]*<domain/,
    'drives.mjs': /nbsvm-gold-0[^]*beforeBytes/,
    'send.mjs': /id: 'new'/,
    'vm.mjs': /^\d[^]*paused\n/,
    'fork.js': /^made once\n\n\[ 't1' \]\n\[ 'base' \]\ntrue\n$/,
    'forks.mjs': /^4 of 4 passed in [\d.]+ s\n$/,
    'checkpoints.mjs': /^\[ 'before' \]\nas it was\n\n\[\]\nasleep: true\nas it was\n\n$/,
    'backups.mjs': /^\d+T\d+Z?[^]*\ntrue\nsecret\n\n\[\]\n$/,
    'fresh.js': /^\d+\.\d+[^]*\[\]\n$/,
    'images.mjs': /^pinned \d+\ndebian \[\]\n/,
    'host.mjs': /^node true[^]*\[\]\n$/,
  })) {
    // The longest of them.
    if (name === 'forks.mjs' && !isWhole) continue
    test(`examples/${name}`, async () => assert.match(await runExample(name, world), expected))
  }
})

describe("integration tests of a project of one's own", { concurrency: 2 }, () => {
  const ended = async (command: string, args: readonly string[]): Promise<Result> =>
    run(command, args, { ...makeWorld().env, NO_COLOR: '1' })

  test('examples/node-test', async () => {
    const { status, stdout } = await ended(process.execPath, [
      '--test',
      '--test-reporter=tap',
      'examples/node-test/fresh.test.mjs',
    ])
    assert.equal(status, 0, stdout)
    assert.match(stdout, /^# pass 1$/m)
  })

  if (isWhole)
    test('examples/vitest', async () => {
      const vitest = path.resolve('node_modules/vitest/vitest.mjs')
      const { status, stdout, stderr } = await ended(process.execPath, [vitest, 'run', '--root', 'examples/vitest', '--no-cache'])
      assert.equal(status, 0, stdout + stderr)
      assert.match(stdout, /Tests +1 passed/)
    })
})

describe('what is written of it', () => {
  const exampleFiles = fs
    .readdirSync('examples', { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(mjs|ts)$/.test(name))
  const textOf = (name: string): string => fs.readFileSync(path.join('examples', name), 'utf8')

  test('each program of the README is one of the examples, which were run', () => {
    const section = /^## In a program\n(?<section>[^]*?)^## /m.exec(fs.readFileSync('README.md', 'utf8'))?.groups?.['section']
    const blocks = [...(section ?? '').matchAll(/^```(?:js|ts)\n(?<code>[^]*?)^```$/gm)].map(
      ({ groups }) => groups?.['code'] ?? '',
    )
    assert.ok(blocks.length >= 3)
    for (const block of blocks)
      assert.ok(
        exampleFiles.some((name) => textOf(name).includes(block.trim())),
        block,
      )
  })

  test('every example is run by a test', () => {
    const tests = fs.readFileSync('test/library.test.ts', 'utf8')
    const names = exampleFiles.map((name) =>
      name.includes('/') ? `examples/${path.dirname(name)}` : name.replace(/\.ts$/, '.js'),
    )
    assert.deepEqual(
      names.filter((name) => !tests.includes(`'${name}'`)),
      [],
    )
  })

  test('every method but those that need systemd or another machine stands in an example', () => {
    const all = exampleFiles.map(textOf).join('\n')
    const here = host({ home: '/nonexistent' })
    const methods = [...Object.keys(here), ...Object.keys(here.vm('x')), ...Object.keys(here.images)]
    const apart = new Set(['id', 'enable', 'disable', 'move', 'settleMove', 'eject'])
    assert.deepEqual(
      methods.filter((name) => !apart.has(name) && !new RegExp(`[.{ ]${name}\\b`).test(all)),
      [],
    )
  })
})
