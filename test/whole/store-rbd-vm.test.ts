// A VM on drives in Ceph, from two places that both have the pool: a disk of the cluster dies under its writes, it is shut out, the other
// place takes over, its QEMU is killed.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { before, describe, test } from 'node:test'
import { withQmp } from '../../src/qemu/qmp.js'
import { fenceCommand, watchersOf } from '../../src/store/rbd/fence.js'
import { drawerOf, type Drawer } from '../../src/vm/record/drawer.js'
import { countedAt, countingSector } from '../bootsector.js'
import { guestDisk, makeHome, program, run, until, type Home, type Result } from '../cli.js'
import { guestPrompt, Serial } from '../guest.js'
import { makeCeph, pool, qemuOfCeph, whyNoCeph } from '../support/ceph.js'

const mib = 2 ** 20

/** What runs a command as an ordinary user, where root runs the tests. */
const asUser = process.geteuid?.() === 0 ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'] : []
const whyNoUser = canRun(asUser) ? false : 'root cannot run this as another user'

function canRun([command, ...args]: readonly string[]): boolean {
  return command === undefined || spawnSync(command, [...args, program, 'version']).status === 0
}

describe('a VM on drives in Ceph', { skip: whyNoCeph }, () => {
  const ceph = makeCeph('bluestore')
  const here = makeHome()
  const there = makeHome()
  before(() => ceph.up())

  const env = (): NodeJS.ProcessEnv => {
    const qemu = qemuOfCeph(ceph)
    const settings = { store: 'rbd', pool, ceph_conf: ceph.conf, mem: '128', usb: ' ', network: ' ', iothread: 'yes' }
    return { ...ceph.env, ...settings, ...(qemu === undefined ? {} : { qemu }) }
  }
  const call = (home: Home, ...args: string[]): Promise<Result> => home.nbsvm(args, { env: env() })
  const ok = async (home: Home, ...args: string[]): Promise<string> => {
    const { status, stdout, stderr } = await call(home, ...args)
    assert.equal(status, 0, `${args.join(' ')}: ${stderr}`)
    return stdout + stderr
  }
  const drawer = (home: Home): Drawer => drawerOf(path.join(home.folder, 'state'), 'web')
  const stateOf = async (
    home: Home,
  ): Promise<{ pid: number; detail: string; drives: { path: string; virtualBytes: number }[] }> =>
    JSON.parse((await call(home, 'web', 'status', '--json')).stdout) as never
  const acknowledged = (serial: Serial): number => Number([...serial.text.matchAll(/ACK (\d+)\r?\n/g)].at(-1)?.[1] ?? 0)
  const rbd = (...words: string[]): string => ceph.admin('rbd', ...words)

  test('it boots from a copy; its QEMU has one key, and no other user can read it; two places that start it at once: one does', async () => {
    assert.equal((await ok(here, 'gold', `source=${guestDisk}`, 'clone')).split('\n')[0], `${pool}/nbsvm-gold-0`)
    await ok(here, 'web', 'drive_size=64M', 'snapshot', 'newimg')
    assert.match(
      await ok(here, 'web', 'explain'),
      /\{ cat \S+ceph\.conf; printf [^]*\(ceph-authtool --print-key --name client\.nbsvm /,
    )
    const both = await Promise.all([here, there].map((home) => call(home, 'web', 'start', '-S')))
    assert.deepEqual(
      both.map(({ status }) => status).toSorted((a, b) => a - b),
      [0, 1],
    )
    const refused = both.find(({ status }) => status === 1)
    assert.match(refused?.stderr ?? '', /cannot start web: (it is being started on|nbsvm-web-[01] is in use by client)/)
    for (const home of [here, there]) await ok(home, 'web', 'stop')
    await ok(here, 'web', 'start')
    const { uid, mode } = fs.statSync(path.join(drawer(here).run, 'ceph.conf'))
    assert.deepEqual([uid, mode & 0o777], [fs.statSync(drawer(here).run).uid, 0o400])
    assert.deepEqual(
      (await stateOf(here)).drives.map(({ path: name, virtualBytes }) => [name, virtualBytes]),
      [
        [`${pool}/nbsvm-web-0`, 64 * mib],
        [`${pool}/nbsvm-web-1`, 64 * mib],
      ],
    )
  })

  test('elsewhere it is seen, and neither started, resized nor removed; here it is copied and grows', async () => {
    const listed = JSON.parse(await ok(there, 'ls', '--json')) as { id: string; drives: string[] }[]
    assert.deepEqual(listed.find(({ id }) => id === 'web')?.drives, ['nbsvm-web-0', 'nbsvm-web-1'])
    const lines = [['start'], ['resize', '128M', '--drive=1'], ['rm', '--yes']]
    for (const line of lines) {
      const { status, stderr } = await call(there, 'web', ...line)
      assert.equal(status, 1)
      assert.match(stderr, /nbsvm-web-[01] is in use by client\.\d+ at 127\.0\.0\.1, which runs web on \S+ since 20\S+ \S+ UTC\n/)
      assert.match(stderr, /(?:\n +ceph osd blocklist add 127\.0\.0\.1:0\/\d+ 3600){2}\n/)
    }
    await ok(here, 'copy', 'gold=web', 'snapshot', 'rm', '--yes')
    await ok(here, 'web', 'resize', '80M', '--drive=1')
    const sizes = await withQmp(drawer(here).qmp, { timeoutMs: 20_000 }, async (qmp) =>
      (await qmp.execute('query-block')).flatMap(({ inserted }) => inserted?.image['virtual-size'] ?? []),
    )
    assert.deepEqual(sizes, [64 * mib, 80 * mib])
  })

  test('a guest is frozen, forked, goes back to a checkpoint and is saved; RAM and drives are of one moment, and none writes to another', async (t) => {
    const bytesOf = (image: string): Buffer => {
      const file = path.join(ceph.folder, `bytes of ${image}`)
      rbd('export', '--no-progress', `${pool}/${image}`, file)
      const bytes = fs.readFileSync(file)
      fs.rmSync(file)
      return bytes
    }
    const counted = (image: string): number => {
      const bytes = bytesOf(image)
      assert.equal(bytes.readUInt8(countedAt + 4), 0, `${image}: RAM and drive are of one moment`)
      return bytes.readUInt32LE(countedAt)
    }
    const goesOn = async (id: string): Promise<void> => {
      const before = counted(`nbsvm-${id}-0`)
      await until(`${id} counts on from ${before}`, 60_000, () => counted(`nbsvm-${id}-0`) > before + 1)
    }
    const bases = (): string[] =>
      rbd('ls', pool)
        .split('\n')
        .filter((name) => name.startsWith('nbsvm_base.'))
    const image = path.join(ceph.folder, 'counting.img')
    fs.writeFileSync(image, Buffer.concat([countingSector, Buffer.alloc(4 * mib - 512)]))
    await ok(here, 'count', 'mem=32', `source=${image}`, 'clone', 'start', '--', 'freeze')
    const [frozen = assert.fail('nothing was frozen')] = bases()
    const at = counted(frozen)
    await ok(here, 'f1,f2', 'mem=32', 'gold=count', 'identity=no', 'fork')
    await Promise.all(['f1', 'f2', 'count'].map(goesOn))
    await ok(here, 'f1', 'stop')
    const stopped = counted('nbsvm-f1-0')
    await ok(here, 'count', 'checkpoint', 'c')
    const then = counted(bases().find((name) => name !== frozen) ?? assert.fail('no checkpoint'))
    await goesOn('count')
    await ok(here, 'count', 'rollback', 'c', '--yes', 'save', 'start', '--', 'save')
    const back = counted('nbsvm-count-0')
    // Elsewhere nobody knows that it sleeps here, and what states it has.
    await ok(there, 'count', 'mem=32', 'start', '--', 'stop', 'checkpoint', 'x', 'checkpoints', '--rm=x')
    assert.match((await call(here, 'count', 'start')).stderr, /cannot wake count: it was started on \S+ meanwhile, .*\n.*--fresh/)
    await ok(here, 'count', 'rollback', 'c', '--yes')
    await Promise.all([goesOn('count'), goesOn('f2')])
    t.diagnostic(`frozen at ${at}, kept at ${then}, then at ${back}, now at ${counted('nbsvm-count-0')}; f1 at ${stopped}`)
    assert.deepEqual([counted(frozen), counted('nbsvm-f1-0')], [at, stopped])
    await ok(here, 'count,f1,f2', 'stop', 'rm', '--yes')
    assert.deepEqual(bases(), [])
  })

  test('its record goes to the other place, for that to stand by; what comes in its place is taken whole or not at all', async () => {
    const record = path.join(there.folder, 'vms/web')
    const names = (): string[] => fs.readdirSync(record).toSorted()
    const marks = (): string[] => fs.readdirSync(path.join(there.folder, 'vms/.moves'))
    await ok(here, 'web', 'stop')
    const sent = path.join(ceph.folder, 'sent')
    const shell = (home: Home, line: string): Promise<Result> => run('sh', ['-c', line], { ...home.env, ...env() })
    const did = ({ status, stderr }: Result): void => assert.equal(status, 0, stderr)
    did(await shell(here, `${program} web send >${sent}`))

    fs.rmSync(record, { recursive: true, force: true })
    did(await shell(there, `${program} web receive <${sent}`))
    assert.deepEqual([names(), marks()], [['machine.json'], []])
    const uuid = (home: Home): string =>
      JSON.parse(fs.readFileSync(path.join(home.folder, 'vms/web/machine.json'), 'utf8')).uuid as string
    assert.equal(uuid(there), uuid(here))

    fs.writeFileSync(path.join(record, 'ssh_key'), 'older')
    const cut = await shell(there, `head -c -16 ${sent} | ${program} web receive`)
    assert.match(cut.stderr, /not all of its drives came/)
    assert.deepEqual([names(), marks()], [['machine.json', 'ssh_key'], []])
    // The one that is killed leaves it to the next.
    const killed = spawn(process.execPath, [program, 'web', 'receive'], {
      env: { ...there.env, ...env() },
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    killed.stdin.write(fs.readFileSync(sent).subarray(0, -16))
    await until('it to come', 60_000, () => marks().includes('web.json') && !names().includes('ssh_key'))
    assert.match((await call(there, 'web', 'start', '-S')).stderr, /cannot start web: it is just coming from/)
    killed.kill('SIGKILL')
    await once(killed, 'exit')
    assert.match((await call(there, 'web', 'start', '-S')).stderr, /it did not come whole/)
    await ok(there, 'web', 'move', '--settle')
    assert.deepEqual([names(), marks()], [['machine.json', 'ssh_key'], []])

    await ok(there, 'web', 'start', '-S')
    assert.match((await shell(there, `${program} web receive <${sent}`)).stderr, /there is a VM web here already: it runs/)
    await ok(there, 'web', 'stop')
    did(await shell(there, `${program} web receive <${sent}`))
    assert.deepEqual([names(), marks()], [['machine.json'], []])
    await ok(here, 'web', 'start')
  })

  test('an OSD is killed under writes, then the VM is shut out: every write that its guest was told of is there', async (t) => {
    const serial = await Serial.open(drawer(here).console)
    serial.send('\n')
    await serial.waitFor(guestPrompt, 200_000)
    const write = 'printf %0512d $i | dd of=/dev/vdb bs=512 seek=$i oflag=direct conv=fsync,notrunc 2>/dev/null && echo ACK $i'
    serial.send(`i=1; while :; do ${write}; i=$((i+1)); done\n`)
    await until('writes', 60_000, () => acknowledged(serial) >= 30)
    ceph.signal(0, 'SIGKILL')
    const killedAt = acknowledged(serial)
    const killedMs = Date.now()
    await until('writes to go on', 120_000, () => acknowledged(serial) >= killedAt + 60)
    t.diagnostic(`60 more writes ${Date.now() - killedMs} ms after the OSD was killed at ${killedAt}`)

    for (const number of [0, 1]) {
      const [watcher = assert.fail()] = watchersOf(rbd('status', '--format', 'json', `${pool}/nbsvm-web-${number}`))
      ceph.admin(...fenceCommand(watcher, 600))
    }
    await until('it to stop with an I/O error', 60_000, async () => (await stateOf(here)).detail === 'io-error')
    const last = acknowledged(serial)
    serial.close()
    t.diagnostic(`${last} writes acknowledged`)
    await ok(there, 'web', 'start', '-S')
    await ok(here, 'web', 'stop')

    const exported = path.join(ceph.folder, 'exported')
    rbd('export', '--no-progress', `${pool}/nbsvm-web-1`, exported)
    const bytes = fs.readFileSync(exported)
    const missing = Array.from({ length: last }, (_, index) => index + 1).filter(
      (number) => bytes.toString('latin1', number * 512, (number + 1) * 512) !== String(number).padStart(512, '0'),
    )
    assert.deepEqual(missing, [])
  })

  test('an image of a distribution comes into the pool once, is listed with who stands on it, and pruned where nobody does', async () => {
    const pooled = async (): Promise<{ place: string; usedBy: string[] }[]> =>
      (JSON.parse(await ok(there, 'images', '--json')) as { pooled: { place: string; usedBy: string[] }[] }[]).flatMap(
        (one) => one.pooled,
      )
    await ok(here, 'fromimage', `image=${guestDisk}`, 'newimg')
    assert.deepEqual(
      (await pooled()).map(({ place, usedBy }) => [place, usedBy]),
      [[`pool ${pool}`, ['fromimage']]],
    )
    assert.match(await ok(here, 'images'), /\dM {2}pool vms +fromimage\n/)
    assert.match(await ok(there, 'images', 'prune'), /there was nothing to remove/)
    await ok(here, 'fromimage', 'rm', '--yes')
    assert.match(await ok(there, 'images', 'prune'), /removed \S+ from pool vms: .* became free/)
    assert.deepEqual(await pooled(), [])
  })

  test('an ordinary user who has the key makes a VM, starts, copies and removes it', { skip: whyNoUser }, async () => {
    const user = makeHome()
    const conf = path.join(user.folder, 'ceph.conf')
    const keyring = path.join(user.folder, 'keyring')
    fs.writeFileSync(conf, fs.readFileSync(ceph.conf, 'utf8').replace(/^keyring = .*$/m, `keyring = ${keyring}`))
    fs.copyFileSync(path.join(ceph.folder, 'ceph.client.nbsvm.keyring'), keyring)
    if (asUser.length > 0) for (const file of [user.folder, conf, keyring]) fs.chownSync(file, 65534, 65534)
    const [first, ...rest] = [...asUser, program]
    const mine = async (...args: string[]): Promise<string> => {
      const { status, stdout, stderr } = await user.nbsvm([...rest, ...args], {
        program: first,
        env: { ...env(), ceph_conf: conf },
      })
      assert.equal(status, 0, `${args.join(' ')}: ${stderr}`)
      return stdout + stderr
    }
    await mine('own', 'drive_size=64M', 'newimg', 'start', '-S')
    assert.match((await call(there, 'own', 'start')).stderr, /nbsvm-own-0 is in use by client/)
    await mine('twin', 'gold=own', 'snapshot', 'rm', '--yes')
    await mine('own', 'stop', 'rm', '--yes')
  })

  test('a QEMU that is killed keeps nobody waiting on its own machine; rm leaves nothing in the pool', async () => {
    const { pid } = await stateOf(there)
    process.kill(pid, 'SIGKILL')
    await until('it to be gone', 20_000, async () => (await call(there, 'web', 'status')).status === 3)
    assert.match(
      await ok(there, 'web', 'start', '-S'),
      /nbsvm-web-\d was held by its last QEMU, which is dead: Ceph shuts that out/,
    )
    await ok(there, 'web', 'stop')
    await ok(here, 'web,gold', 'rm', '--yes')
    assert.equal(
      rbd('ls', pool) +
        rbd('trash', 'ls', '--all', pool) +
        ceph.admin('rados', '--pool', pool, 'ls').replaceAll(/^rbd_\S+\n/gm, ''),
      '',
    )
  })

  test('a monitor that is silent hides no VM of another store, and status says what is silent', async () => {
    await here.nbsvm(['plain', 'drive_size=1M', 'newimg'])
    ceph.signal('mon', 'SIGSTOP')
    try {
      const begin = Date.now()
      const listed = await call(here, 'ls', '--json')
      assert.equal(listed.status, 0)
      assert.deepEqual(
        (JSON.parse(listed.stdout) as { id: string }[]).map(({ id }) => id),
        ['plain'],
      )
      assert.match(listed.stderr, /cannot list the images of pool vms: Ceph does not answer\n/)
      assert.ok(Date.now() - begin < 20_000, `${Date.now() - begin} ms`)
      assert.match((await call(here, 'plain', 'status')).stdout, /Ceph does not answer/)
    } finally {
      ceph.signal('mon', 'SIGCONT')
    }
  })
})
