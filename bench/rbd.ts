// `snapshot` in a pool of Ceph takes as long for 100 GB as for 1 GB.
import { openCeph, pool, user, whyNoCeph, type Ceph } from '../test/support/ceph.js'
import { inPairs, type Bench } from './table.js'
import type { World } from './world.js'

export const rbd: Bench = {
  name: 'rbd',
  async *rows(world) {
    if (whyNoCeph !== false) throw new Error(whyNoCeph)
    const ceph = openCeph('memstore')
    try {
      await ceph.up()
      Object.assign(world.env, ceph.env, { store: 'rbd', pool, ceph_conf: ceph.conf })
      for (const size of ['1', '100']) world.nbsvm(`gold${size}`, `drive_size=${size}G`, 'newimg')
      const pairs = await inPairs(
        15,
        () => time(world, ceph, '100'),
        () => time(world, ceph, '1'),
      )
      yield {
        what: 'snapshot of 100 GB, written to before | of 1 GB, in a pool of Ceph',
        pairs,
        unit: 'ms',
        goal: { atMost: 1.2 },
      }
    } finally {
      await ceph.close()
    }
  },
}

/** One snapshot of a drive that something was written to since the last one. */
function time(world: World, { conf }: Ceph, size: string): number {
  world.run('qemu-io', '-f', 'raw', '-c', 'write -q 512M 1M', `rbd:${pool}/nbsvm-gold${size}-0:conf=${conf}:id=${user}`)
  const ms = world.time('copy', `gold=gold${size}`, 'snapshot')
  world.nbsvm('copy', 'rm', '--yes')
  return ms
}
