// A running guest becomes another: a whole Debian, booted once for that, and the small guest for what is not there.
import assert from 'node:assert/strict'
import { chownSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { Failure, fullMessage } from '../src/core/errors.js'
import { withAgent } from '../src/guest/agent.js'
import { makeKey } from '../src/guest/key.js'
import { renewScript, type Identity } from '../src/guest/renew.js'
import { findPlace } from '../src/host/place.js'
import { withQmp } from '../src/qemu/qmp.js'
import { renewIdentity, type Renewed } from '../src/vm/life/renew.js'
import { randomUuid } from '../src/vm/record/identity.js'
import { openVm, type Vm } from '../src/vm/record/vm.js'
import { agentKernel, makeHome, until } from './cli.js'
import { refuse, say, serveAgent, type Answer } from './support/agent.js'
import { debianDisk, debianSettings, done, skipDebian } from './support/debian.js'
import { isWhole } from './support/whole.js'

const home = makeHome()
const { nbsvm } = home

const openOne = (id: string): Promise<Vm> =>
  openVm(id, { place: findPlace({ NBSVM_HOME: home.folder }, false, home.folder), environment: {}, vmClass: undefined, line: {} })

/** What a shell in the guest prints. */
const inside = async (id: string, script: string): Promise<string> => (await done(nbsvm([id, 'exec', 'sh', '-c', script]))).trim()

/** A command of QEMU's monitor that says nothing where it works. */
async function monitor(vm: Vm, line: string): Promise<void> {
  const said = await withQmp(vm.drawer.qmp, { timeoutMs: 10_000 }, (qmp) =>
    qmp.execute('human-monitor-command', { 'command-line': line }),
  )
  assert.equal(said.trim().replace(/^host forwarding rule .* removed$/, ''), '')
}

/** How far the guest's clock is from this machine's at least, in milliseconds. */
async function clockIsOff(vm: Vm): Promise<number> {
  const looks: number[] = []
  await withAgent(vm.drawer.agent, {}, async (agent) => {
    for (let left = 5; left > 0; left--) {
      const before = Date.now()
      const guestMs = (await agent.ask('guest-get-time')) / 1e6
      looks.push(Math.max(0, before - guestMs, guestMs - Date.now()))
    }
  })
  return Math.max(...looks)
}

/** That it fails so, and says how to go on without. */
async function isRefused(work: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof Failure)
    assert.match(fullMessage(error), message)
    assert.equal(error.code, code)
    assert.match(error.hints.join('\n'), /identity=no/)
    return true
  })
}

/** What a guest says of itself, a line each; its random numbers are the first thing that it is asked for. */
const ofItself = [
  'head -c 16 /dev/urandom | od -An -tx1',
  'cat /etc/machine-id',
  'cut -d" " -f2 /etc/ssh/ssh_host_ed25519_key.pub',
  'cat /sys/class/net/e*/address',
  'cat /proc/sys/kernel/hostname',
  'cat /root/before',
]

const machineId = '0123456789abcdef0123456789abcdef'
const other: Identity = { hostname: 'other', machineId, hostKey: makeKey('other'), macs: [] }

if (isWhole) describe('a whole Debian', { skip: skipDebian('12') }, inDebian)

