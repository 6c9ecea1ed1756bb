// A whole Debian from an image: when it answers, and how fast programs, files and shares reach it.
import { writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import path from 'node:path'
import { debianDisk, debianSettings } from '../test/support/debian.js'
import { commandsOf, startRaw } from './qemu.js'
import { inPairs, type Bench, type Pair, type Row } from './table.js'
import { openWorld, type World } from './world.js'

const rounds = 3

/** ssh runs only for who is in passwd(5). */
const nobody = 65_534

const mib = 2 ** 20

export const guest: Bench = {
  name: 'guest',
  async *rows(outer) {
    outer.run(path.resolve('scripts/debian'), '12')
    const world = process.getuid?.() === 0 ? openWorld({ uid: nobody }) : outer
    if (world !== outer) outer.atEnd(() => world.close())
    firstBoot(world, settings)
    yield* await answering(world)
    start(world, settings)
    yield* await running(world)
    yield* await copying(world)
    world.nbsvm('web', 'stop')
    yield* await sharing(outer)
  },
}

const settings = ['user=bench', `image=${debianDisk('12')}`, ...debianSettings, 'timeout=900']

/** The first boot is longer: it grows the file system, and makes what a system makes once. */
function firstBoot(world: World, words: readonly string[]): void {
  world.nbsvm('web', ...words, 'newimg')
  world.atEnd(() => world.nbsvm('web', 'stop'))
  world.nbsvm('web', ...words, 'start', 'wait', 'cloud-init', 'shutdown')
}

function start(world: World, words: readonly string[]): void {
  world.nbsvm('web', ...words, 'start', 'wait', 'ssh', 'wait', 'agent')
}

/** From the line to the first answer of the guest, and the same for the commands that `explain` prints. */
async function answering(world: World): Promise<Row[]> {
  const drawer = path.join(world.env['NBSVM_HOME'] ?? '', 'state/web')
  const ssh: Pair[] = []
  const agent: Pair[] = []
  const port = Number(/^ *Port (?<port>\d+)$/m.exec(world.nbsvm('ssh-config', 'web'))?.groups?.['port'])
  for (let at = 0; at < rounds; at++) {
    const ours = await untilAnswered(world, port, () => {
      world.nbsvm('web', ...settings, 'start')
      return Promise.resolve()
    })
    const commands = commandsOf(world, 'web', ...settings)
    const raw = await untilAnswered(world, port, () => startRaw(commands, drawer, world.as))
    ssh.push({ a: ours.sshMs, b: raw.sshMs })
    agent.push({ a: ours.agentMs, b: raw.agentMs })
  }
  const goal = { atMost: 1.05 }
  return [
    { what: 'start until ssh greets | the lines that explain prints', pairs: ssh, unit: 'ms', goal },
    { what: 'start until the agent answers | the same', pairs: agent, unit: 'ms', goal },
  ]
}

async function untilAnswered(
  world: World,
  port: number,
  begin: () => Promise<void>,
): Promise<{ sshMs: number; agentMs: number }> {
  const started = performance.now()
  await begin()
  await greeted(port)
  const sshMs = performance.now() - started
  world.nbsvm('web', 'timeout=900', 'wait', 'agent')
  const agentMs = performance.now() - started
  world.nbsvm('web', 'timeout=900', 'shutdown')
  return { sshMs, agentMs }
}

/**
 * Waits until sshd says something at a forwarded port, which is its name; that the port takes a connection says nothing of the guest. It is asked four times
 * a second, and each connection stays open: passt (2023) is busy with those that are closed before the guest has answered.
 */
async function greeted(port: number): Promise<void> {
  const open: Socket[] = []
  while (open.every(({ bytesRead }) => bytesRead === 0)) {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {}).resume()
    socket.write('SSH-2.0-bench\r\n')
    open.push(socket)
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  for (const socket of open) socket.destroy()
}

async function running(world: World): Promise<Row[]> {
  const time =
    (...words: string[]) =>
    (): number =>
      world.time('web', ...words)
  world.nbsvm('web', 'exec', 'sh', '-c', 'head -c 10485760 /dev/urandom >/tmp/ten')
  const speed =
    (...words: string[]) =>
    (): number =>
      (10 * 1000) / world.time('web', ...words)
  return [
    { what: 'exec true | ssh true', pairs: await inPairs(5, time('exec', 'true'), time('ssh', 'true')), unit: 'ms' },
    {
      what: 'exec cat of 10 MB | ssh cat',
      pairs: await inPairs(3, speed('exec', 'cat', '/tmp/ten'), speed('ssh', 'cat', '/tmp/ten')),
      unit: 'MB/s',
    },
  ]
}

async function copying(world: World): Promise<Row[]> {
  const [file, config, back] = ['hundred', 'ssh_config', 'back'].map((name) => path.join(world.folder, name)) as [
    string,
    string,
    string,
  ]
  writeFileSync(file, Buffer.alloc(100 * mib, 'nbsvm '), { mode: 0o644 })
  writeFileSync(config, world.nbsvm('ssh-config', 'web'), { mode: 0o644 })
  const scp =
    (...words: string[]) =>
    (): number =>
      (100 * 1000) / world.timeOf('scp', '-q', '-F', config, ...words)
  const cp =
    (...words: string[]) =>
    (): number =>
      (100 * 1000) / world.time('web', 'cp', ...words)
  const goal = { atLeast: 0.8 }
  const into = await inPairs(rounds, cp(file, ':/tmp/'), scp(file, 'nbsvm-web:'))
  const out = await inPairs(rounds, cp(':/tmp/hundred', back), scp('nbsvm-web:hundred', back))
  return [
    { what: 'cp of 100 MB into the guest | scp', pairs: into, unit: 'MB/s', goal },
    { what: 'cp of 100 MB out of the guest | scp', pairs: out, unit: 'MB/s', goal },
  ]
}

/** By virtiofs: the kernel of these Debians has no 9p. As root, because the virtiofsd of Debian 12 runs as nobody else. */
async function sharing(world: World): Promise<Row[]> {
  const folder = path.join(world.folder, 'shared')
  world.run('mkdir', folder)
  const words = [
    ...settings,
    `share=${folder}:/shared`,
    'network=-nic user',
    ...(process.getuid?.() === 0 ? ['run_as=root'] : []),
  ]
  firstBoot(world, words)
  world.nbsvm('web', ...words, 'start', 'wait', 'agent')
  const inside = (file: string) => (): number => (100 * 1000) / world.time('web', 'exec', 'sh', '-c', dd(file))
  const host = (): number => (100 * 1000) / world.timeOf('sh', '-c', dd(path.join(folder, 'file')))
  const what = 'writing 100 MB to a share, by virtiofs'
  return [
    {
      what: `${what} | to its own disk`,
      pairs: await inPairs(rounds, inside('/shared/file'), inside('/var/tmp/file')),
      unit: 'MB/s',
    },
    { what: `${what} | on the host`, pairs: await inPairs(rounds, inside('/shared/file'), host), unit: 'MB/s' },
  ]
}

function dd(file: string): string {
  return `dd if=/dev/zero of=${file} bs=1M count=100 conv=fsync 2>/dev/null`
}
