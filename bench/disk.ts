// What the defaults for disks buy: io_uring in place of threads, and a thread for each disk.
import path from 'node:path'
import { socketFolder } from './console.js'
import { Serial, guestPrompt } from '../test/guest.js'
import { guestKernel } from '../test/cli.js'
import { inPairs, type Bench, type Pair } from './table.js'
import type { World } from './world.js'

/** Reads the drive by 4 KB blocks; what the guest's own kernel keeps does not count. */
const reading = 'dd if=/dev/vda of=/dev/null bs=4k count=8000 iflag=direct 2>/dev/null'
const rounds = 7

export const disk: Bench = {
  name: 'disk',
  async *rows(world) {
    const image = makeImage(world)
    for (const [what, words] of Object.entries({ 'reads of 4 KB': [], 'writes of 4 KB': ['-w'] })) {
      const time = (aio: string) => () =>
        world.timeOf('qemu-img', 'bench', '-f', 'qcow2', '-i', aio, '-d', '16', '-c', '30000', ...words, image)
      yield {
        what: `${what}, 16 at once: io_uring | threads`,
        pairs: await inPairs(rounds, time('io_uring'), time('threads')),
        unit: 'ms',
      }
    }
    world.nbsvm('foo', `source=${image}`, 'clone')
    world.atEnd(() => world.nbsvm('foo', 'stop'))
    yield {
      what: 'a guest reads, one at a time: aio=io_uring | threads',
      pairs: await inGuests(world, 'aio=io_uring', 'aio=threads'),
      unit: 'ms',
    }
    yield { what: 'the same: iothread=yes | no', pairs: await inGuests(world, 'iothread=yes', 'iothread=no'), unit: 'ms' }
  },
}

/** 1 GB of data. */
export function makeImage(world: World): string {
  const image = path.join(world.folder, 'disk.qcow2')
  world.run('qemu-img', 'create', '-q', '-f', 'qcow2', image, '1G')
  world.run('qemu-io', '-f', 'qcow2', '-c', 'write -q -P 1 0 1G', image)
  return image
}

/** How long a guest reads, started with one setting and with the other in turn. */
function inGuests(world: World, a: string, b: string): Promise<Pair[]> {
  return inPairs(
    3,
    () => timeIn(world, a),
    () => timeIn(world, b),
  )
}

/** ms of the guest's own reading, in a VM `foo` that is started for it. */
export async function timeIn(world: World, ...settings: readonly string[]): Promise<number> {
  world.nbsvm('foo', ...settings, 'mem=128', 'start', ...guestKernel)
  const serial = await Serial.open(path.join(socketFolder(world, 'foo'), 'console.sock'))
  try {
    await serial.waitFor(/guest ready/)
    await serial.waitFor(guestPrompt)
    await serial.command(reading)
    const begin = performance.now()
    await serial.command(reading)
    return performance.now() - begin
  } finally {
    serial.close()
    world.nbsvm('foo', 'stop')
  }
}
