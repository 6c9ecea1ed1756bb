// A VM on drives in Ceph, from two places that both have the pool: a disk of the cluster dies under its writes, it is shut out, the other
// place takes over, its QEMU is killed.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { before, describe, test } from 'node:test'
import { withQmp } from '../src/qemu/qmp.js'
import { fenceCommand, watchersOf } from '../src/store/rbd/fence.js'
import { drawerOf, type Drawer } from '../src/vm/record/drawer.js'
import { guestDisk, makeHome, until, type Home, type Result } from './cli.js'
import { guestPrompt, Serial } from './guest.js'
import { makeCeph, pool, qemuOfCeph, whyNoCeph } from './support/ceph.js'

const mib = 2 ** 20

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
