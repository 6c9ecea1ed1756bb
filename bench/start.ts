// What `nbsvm VM start` adds to the time that its own QEMU command takes, as root and as an ordinary user.
import path from 'node:path'
import { commandsOf, timeRaw } from './qemu.js'
import { ordinaryUser, who } from './user.js'
import type { Bench, Pair, Row } from './table.js'
import { openWorld, type World } from './world.js'

const rounds = 50

export const start: Bench = {
  name: 'start',
  async *rows(world) {
    yield* await measure(world, who(world))
    if (process.getuid?.() !== 0) return
    const theirs = openWorld({ uid: ordinaryUser })
    world.atEnd(() => theirs.close())
    yield* await measure(theirs, who(theirs))
  },
}

async function measure(world: World, whose: string): Promise<Row[]> {
  const drawer = path.join(world.env['NBSVM_HOME'] ?? '', 'state', 'foo')
  // As root a VM has a tap, which a line that was pasted would have to be handed.
  const network = 'network=-nic user'
  world.nbsvm('foo', 'newimg')
  world.atEnd(() => world.nbsvm('foo', 'stop'))
  // The first start also finds out what this host can do.
  world.nbsvm('foo', network, 'start')
  world.nbsvm('foo', 'stop')
  const commands = commandsOf(world, 'foo', network)
  const whole: Pair[] = []
  const added: Pair[] = []
  for (let at = -1; at < rounds; at++) {
    const nbsvmMs = world.time('foo', network, 'start')
    world.nbsvm('foo', 'stop')
    const rawMs = await timeRaw(commands, drawer, world.as)
    const nodeMs = world.timeOf('node', '-e', '0')
    if (at < 0) continue
    whole.push({ a: nbsvmMs, b: rawMs })
    added.push({ a: nbsvmMs - rawMs, b: nodeMs })
  }
  return [
    { what: `start, ${whose} | the lines that explain prints`, pairs: whole, unit: 'ms' },
    { what: `start - raw QEMU, ${whose} | node -e 0`, pairs: added, unit: 'ms', goal: { atMost: 1.5 } },
  ]
}
