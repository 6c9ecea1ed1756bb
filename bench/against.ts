// This build against another one, NBSVM_BENCH_AGAINST=CHECKOUT with a dist/ in it: what a change costs or buys.
import path from 'node:path'
import { delay, flood, openConsole } from './console.js'
import { makeImage, timeIn } from './disk.js'
import { makeStopped } from './ls.js'
import { ordinaryUser, who } from './user.js'
import { inPairs, type Bench, type Row } from './table.js'
import { fileSystem, openWorld, type World } from './world.js'

const rounds = 25

export const against: Bench = {
  name: 'against',
  async *rows(outer) {
    const other = process.env['NBSVM_BENCH_AGAINST']
    if (other === undefined) throw new Error('NBSVM_BENCH_AGAINST=CHECKOUT names no other build')
    const nbsvm = path.resolve(other, 'dist/nbsvm.cjs')
    for (const as of process.getuid?.() === 0 ? [{}, { uid: ordinaryUser }] : [{}]) {
      const [now, before] = [openWorld(as), openWorld({ ...as, nbsvm })]
      outer.atEnd(() => [now, before].forEach((world) => world.close()))
      yield* rows(now, before)
    }
  },
}

/** Each has a home of its own: their drawers and records differ. */
async function* rows(now: World, before: World): AsyncIterable<Row> {
  const of = `, ${who(now)}: this build | the other`
  const pair = async (what: string, time: (world: World) => number, count = rounds): Promise<Row> => ({
    what: `${what}${of}`,
    pairs: await inPairs(
      count,
      () => time(now),
      () => time(before),
    ),
    unit: 'ms',
  })
  for (const world of [now, before]) world.nbsvm('foo', 'newimg')
  yield await pair('start', (world) => {
    const ms = world.time('foo', network, 'start')
    world.nbsvm('foo', 'stop')
    return ms
  })
  yield await pair(`snapshot, on ${fileSystem(now.folder)}`, timeSnapshot)
  yield await pair('clone of an image of 512 MB', timeClone, 5)
  let made = 0
  for (const count of [12, 1000]) {
    for (; made < count; made++) for (const world of [now, before]) makeStopped(world, `vm${made}`)
    yield await pair(`ls, ${count} VMs`, (world) => world.time('ls'))
  }
  for (const world of [now, before]) {
    world.nbsvm('foo', 'rm', '--yes')
    world.nbsvm('foo', `source=${makeImage(world)}`, 'clone')
  }
  const disks = await inPairs(
    5,
    () => timeIn(now, network),
    () => timeIn(before, network),
  )
  yield { what: `a guest reads its drive${of}`, pairs: disks, unit: 'ms' }
  const [ours, theirs] = [openConsole(now), openConsole(before)]
  yield { what: `console, 256 MB${of}`, pairs: await inPairs(5, flood(ours), flood(theirs)), unit: 'MB/s' }
  yield { what: `console, one key, there and back${of}`, pairs: await inPairs(5, delay(ours), delay(theirs)), unit: 'ms' }
}

const network = 'network=-nic user'

function timeSnapshot(world: World): number {
  const drive = path.join(world.env['NBSVM_HOME'] ?? '', 'drives/nbsvm-foo-0.qcow2')
  world.run('qemu-io', '-f', 'qcow2', '-c', 'write -q 512M 1M', drive)
  const ms = world.time('copy', 'gold=foo', 'snapshot')
  world.nbsvm('copy', 'rm', '--yes')
  return ms
}

function timeClone(world: World): number {
  const image = path.join(world.folder, 'image.raw')
  world.run('sh', '-c', `test -e '${image}' || dd if=/dev/zero of='${image}' bs=1M count=512 status=none`)
  const ms = world.time('copy', `source=${image}`, 'clone')
  world.nbsvm('copy', 'rm', '--yes')
  return ms
}
