// Ports that are opened into a running guest, and closed again: by the real program, on QEMU's own user network.
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { createServer, type AddressInfo } from 'node:net'
import path from 'node:path'
import { after, test } from 'node:test'
import { isFree } from '../src/sys/socket.js'
import type { Listed } from '../src/vm/list/list.js'
import type { Status } from '../src/vm/life/status.js'
import { guestKernel, makeHome, until } from './cli.js'
import { freePort, guestPrompt, Serial } from './guest.js'

const home = makeHome()
const { nbsvm } = home

/** Root's VMs are on taps otherwise, and a user's on passt. */
const userNetwork = 'network=-nic user,model=virtio-net-pci'

async function forwards(): Promise<string[]> {
  const { stdout } = await nbsvm(['foo', 'status', '--json'])
  const found = (JSON.parse(stdout) as Status).forwards
  return found.map(({ address, hostPort, guestPort, protocol }) => `${address}:${hostPort}:${guestPort}/${protocol}`)
}

async function refused(words: readonly string[], status: number, expected: RegExp): Promise<void> {
  const result = await nbsvm(words)
  assert.equal(result.status, status, result.stderr)
  assert.match(result.stderr, expected)
}

const page = async (port: number, address = '127.0.0.1'): Promise<string> =>
  (await fetch(`http://${address}:${port}/`, { signal: AbortSignal.timeout(10_000) })).text()

