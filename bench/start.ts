// What `nbsvm VM start` adds to the time that its own QEMU command takes.
import path from 'node:path'
import { commandOf, timeRaw } from './qemu.js'
import type { Bench, Pair } from './table.js'

const rounds = 50

export const start: Bench = {
  name: 'start',
  async *rows(world) {
    const drawer = path.join(world.env['NBSVM_HOME'] ?? '', 'state', 'foo')
    // As root a VM has a tap, which a line that was pasted would have to be handed.
    const network = 'network=-nic user'
    world.nbsvm('foo', 'newimg')
    world.atEnd(() => world.nbsvm('foo', 'stop'))
    // The first start also finds out what this host can do.
    world.nbsvm('foo', network, 'start')
    const command = commandOf(drawer)
    world.nbsvm('foo', 'stop')
    const whole: Pair[] = []
    const added: Pair[] = []
    for (let at = -1; at < rounds; at++) {
      const nbsvmMs = world.time('foo', network, 'start')
      world.nbsvm('foo', 'stop')
      const rawMs = await timeRaw(command, drawer)
      const nodeMs = world.timeOf('node', '-e', '0')
      if (at < 0) continue
      whole.push({ a: nbsvmMs, b: rawMs })
      added.push({ a: nbsvmMs - rawMs, b: nodeMs })
    }
    yield { what: 'start | the command that explain prints, pasted', pairs: whole, unit: 'ms' }
    yield { what: 'start - raw QEMU | node -e 0', pairs: added, unit: 'ms', goal: { atMost: 1.5 } }
  },
}
