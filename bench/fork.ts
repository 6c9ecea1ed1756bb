// A fork of a guest that has booted, against all else that gives one: QEMU alone, a boot, a state that QEMU itself has written.
import path from 'node:path'
import { timeFork, timeForks, timeStart, type Forked } from './forking.js'
import { Raw } from './rawfork.js'
import { boots, fromLoadvm, fromMigration } from './states.js'
import { inPairs, type Bench, type Pair, type Row } from './table.js'
import { ordinaryUser, who } from './user.js'
import { openWorld, type World } from './world.js'

const rounds = 15
const cold = 3
const many = 50
const atOnce = 8

const guest = path.resolve('build/guest')
const boot = [
  '-kernel',
  path.join(guest, 'vmlinuz'),
  '-initrd',
  path.join(guest, 'initrd-agent'),
  '-append',
  'console=ttyS0 quiet no_timer_check',
]

/** No network: what passt or a tap costs is no matter of forks. Another identity is made by the guest, and measured apart. */
const renewing = ['accel=tcg', 'network=none', 'usb=none']
const settings = [...renewing, 'identity=no']

export const fork: Bench = {
  name: 'fork',
  async *rows(world) {
    if (process.getuid?.() !== 0) return yield* measure(world)
    const theirs = openWorld({ uid: ordinaryUser })
    world.atEnd(() => theirs.close())
    yield* measure(theirs)
    yield* measure(world)
  },
}

async function* measure(world: World): AsyncGenerator<Row, void> {
  const whose = who(world)
  for (const [name, mem] of [
    ['base', 256],
    ['half', 512],
    ['large', 4096],
  ] as const) {
    world.atEnd(() => world.nbsvm(name, 'stop'))
    world.nbsvm(name, ...settings, 'drive_size=64M', 'newimg')
    // Paused, it takes no time of this machine.
    world.nbsvm(name, ...settings, `mem=${mem}`, 'start', ...boot, '--', 'wait', 'guest# ', 'wait', 'agent', 'freeze', 'pause')
  }
  yield* await againstRaw(world, whose)
  yield await ofSizes(world, whose)
  yield* await againstBoots(world, whose)
  yield* await againstStates(world, whose)
  yield* await manyAtOnce(world, whose)
  yield* await ofIdentities(world, whose)
}

/** R is what the same QEMU takes, with `-S` in place of a state, from its start to its first answer. */
async function againstRaw(world: World, whose: string): Promise<Row[]> {
  const raw = await Raw.of(world, 'base', settings)
  const runs: Pair[] = []
  const guests: Pair[] = []
  const before: Pair[] = []
  const wholes: Pair[] = []
  const raws: Pair[] = []
  for (let at = -1; at < rounds; at++) {
    const ours = await timeFork(world, 'base', settings)
    const qmpMs = await raw.timeQmp()
    const theirs = await raw.timeGuest()
    const nodeMs = world.timeOf('node', '-e', '0')
    if (at < 0) continue
    runs.push({ a: ours.cpuMs - ours.spawnMs, b: qmpMs })
    guests.push({ a: ours.guestMs - ours.spawnMs, b: qmpMs })
    before.push({ a: ours.spawnMs, b: nodeMs })
    wholes.push({ a: ours.endMs - 3 * qmpMs, b: nodeMs })
    raws.push({ a: ours.guestMs, b: theirs })
  }
  return [
    { what: `fork, until QEMU is run, ${whose} | node -e 0`, pairs: before, unit: 'ms' },
    { what: `QEMU of a fork, its CPU runs, ${whose} | R`, pairs: runs, unit: 'ms', goal: { atMost: 1.25 } },
    { what: `QEMU of a fork, its guest has answered, ${whose} | R`, pairs: guests, unit: 'ms', goal: { atMost: 3 } },
    { what: `fork, the whole command - 3 R, ${whose} | node -e 0`, pairs: wholes, unit: 'ms', goal: { atMost: 1.5 } },
    { what: `fork, its guest has answered, ${whose} | raw QEMU's`, pairs: raws, unit: 'ms' },
  ]
}

const guestMs = ({ guestMs: ms }: Forked): number => ms

async function ofSizes(world: World, whose: string): Promise<Row> {
  const of = (gold: string) => async () => guestMs(await timeFork(world, gold, settings))
  const pairs = await inPairs(7, of('large'), of('base'))
  return { what: `fork of 4 GB of RAM, ${whose} | of 256 MB`, pairs, unit: 'ms', goal: { atMost: 1.3 } }
}

async function againstBoots(world: World, whose: string): Promise<Row[]> {
  const ours = async () => guestMs(await timeFork(world, 'base', settings))
  const pairs = await inPairs(cold, async () => (await timeStart(world, settings, boot)).guestMs, ours)
  return [{ what: `boot of the tiny guest, ${whose} | fork`, pairs, unit: 'ms', goal: { atLeast: 10 } }]
}

/** What QEMU itself keeps of a guest, taken in by QEMU alone, without nbsvm. */
async function againstStates(world: World, whose: string): Promise<Row[]> {
  const raw = await boots(world, boot)
  const ours = async () => guestMs(await timeFork(world, 'base', settings))
  const loaded = await inPairs(cold, () => fromLoadvm(raw), ours)
  const migrated = await inPairs(cold, () => fromMigration(raw), ours)
  return [
    { what: `QEMU -loadvm, its guest has answered | fork, ${whose}`, pairs: loaded, unit: 'ms' },
    { what: `QEMU -incoming, a whole migration from a file | fork, ${whose}`, pairs: migrated, unit: 'ms' },
  ]
}

/** The tiny guest has nothing that renews its random numbers but its kernel, and not each Debian's kernel does. */
async function ofIdentities(world: World, whose: string): Promise<Row[]> {
  try {
    await timeFork(world, 'base', renewing)
  } catch (error) {
    process.stderr.write(`fork with an identity of its own, ${whose}: not measured: ${String(error)}\n`)
    return []
  }
  const of = (words: readonly string[]) => async () => (await timeFork(world, 'base', words)).endMs
  const pairs = await inPairs(7, of(renewing), of(settings))
  return [{ what: `fork with an identity of its own, ${whose} | identity=no`, pairs, unit: 'ms' }]
}

/**
 * Until the processor of the last guest runs; then what each takes of memory, in proportion (PSS): what several share counts for each in
 * part.
 */
async function manyAtOnce(world: World, whose: string): Promise<Row[]> {
  const raw = await Raw.of(world, 'half', settings)
  const memory: Pair[] = []
  const ours = async (): Promise<number> => {
    const { ms, pssMb } = timeForks(world, 'half', settings, many)
    memory.push({ a: pssMb, b: (await timeStart(world, settings, boot, 512)).pssMb })
    return ms
  }
  const pairs = await inPairs(2, ours, () => raw.timeMany({ many, atOnce }))
  const what = `${many} forks of 512 MB of RAM in one line, ${whose}`
  return [
    { what: `${what} | raw QEMUs, ${atOnce} at a time`, pairs, unit: 'ms', goal: { atMost: 1.3 } },
    { what: `${what}: memory (PSS) of each | of one that has booted`, pairs: memory, unit: 'MB', goal: { atMost: 0.25 } },
  ]
}