test('a port opened while the guest runs carries bytes, is listed, and is closed again', async () => {
  const [web, udp, other] = [await freePort(), await freePort(), await freePort()]
  assert.equal((await nbsvm(['foo', userNetwork, 'start', ...guestKernel])).status, 0)
  const serial = await Serial.open(path.join(home.folder, 'state/foo/run/console.sock'))
  after(() => serial.close())
  await serial.waitFor(guestPrompt)
  await serial.command('until ip addr show eth0 | grep -q "inet "; do sleep 0.2; done')

  const words = [`${web}:80`, `127.0.0.2:${web}:80`, `${udp}:5353/udp`]
  assert.deepEqual(await nbsvm(['foo', 'forward', ...words]), { status: 0, stdout: '', stderr: '' })
  const all = [`127.0.0.1:${web}:80/tcp`, `127.0.0.2:${web}:80/tcp`, `127.0.0.1:${udp}:5353/udp`]
  assert.deepEqual(await forwards(), all)
  assert.match((await nbsvm(['foo'])).stdout, new RegExp(`port +127\\.0\\.0\\.2:${web} -> 80/tcp\n`))
  const [row] = JSON.parse((await nbsvm(['ls', '--json'])).stdout) as Listed[]
  assert.equal(row?.forwards.length, 3)
  assert.match((await nbsvm(['ls'])).stdout, new RegExp(` ${web}->80 127\\.0\\.0\\.2:${web}->80 ${udp}->5353/udp `))
  assert.equal(await page(web), 'nbsvm test guest\n')
  assert.equal(await page(web, '127.0.0.2'), 'nbsvm test guest\n')
  await sendsTo(serial, udp)

  // What is there already is left as it is; what is in the way is told.
  assert.equal((await nbsvm(['foo', 'forward', `${web}:80`])).status, 0)
  assert.deepEqual(await forwards(), all)
  await refused(
    ['foo', 'forward', `${web}:81`],
    1,
    new RegExp(`127\\.0\\.0\\.1:${web}/tcp leads to port 80 of foo already\n.*forward --remove ${web}`),
  )
  await refused(['foo', 'forward', `*:${web}:80`], 1, /leads to port 80 of foo already/)

  // A port that somebody has: none of the line's is opened.
  const server = createServer().listen(0, '127.0.0.1')
  after(() => server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  const taken = (server.address() as AddressInfo).port
  await refused(
    ['foo', 'forward', `${other}:80`, `${taken}:80`],
    1,
    new RegExp(`cannot listen on 127\\.0\\.0\\.1:${taken}/tcp: it is taken.*\n.*ss -ltnup`),
  )
  await assert.rejects(page(other))
  assert.deepEqual(await forwards(), all)
  await refused(['foo', 'forward', '[::1]:8080:80'], 2, /listens on IPv4 addresses only/)

  assert.equal(
    (await nbsvm(['foo', 'forward', '--remove', String(web), '--', 'forward', '--remove', `${udp}:5353/udp`])).status,
    0,
  )
  assert.deepEqual(await forwards(), [`127.0.0.2:${web}:80/tcp`])
  await assert.rejects(page(web))
  assert.equal(await page(web, '127.0.0.2'), 'nbsvm test guest\n')
  await refused(['foo', 'forward', '--remove', `${web}:80`], 1, new RegExp(`127\\.0\\.0\\.1:${web}/tcp does not lead into foo`))
})

test('it is gone when the VM ends; one that does not run has none', async () => {
  assert.equal((await nbsvm(['foo', 'stop'])).status, 0)
  await refused(['foo', 'forward', '8080:80'], 1, /cannot forward ports into foo: it is not running\n.*nbsvm foo start/)
  assert.equal((await nbsvm(['foo', userNetwork, 'start', '-S'])).status, 0)
  assert.deepEqual(await forwards(), [])
  assert.equal((await nbsvm(['foo', 'stop'])).status, 0)
})

test('several that change one VM at once all have their way; a VM without a network says so', async () => {
  assert.equal((await nbsvm(['foo', userNetwork, 'start', '-S'])).status, 0)
  const ports = await Promise.all(Array.from({ length: 6 }, freePort))
  const done = await Promise.all(ports.map((port) => nbsvm(['foo', 'forward', `${port}:80`])))
  assert.deepEqual(
    done.map(({ status }) => status),
    ports.map(() => 0),
  )
  assert.deepEqual((await forwards()).toSorted(), ports.map((port) => `127.0.0.1:${port}:80/tcp`).toSorted())
  // Open, and not written down: so a nbsvm leaves it that is killed.
  const unknown = await freePort()
  await nbsvm(['foo', 'monitor'], { input: `hostfwd_add tcp:127.0.0.1:${unknown}-:80\n` })
  assert.equal((await nbsvm(['foo', 'forward', `${unknown}:80`])).status, 0)
  assert.equal((await nbsvm(['foo', 'forward', '--remove', String(unknown)])).status, 0)
  assert.equal(await isFree(unknown), true)
  assert.equal((await nbsvm(['foo', 'stop'])).status, 0)
  assert.equal((await nbsvm(['foo', 'network=none', 'start', '-S'])).status, 0)
  await refused(['foo', 'forward', '8080:80'], 1, /foo has no user network: no port of this machine leads into it/)
  assert.equal((await nbsvm(['foo', 'stop'])).status, 0)
})

test('words that are no ports cost nothing', async () => {
  for (const [words, expected] of [
    [[], /forward needs PORTS/],
    [['8080'], /"8080" is not a pair of ports/],
    [['8000-8010:80'], /not equally long/],
    [['80:80', '80:81'], /port 80 is to lead to two places/],
    [['--remove', 'x'], /is not a pair of ports/],
  ] as const) {
    await refused(['foo', 'stop', 'forward', ...words], 2, expected)
  }
})

/** A datagram reaches the guest: its kernel counts those that come to a port where nobody listens. */
async function sendsTo(serial: Serial, port: number): Promise<void> {
  const count = async (): Promise<number> =>
    Number(/(\d+)\s*$/.exec(await serial.command(`awk '/^Udp: [0-9]/ { print $3 }' /proc/net/snmp`))?.[1])
  const before = await count()
  const socket = createSocket('udp4')
  await until('a datagram in the guest', 10_000, async () => {
    socket.send('x', port, '127.0.0.1')
    return (await count()) > before
  })
  socket.close()
}
