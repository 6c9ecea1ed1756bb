// Root's network, by the real program and a real QEMU: taps on bridges, and QEMU without rights, in a network of its own.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { after, afterEach, test } from 'node:test'
import { agentKernel, guestKernel, makeHome, program, run, until, type Result } from './cli.js'
import { guestPrompt, Serial } from './guest.js'
import { makeNetwork, makeSudo, type TestNetwork } from './netns.js'
import { describe, look } from './process.js'

const nobody = '65534'

const found = await makeNetwork()
if (typeof found === 'string') test('taps and bridges', { skip: found }, () => {})
else suite(found)

interface Status {
  readonly state: string
  readonly pid: number | null
  readonly taps: readonly string[]
  readonly runAs: string | null
  readonly drives: readonly { readonly path: string }[]
}

interface Link {
  readonly ifname: string
  readonly mtu: number
  readonly flags: readonly string[]
}

function suite(network: TestNetwork): void {
  const home = makeHome()
  after(network.close)
  // What fails in one test shall not fail in the next.
  afterEach(() => nbsvm('who', 'stop'))
  const { inside, sh } = network
  sh('ip link add br0 type bridge; ip link set br0 mtu 1400 up; ip link add br1 type bridge; ip link set br1 mtu 9000 up')

  const call = (command: readonly string[], env: NodeJS.ProcessEnv): Promise<Result> => {
    const [enter = '', ...words] = [...inside, ...command]
    return run(enter, words, { ...home.env, mem: '128', ...env })
  }
  const nbsvm = (...args: string[]): Promise<Result> => call([program, ...args], {})
  const ok = async (...args: string[]): Promise<Result> => {
    const result = await nbsvm(...args)
    assert.equal(result.status, 0, `${args.join(' ')}: ${result.stderr}`)
    return result
  }
  const statusOf = async (id: string): Promise<Status> => JSON.parse((await nbsvm(id, 'status', '--json')).stdout) as Status
  const pidOf = async (id: string): Promise<number> => (await statusOf(id)).pid ?? assert.fail(`${id} does not run`)
  const taps = (): string[] =>
    sh('ls /sys/class/net')
      .split('\n')
      .filter((name) => name.startsWith('tap'))
  const linksOn = (bridge: string): Link[] => {
    const links = JSON.parse(sh(`ip -json link show master ${bridge}`) || '[]') as Link[]
    return links.filter(({ ifname }) => ifname !== undefined)
  }
  const kill = async (id: string): Promise<void> => {
    const pid = await pidOf(id)
    process.kill(pid, 'SIGKILL')
    await until('the end', 5000, () => !fs.existsSync(`/proc/${pid}`))
  }
  const serialOf = (id: string): Promise<Serial> => Serial.open(path.join(home.folder, 'state', id, 'run/console.sock'))

  test('two guests on a bridge, with its MTU, ping each other; stop and shutdown take the taps away', async (t) => {
    const boot = (id: string) => ok(id, 'bridge=br0', 'start', ...guestKernel)
    await Promise.all([boot('a'), boot('b')])
    const links = linksOn('br0')
    assert.deepEqual(links.map(({ ifname }) => ifname).toSorted(), taps())
    for (const { mtu, flags } of links) assert.ok(mtu === 1400 && flags.includes('UP'), JSON.stringify(links))
    assert.deepEqual([...(await statusOf('a')).taps, ...(await statusOf('b')).taps].toSorted(), taps())

    const [a, b] = await Promise.all([serialOf('a'), serialOf('b')])
    for (const [index, serial] of [a, b].entries()) {
      await serial.waitFor(/guest ready/)
      await serial.waitFor(guestPrompt)
      await serial.command(
        `killall udhcpc; ip addr flush dev eth0; ip addr add 10.9.0.${index + 1}/24 dev eth0; ip link set eth0 up`,
      )
    }
    assert.equal((await a.command('cat /sys/class/net/eth0/mtu')).trim(), '1400', 'the guest is told the MTU')
    const there = await a.command('ping -c 3 -w 10 -s 1372 10.9.0.2')
    const back = await b.command('ping -c 3 -w 10 10.9.0.1')
    t.diagnostic(there)
    for (const answer of [there, back]) assert.match(answer, /3 packets transmitted, 3 packets received, 0% packet loss/)
    a.close()
    b.close()
    await ok('a', 'stop')
    assert.deepEqual(taps(), (await statusOf('b')).taps)
    assert.match((await ok('b', 'shutdown')).stderr, /the guest shut down/)
    assert.deepEqual(taps(), [])
  })

  test('two forks of a guest on a bridge have cards, addresses by DHCP and taps of their own, which go with them', async (t) => {
    const serve = ok('dhcp', 'bridge=br0', 'start', ...guestKernel)
    await Promise.all([serve, ok('gold', 'bridge=br0', 'start', ...agentKernel)])
    const [dhcp, gold] = await Promise.all([serialOf('dhcp'), serialOf('gold')])
    await dhcp.waitFor(guestPrompt)
    for (const line of [
      'killall udhcpc; ip addr flush dev eth0; ip addr add 10.9.1.1/24 dev eth0; ip link set eth0 up; touch /tmp/leases',
      "printf '%s\\n' 'start 10.9.1.20' 'end 10.9.1.99' 'interface eth0' 'lease_file /tmp/leases' 'opt subnet 255.255.255.0' >/tmp/udhcpd",
      'udhcpd -S /tmp/udhcpd',
    ])
      await dhcp.command(line)
    await gold.waitFor(guestPrompt)
    // This kernel sees no vmgenid, nobody else here could stir its random numbers, and its agent finds no hwclock: a whole Debian has all
    // of that (test/renew.test.ts).
    await gold.command("for name in /bin/python3 /sbin/hwclock; do printf '#!/bin/sh\\n' >$name; chmod 755 $name; done")
    await until('its address', 60_000, async () => (await gold.command('ip -4 addr show eth0')).includes(' 10.9.1.'))
    gold.close()
    await ok('gold', 'freeze')
    assert.deepEqual(
      taps(),
      [...(await statusOf('gold')).taps, ...(await statusOf('dhcp')).taps].toSorted(),
      'nothing is left of the twin',
    )
    // They are on its bridge, unless another is named.
    t.diagnostic((await ok('f1,f2', 'gold=gold', 'fork')).stderr)
    const own = await Promise.all(
      ['gold', 'f1', 'f2'].map(async (id) => {
        const { stdout } = await ok(id, 'exec', 'sh', '-c', 'cat /sys/class/net/eth0/address; ip -4 -o addr show eth0; hostname')
        const [mac = '', address = '', hostname = ''] = stdout.trim().split('\n')
        return {
          mac,
          address: / (10\.9\.1\.\d+)\//.exec(address)?.[1] ?? address,
          hostname,
          tap: (await statusOf(id)).taps.join(' '),
        }
      }),
    )
    t.diagnostic(JSON.stringify(own))
    for (const what of ['mac', 'address', 'tap'] as const) assert.equal(new Set(own.map((one) => one[what])).size, 3, what)
    assert.deepEqual(linksOn('br0').length, 4)
    for (const { address } of own) assert.match(await dhcp.command(`ping -c 1 -w 5 ${address}`), /, 0% packet loss/)
    dhcp.close()
    await ok('f1,f2', 'stop', 'rm', '--yes')
    await ok('gold,dhcp', 'stop')
    assert.deepEqual(taps(), [])
  })

  test('QEMU is a user of its own, may nothing, and holds its drive and its tap', async (t) => {
    await ok('who', 'drive_size=64M', 'newimg')
    await ok('who', 'bridge=br0', 'start')
    const { pid, runAs, drives, taps: own } = await statusOf('who')
    const seen = look(pid ?? 0)
    t.diagnostic(describe(seen))
    const uid = /^uid (\d{5,})$/.exec(runAs ?? '')?.[1] ?? assert.fail(`it runs as ${runAs}`)
    assert.deepEqual(seen.uids, [uid, uid, uid, uid])
    assert.deepEqual(seen.capabilities, [0n, 0n, 0n, 0n, 0n])
    assert.deepEqual([seen.seccomp, seen.noNewPrivs], ['2', '1'])
    const { files } = seen
    const drive = fs.statSync(drives[0]?.path ?? '')
    assert.ok(files.some(({ inode, access }) => inode === drive.ino && access === 'rw'))
    assert.deepEqual(
      files.flatMap(({ tap }) => tap ?? []),
      own,
    )
    assert.equal(drive.uid, 0, "the drive is still root's: QEMU has it open, and may not open it")
    await ok('who', 'stop')
  })

  test('run_as=root keeps root, and status says so', async () => {
    await ok('who', 'run_as=root', 'bridge=br0', 'start')
    assert.deepEqual(new Set(look(await pidOf('who')).uids), new Set(['0']))
    assert.match((await ok('who', 'status')).stdout, /^ {2}pid +\d+, as root$/m)
    assert.equal((await statusOf('who')).runAs, 'root')
    await ok('who', 'stop')
    assert.match((await nbsvm('who', 'run_as=nosuchuser', 'start')).stderr, /there is no user nosuchuser to run QEMU as/)
  })

  for (const next of [['status'], ['ls'], ['start']]) {
    test(`QEMU killed: its tap goes with the next ${next[0]}`, async () => {
      await ok('who', 'bridge=br0', 'start')
      await kill('who')
      assert.equal(taps().length, 1, 'nobody has seen it yet')
      if (next[0] === 'ls') await ok('ls')
      else await nbsvm('who', ...next, ...(next[0] === 'start' ? ['-S'] : []))
      // Without a bridge the new one leads nowhere: the old one, which was on it, is gone.
      assert.deepEqual(linksOn('br0'), [])
      assert.equal(taps().length, next[0] === 'start' ? 1 : 0)
      await nbsvm('who', 'stop')
      assert.deepEqual(taps(), [])
    })
  }

  test('a card for each bridge, with its MTU; a long name is shortened, differently for each VM', async () => {
    const long = 'a-machine-with-a-name-that-no-network-device-can-have'
    for (const id of [long, `${long}-2`]) await ok(id, 'bridge=br0 br1', 'start', '-S')
    const own = (await statusOf(long)).taps
    assert.equal(own.length, 2)
    assert.equal(new Set([...own, ...(await statusOf(`${long}-2`)).taps]).size, 4)
    for (const name of own) assert.ok(Buffer.byteLength(name) <= 15, name)
    assert.equal(linksOn('br0').find(({ ifname }) => ifname === own[0])?.mtu, 1400)
    assert.equal(linksOn('br1').find(({ ifname }) => ifname === own[1])?.mtu, 9000)
    for (const id of [long, `${long}-2`]) await ok(id, 'stop')
    assert.deepEqual(taps(), [])
  })

  test('a bridge that is not there: told before anything is made', async () => {
    const { status, stderr } = await nbsvm('who', 'bridge=br7', 'start')
    assert.equal(status, 1)
    assert.match(stderr, /there is no bridge br7; did you mean br[01]\? \(there are br0, br1\)/)
    assert.match(stderr, /make it: sudo ip link add br7 type bridge/)
    const half = await nbsvm('who', 'bridge=br0 br7', 'start')
    assert.match(half.stderr, /there is no bridge br7/)
    assert.deepEqual(taps(), [])
    assert.equal((await statusOf('who')).state, 'stopped')
  })

  test("somebody else's device of the tap's name is told and left alone, by every later command too", async () => {
    await ok('who', 'bridge=br0 br1', 'start')
    const [first = '', second = ''] = (await statusOf('who')).taps
    await ok('who', 'stop')
    sh(`ip tuntap add dev ${second} mode tap`)
    const { status, stderr } = await nbsvm('who', 'bridge=br0 br1', 'start')
    assert.equal(status, 1)
    assert.match(stderr, new RegExp(`there is a network device ${second} already, and it is not this VM's`))
    await nbsvm('who', 'status')
    await nbsvm('ls')
    await ok('who', 'bridge=br0', 'start')
    const late = await nbsvm('who', 'forward', '8080:80')
    assert.equal(late.status, 1)
    assert.match(late.stderr, new RegExp(`who is on ${first}: it is reached at its own address`))
    await ok('who', 'stop')
    assert.deepEqual(taps(), [second], `${first} was removed, ${second} was not`)
    sh(`ip link delete ${second}`)
  })

  test('QEMU refuses: its words, and no tap', async () => {
    const { status, stderr } = await nbsvm('who', 'bridge=br0', 'start', '-device', 'nosuchdevice')
    assert.equal(status, 1)
    assert.match(stderr, /QEMU refused: .*nosuchdevice/)
    assert.deepEqual(taps(), [])
  })

  test('network= replaces it all: no tap; so do forwarded ports', async () => {
    await ok('who', 'network=-nic user', 'bridge=br0', 'start')
    assert.deepEqual(taps(), [])
    await ok('who', 'stop')
    await ok('who', 'forward=28080:80', 'start')
    assert.deepEqual(taps(), [])
    await ok('who', 'stop')
  })

  test("a tun device that is closed to QEMU's user: told before QEMU starts, with what to type", async () => {
    sh('chmod 600 /dev/net/tun')
    try {
      const { status, stderr } = await nbsvm('who', 'bridge=br0', 'start')
      assert.equal(status, 1)
      assert.match(stderr, /\/dev\/net\/tun is closed to uid \d+, whom QEMU runs as/)
      assert.match(stderr, /chmod 666 \/dev\/net\/tun/)
      assert.deepEqual(taps(), [])
    } finally {
      sh('chmod 666 /dev/net/tun')
    }
  })

  const drop = ['setpriv', '--reuid', nobody, '--regid', nobody, '--clear-groups', '--']
  const noUser = spawnSync('setpriv', [...drop.slice(1), process.execPath, '-e', '0']).status !== 0
  test('as a user', { skip: noUser ? 'Node.js cannot be run by another user here' : false }, async (t) => {
    const folder = fs.mkdtempSync(path.join(home.folder, 'user-'))
    // Everybody may pass through the home, and the user gets a copy of the program that he may read.
    fs.chmodSync(home.folder, 0o711)
    fs.chownSync(folder, Number(nobody), Number(nobody))
    fs.cpSync(path.dirname(program), path.join(folder, 'dist'), { recursive: true })
    const copy = path.join(folder, 'dist', path.basename(program))
    const as = (sudo: { folder: string }, ...args: string[]): Promise<Result> =>
      call([...drop, copy, ...args], { NBSVM_HOME: folder, HOME: folder, PATH: `${sudo.folder}:${process.env['PATH'] ?? ''}` })

    await t.test('a sudo that refuses: the error names the one command that needed it, and why', async () => {
      const sudo = await makeSudo(folder)
      try {
        await as(sudo, 'u', 'drive_size=64M', 'newimg')
        const { status, stderr } = await as(sudo, 'u', 'bridge=br0', 'start')
        assert.equal(status, 1)
        assert.match(stderr, /cannot run ip, which needs root: a tap is a network device of the host/)
        assert.match(stderr, /a password is required/)
        assert.match(stderr, /what needed it: sudo ip tuntap add dev tap-\S+ mode tap user 65534/)
        assert.equal(sudo.calls().length, 1)
        const explained = (await as(sudo, 'u', 'bridge=br0', 'explain')).stdout
        assert.match(explained, /^sudo ip tuntap add dev tap-\S+ mode tap user 65534$/m, 'explain shows it before')
        assert.deepEqual(taps(), [])
        assert.equal((await as(sudo, 'u', 'status')).status, 3)
      } finally {
        sudo.close()
      }
    })

    await t.test('a sudo that works: a tap of his own on the bridge, made and removed by two kinds of ip alone', async (t) => {
      const sudo = await makeSudo(folder, inside)
      try {
        const started = await as(sudo, 'u', 'bridge=br0', 'start')
        assert.equal(started.status, 0, started.stderr)
        const [name = ''] = taps()
        assert.deepEqual(
          linksOn('br0').map(({ ifname }) => ifname),
          [name],
        )
        const { pid } = JSON.parse((await as(sudo, 'u', 'status', '--json')).stdout) as Status
        const seen = look(pid ?? 0)
        assert.deepEqual([seen.uids[1], seen.files.find(({ tap }) => tap !== undefined)?.tap], [nobody, name])
        assert.equal((await as(sudo, 'u', 'stop')).status, 0)
        assert.deepEqual(taps(), [])
        t.diagnostic(sudo.calls().join('\n'))
        const calls = sudo.calls().map((line) => line.replace(/ fe(?::[0-9a-f]{2}){5} /, ' ADDRESS '))
        assert.deepEqual(calls, [
          `-n -- ip tuntap add dev ${name} mode tap user ${nobody}`,
          `-n -- ip link set dev ${name} mtu 1400 address ADDRESS master br0 up`,
          `-n -- ip link delete dev ${name}`,
        ])
      } finally {
        sudo.close()
      }
    })

    await t.test('plain files and the user network: sudo is not called at all', async () => {
      const sudo = await makeSudo(folder)
      try {
        for (const line of [
          ['gold', 'drive_size=64M', 'newimg'],
          ['f', 'snapshot', 'clone', 'newimg'],
          ['f', 'forward=28081:80', 'start'],
          ['g', 'gold=f', 'snapshot'],
          ['f'],
          ['f', 'explain'],
          ['ls'],
          ['f', 'stop', 'resize', '128M', '--drive=1'],
          ['f,g,gold', 'rm', '--yes'],
        ]) {
          const result = await as(sudo, ...line)
          assert.equal(result.status, 0, `${line.join(' ')}: ${result.stderr}`)
        }
        assert.deepEqual(sudo.calls(), [])
      } finally {
        sudo.close()
      }
    })
  })
}