function inDebian(): void {
  test('becomes another as it runs, and stays that', async (t) => {
    const start = ['web', `image=${debianDisk('12')}`, 'user=alice', ...debianSettings]
    await done(nbsvm([...start, 'newimg']))
    await done(nbsvm([...start, 'start']))
    assert.equal((await nbsvm(['web', 'timeout=600', 'wait', 'agent'])).status, 0)
    await done(nbsvm(['web', 'ssh', 'true']))
    await t.test(
      'two forks of it have another name, machine-id, key, address and other random numbers at once, and the right time',
      async () => {
        await inside('web', 'echo it was me >/root/before; date -s "1 hour ago" >/dev/null')
        await done(nbsvm(['web', 'freeze', 'pause']))
        const begun = performance.now()
        await done(nbsvm(['t1,t2', 'gold=web', 'fork']))
        t.diagnostic(`two forks: ${Math.round(performance.now() - begun)} ms`)
        const said: string[][] = []
        for (const id of ['t1', 't2']) {
          said.push((await inside(id, ofItself.join(';'))).split('\n'))
          // It was 50 ms at most when it was set, some seconds ago.
          assert.ok((await clockIsOff(await openOne(id))) <= 100, id)
        }
        const [one = [], two = []] = said
        for (const [at, what] of ['random', 'machine-id', 'key', 'address'].entries()) {
          assert.match(one[at] ?? '', /\S/, what)
          assert.notEqual(one[at], two[at], what)
        }
        assert.deepEqual(
          [one.slice(4), two.slice(4)],
          [
            ['t1', 'it was me'],
            ['t2', 'it was me'],
          ],
        )
        // By the key that this machine knows of it, and by none other.
        assert.equal(await done(nbsvm(['t1', 'ssh', 'hostname'])), 't1\n')
        await done(nbsvm(['t1,t2', 'stop', 'rm', '--yes']))
        await done(nbsvm(['web', 'resume', 'freeze', '--rm']))
      },
    )
    const vm = await openOne('web')
    const file = (name: string): string => `${home.folder}/vms/web/${name}`
    const recordOf = (): { macs: string[]; sshPort: number; seed: object } =>
      JSON.parse(readFileSync(file('machine.json'), 'utf8')) as never
    const record = recordOf()
    const from = record.macs[0] ?? ''
    const to = '52:54:00:AB:CD:01'
    const card = 'card=$(ls /sys/class/net | grep -v lo)'
    const before = await inside(
      'web',
      `cat /etc/machine-id; ${card}; ip -4 -o addr show $card; grep DUID /run/systemd/netif/links/*`,
    )
    const hostKey = makeKey('nbsvm-web')
    const identity: Identity = { hostname: 'twin.example', machineId, hostKey, macs: [{ from, to }] }
    const restored: string[] = []
    let renewed: Renewed = { addresses: [] }

    await t.test('in place: its cards without links meanwhile', async () => {
      const prepare = [
        "date -s '+1 hour'",
        'echo "10.9.9.9  web.home	other web-2 webby web # web" >>/etc/hosts',
        'ssh-keygen -q -t ecdsa -N "" -f /etc/ssh/ssh_host_ecdsa_key',
        'echo old >/var/lib/systemd/random-seed',
        // A session of ssh that is there before.
        'sleep 3600 & echo $! >/tmp/living',
      ]
      await inside('web', `{ ${prepare.join('\n')}\n} >/dev/null 2>&1`)
      await monitor(vm, 'set_link net off')
      const restoreLinks = async (): Promise<void> => {
        restored.push(await inside('web', `${card}; cat /sys/class/net/$card/address; ip -4 -o addr show $card`))
        await monitor(vm, 'set_link net on')
      }
      const begun = performance.now()
      renewed = await renewIdentity(vm, identity, { restoreLinks })
      t.diagnostic(`${Math.round(performance.now() - begun)} ms, in which the test asked it once`)
      assert.deepEqual(restored, [to.toLowerCase()])
    })
    await t.test('its clock is that of this machine', async () => {
      assert.ok((await clockIsOff(vm)) <= 50)
    })
    await t.test('name, machine-id, keys, what is forgotten', async () => {
      const looks = [
        'hostname; cat /etc/hostname; hostnamectl --static; cat /etc/machine-id /var/lib/dbus/machine-id',
        'tail -n 1 /etc/hosts; grep -c twin.example /etc/hosts',
        'cd /etc/ssh; stat -c "%n %a %U" ssh_host_*; ssh-keygen -yf ssh_host_ed25519_key',
        'cat ssh_host_ed25519_key.pub; ls /var/lib/systemd/random-seed /run/nbsvm.* 2>&1 | wc -l; kill -0 $(cat /tmp/living) && echo lives',
      ]
      const said = (await inside('web', looks.join('\n'))).split('\n')
      const names = ['twin.example', 'twin.example', 'twin.example', machineId, machineId]
      const hosts = ['10.9.9.9  twin.example.home\tother web-2 webby twin.example # twin.example', '2']
      const files = ['ssh_host_ed25519_key 600 root', 'ssh_host_ed25519_key.pub 644 root']
      const keys = [hostKey.public.trim(), hostKey.public.trim()]
      assert.deepEqual(said, [...names, ...hosts, ...files, ...keys, '2', 'lives'])
    })
    await t.test('its card: address, files, lease, DUID', async () => {
      const after = await inside(
        'web',
        `cat /etc/machine-id; ${card}; ip -4 -o addr show $card; grep DUID /run/systemd/netif/links/*`,
      )
      const duid = /DUID-EN.*/
      assert.match(duid.exec(before)?.[0] ?? '', /0000ab11/)
      assert.notEqual(duid.exec(after)?.[0], duid.exec(before)?.[0])
      const [address] = renewed.addresses
      assert.equal(address?.mac, to.toLowerCase())
      assert.ok(after.includes(` ${address?.address}/`))
      // QEMU's network has kept the former for whoever had it.
      assert.ok(!before.includes(` ${address?.address}/`))
      const files = await inside(
        'web',
        `${card}; grep -rli ${to} /etc/systemd/network; grep -rli ${from} /etc/systemd /run/systemd || true`,
      )
      assert.match(files, /^\/etc\/systemd\/network\/[^\n]+$/)
      const link = await inside('web', `${card}; ip -6 -o addr show $card scope link`)
      assert.match(link, /fe80::5054:ff:feab:cd01/)
      assert.equal(link.split('\n').length, 1)
    })
    const know = (): void => {
      writeFileSync(file('ssh_host_ed25519_key'), hostKey.secret)
      writeFileSync(file('ssh_host_ed25519_key.pub'), hostKey.public)
      writeFileSync(file('known_hosts'), `nbsvm-web ${hostKey.public}`)
    }
    await t.test('its sshd shows itself by the new key, and no more by the old one', async () => {
      const port = `tcp:127.0.0.1:${record.sshPort}`
      await monitor(vm, `hostfwd_remove ${port}`)
      await monitor(vm, `hostfwd_add ${port}-${renewed.addresses[0]?.address}:22`)
      const old = await nbsvm(['web', 'timeout=20', 'ssh', 'true'])
      assert.equal(old.status, 255)
      assert.match(old.stderr, /HOST IDENTIFICATION HAS CHANGED|Host key verification failed|host key/i)
      know()
      assert.equal((await done(nbsvm(['web', 'ssh', 'hostname']))).trim(), 'twin.example')
    })
    await t.test('by python alone too; and by nothing it is refused', async () => {
      const back: Identity = { ...identity, macs: [{ from: to, to }] }
      await inside('web', 'mv /usr/bin/perl /usr/bin/perl.away')
      await renewIdentity(vm, back)
      await inside('web', 'mv /usr/bin/python3 /usr/bin/python3.away')
      await isRefused(renewIdentity(vm, back), 'IDENTITY_SHARED', /its random numbers: neither perl nor python3 is there/)
      await inside('web', 'mv /usr/bin/perl.away /usr/bin/perl; mv /usr/bin/python3.away /usr/bin/python3')
    })
    await t.test('what cannot be done is told, in the words of the guest', async () => {
      await inside('web', 'chattr +i /etc/machine-id')
      await isRefused(renewIdentity(vm, identity), 'IDENTITY_SHARED', /web: its machine-id: .*Operation not permitted/)
      await inside('web', 'chattr -i /etc/machine-id; echo HostKey /srv/key >/etc/ssh/sshd_config.d/key.conf')
      await isRefused(renewIdentity(vm, identity), 'IDENTITY_SHARED', /its sshd's key: .*HostKey \/srv\/key/)
      await inside('web', 'rm /etc/ssh/sshd_config.d/key.conf')
      const none: Identity = { ...identity, macs: [{ from: '52:54:00:00:00:0a', to: '52:54:00:00:00:0b' }] }
      await isRefused(
        renewIdentity(vm, none),
        'IDENTITY_SHARED',
        /its network cards: none of them has the address 52:54:00:00:00:0a/,
      )
      await renewIdentity(vm, identity)
    })
    // What a fork is started with from then on: its own addresses, and a seed of its own.
    const restart = async (change: object): Promise<void> => {
      await done(nbsvm(['web', 'shutdown']))
      writeFileSync(file('machine.json'), JSON.stringify({ ...recordOf(), ...change }))
      await done(nbsvm(['web', ...debianSettings, 'start']))
    }
    const another = randomUuid()
    // Not the name of web, which that seed says: cloud-init leaves one that it has not given itself. A fork's seed says the same one.
    const name = 'after the next boot, with a seed of its own too, it has network and ssh, and nothing of it is undone'
    await t.test(name, async () => {
      know()
      await restart({ macs: [to.toLowerCase(), ...record.macs.slice(1)], seed: { ...recordOf().seed, instanceId: another } })
      const look = [
        'hostname; cat /etc/machine-id',
        card,
        'cat /sys/class/net/$card/address /var/lib/cloud/data/instance-id',
        'sudo cut -d " " -f 2 /etc/ssh/ssh_host_ed25519_key.pub; ls /etc/systemd/network | wc -l',
      ]
      assert.deepEqual((await done(nbsvm(['web', 'ssh', look.join('; ')]))).trim().split('\n'), [
        'twin.example',
        machineId,
        to.toLowerCase(),
        another,
        hostKey.public.split(' ')[1],
        '1',
      ])
    })
    await done(nbsvm(['web', 'stop']))
  })
}

describe('the small guest', () => {
  const socket = path.join(home.folder, 'state/a/run/agent.sock')

  /** Lets another agent answer for that of the guest while `work` runs. */
  async function withAgentOf(context: TestContext, answer: Answer, work: () => Promise<void>): Promise<void> {
    const another = await serveAgent(context, answer)
    const { uid, gid } = statSync(path.dirname(socket))
    renameSync(socket, `${socket}.real`)
    renameSync(another, socket)
    chownSync(socket, uid, gid)
    try {
      await work()
    } finally {
      renameSync(`${socket}.real`, socket)
    }
  }

  test('is refused what it cannot do, and does what it can', async (t) => {
    await done(nbsvm(['a', 'start', ...agentKernel]))
    assert.equal((await nbsvm(['a', 'timeout=120', 'wait', 'agent'])).status, 0)
    const vm = await openOne('a')
    const { macs } = JSON.parse(readFileSync(`${home.folder}/vms/a/machine.json`, 'utf8')) as { macs: string[] }
    const to = '52:54:00:ab:cd:02'
    const change = [{ from: macs[0] ?? '', to }]

    await t.test('without perl and python3', async () => {
      // A kernel that has the driver, as Debian 13's, renews its random numbers by itself: here it shall not.
      await inside(
        'a',
        'cd /sys/bus; for at in */drivers/vmgenid; do for one in "$at"/*:*; do [ ! -e "$one" ] || basename "$one" >"$at/unbind"; done; done',
      )
      await isRefused(
        renewIdentity(vm, { ...other, macs: change }),
        'IDENTITY_SHARED',
        /^cannot renew the identity in a: its random numbers: /,
      )
      assert.equal(await inside('a', 'hostname'), 'guest')
    })
    await t.test(
      'by the tools of busybox: name, clock, card, a lease that is asked for by a client that was started again',
      async () => {
        // What takes what it is given for mixed in, and what an agent wants before it sets a clock, but need not work.
        await inside(
          'a',
          `printf '#!/bin/sh\\ncat >/tmp/noise\\n' >/bin/perl; printf '#!/bin/sh\\nexit 1\\n' >/sbin/hwclock; chmod +x /bin/perl /sbin/hwclock; date -s '2020-01-01 00:00'`,
        )
        const clients = 'pidof udhcpc; ip -4 -o addr show eth0'
        await until('a lease', 60_000, async () => /10\.0\.2\.15/.test(await inside('a', clients)))
        const before = (await inside('a', clients)).split('\n')
        const { addresses } = await renewIdentity(vm, { ...other, macs: change })
        const [pid, address] = (await inside('a', clients)).split('\n')
        // A moment long there are two: it goes on in the background.
        assert.ok(pid !== undefined && pid !== '' && !pid.split(' ').includes(before[0] ?? ''), pid)
        assert.equal(addresses.length, 1)
        assert.ok(address?.includes(` ${addresses[0]?.address}/`))
        assert.ok(!before[1]?.includes(` ${addresses[0]?.address}/`))
        assert.equal(await inside('a', 'hostname; cat /sys/class/net/eth0/address'), `other\n${to}`)
        assert.match(await inside('a', 'cat /tmp/noise'), /^[0-9a-f]{128}$/)
        assert.ok((await clockIsOff(vm)) <= 50)
      },
    )
    await t.test('an agent that may not run programs, one of another system, and one that lies', async (context) => {
      const time = (socketOf: Parameters<Answer>[0]): void => say(socketOf, Date.now() * 1e6)
      const renew = (): Promise<Renewed> => renewIdentity(vm, { ...other, macs: change })
      const blocks: Answer = (to, { execute }) =>
        execute === 'guest-get-time' ? time(to) : refuse(to, `Command ${execute} has been disabled`, 'CommandNotFound')
      await withAgentOf(context, blocks, () =>
        isRefused(renew(), 'AGENT_REFUSED', /its guest agent does not allow it: .*guest-exec/),
      )
      const desc = "Guest agent command failed, error was 'Failed to execute child process “sh” (No such file or directory)'"
      const windows: Answer = (to, { execute }) => {
        if (execute === 'guest-get-time') time(to)
        else if (execute === 'guest-get-osinfo') say(to, { id: 'mswindows' })
        else refuse(to, desc)
      }
      await withAgentOf(context, windows, () => isRefused(renew(), 'IDENTITY_SHARED', /its guest is not Linux/))
      const ends = (ended: object): Answer => {
        return (to, { execute }) => {
          if (execute === 'guest-get-time') time(to)
          else if (execute === 'guest-get-osinfo') say(to, { id: 'freebsd' })
          else if (execute === 'guest-exec') say(to, { pid: 1 })
          else if (execute === 'guest-exec-status') say(to, { exited: true, ...ended })
          else say(to, [])
        }
      }
      await withAgentOf(context, ends({ exitcode: 64 }), () => isRefused(renew(), 'IDENTITY_SHARED', /its guest is not Linux/))
      const shout = Buffer.from(`\u001B]0;x\u0007${'no! '.repeat(100_000)}`).toString('base64')
      await withAgentOf(context, ends({ exitcode: 71, 'err-data': shout }), () =>
        isRefused(renew(), 'IDENTITY_SHARED', /its network cards: \?\]0;x\?(no! ){20,130}.{0,9}$/),
      )
      // It says of no card that it is another, and of one that nobody asked about.
      const said = Buffer.from(`card 52:54:00:00:00:99 awaited told\ncard ${to} maybe told\n${'x'.repeat(200_000)}`)
      await withAgentOf(context, ends({ exitcode: 0, 'out-data': said.toString('base64') }), async () => {
        assert.deepEqual(await renew(), { addresses: [] })
      })
    })
    await t.test('secrets are read, and stand in no argument', async (context) => {
      let seen: Readonly<Record<string, unknown>> = {}
      const answer: Answer = (to, { execute, arguments: args = {} }) => {
        if (execute === 'guest-get-time') say(to, Date.now() * 1e6)
        else if (execute === 'guest-exec') {
          seen = args
          refuse(to, 'no')
        } else say(to, {})
      }
      await withAgentOf(context, answer, () => isRefused(renewIdentity(vm, other), 'AGENT_REFUSED', /refused guest-exec: no/))
      const { arg, 'input-data': input } = seen as { arg: string[]; 'input-data': string }
      assert.deepEqual(arg.slice(0, 5), ['-c', renewScript, 'sh', 'other', machineId])
      const [noise, ...secret] = Buffer.from(input, 'base64').toString().split('\n')
      assert.match(noise ?? '', /^[0-9a-f]{128}$/)
      assert.equal(secret.join('\n'), other.hostKey.secret)
      assert.ok(!arg.join(' ').includes(other.hostKey.secret.split('\n')[1] ?? ''))
    })
    await t.test('giving up ends it', async (context) => {
      let started = 0
      const hangs: Answer = (to, { execute }) => {
        if (execute === 'guest-get-time') say(to, Date.now() * 1e6)
        else if (execute === 'guest-exec') say(to, { pid: ++started })
        else if (execute === 'guest-exec-status') say(to, { exited: started > 1, signal: 15 })
        else say(to, { id: 'debian' })
      }
      const reason = new Failure('interrupted')
      const controller = new AbortController()
      setTimeout(() => controller.abort(reason), 500)
      await withAgentOf(context, hangs, () => assert.rejects(renewIdentity(vm, other, {}, { signal: controller.signal }), reason))
    })
  })
})
