// `snapshot` takes as long for 100 GB as for 1 GB.
import path from 'node:path'
import { inPairs, type Bench } from './table.js'
import { fileSystem, type World } from './world.js'

export const snapshot: Bench = {
  name: 'snapshot',
  async *rows(world) {
    for (const size of ['1', '100']) world.nbsvm(`gold${size}`, `drive_size=${size}G`, 'newimg')
    const what = (how: string): string => `snapshot of 100 GB${how} | of 1 GB, on ${fileSystem(world.folder)}`
    const goal = { atMost: 1.2 }
    const pairs = (isWritten: boolean) =>
      inPairs(
        15,
        () => time(world, '100', isWritten),
        () => time(world, '1', isWritten),
      )
    yield { what: what(', written to before'), pairs: await pairs(true), unit: 'ms', goal }
    yield { what: what(', unchanged'), pairs: await pairs(false), unit: 'ms', goal }
  },
}

/** One snapshot of a drive that something was written to since the last one, or nothing. */
function time(world: World, size: string, isWritten: boolean): number {
  const drive = path.join(world.env['NBSVM_HOME'] ?? '', 'drives', `nbsvm-gold${size}-0.qcow2`)
  if (isWritten) world.run('qemu-io', '-f', 'qcow2', '-c', 'write -q 512M 1M', drive)
  const ms = world.time('copy', `gold=gold${size}`, 'snapshot')
  world.nbsvm('copy', 'rm', '--yes')
  return ms
}
