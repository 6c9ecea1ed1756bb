// `nbsvm ls` against the least that any Node program takes.
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { inPairs, type Bench, type Row } from './table.js'
import type { World } from './world.js'

export const ls: Bench = {
  name: 'ls',
  async *rows(world) {
    let made = 0
    for (const [count, goal] of [
      [1, 1.4],
      [12, 1.4],
      [100, undefined],
      [1000, 2.5],
    ] as const) {
      for (; made < count; made++) makeStopped(world, `vm${made}`)
      yield await measure(world, `ls, ${count} VMs | node -e 0`, goal)
      if (count === 12) yield* withRunning(world)
    }
  },
}

async function measure(world: World, what: string, atMost?: number): Promise<Row> {
  const pairs = await inPairs(
    25,
    () => world.time('ls'),
    () => world.timeOf('node', '-e', '0'),
  )
  return { what, pairs, unit: 'ms', ...(atMost === undefined ? {} : { goal: { atMost } }) }
}

/** What a VM leaves that ran once and was stopped. `ls` opens no drive, so an empty file is one. */
export function makeStopped({ env }: World, id: string): void {
  const home = env['NBSVM_HOME'] ?? ''
  const drawer = path.join(home, 'state', id)
  mkdirSync(drawer, { recursive: true, mode: 0o700 })
  mkdirSync(path.join(home, 'drives'), { recursive: true })
  for (const name of ['lock', 'events.jsonl', 'qemu.log', 'console.log']) writeFileSync(path.join(drawer, name), '')
  writeFileSync(path.join(home, 'drives', `nbsvm-${id}-0.qcow2`), '')
}

async function* withRunning(world: World): AsyncIterable<Row> {
  const running = ['run1', 'run2', 'run3']
  world.atEnd(() => world.nbsvm(running.join(','), 'stop'))
  world.nbsvm(running.join(','), 'mem=64', 'network= ', 'start', '-S')
  yield await measure(world, `ls, 12 VMs and ${running.length} that run | node -e 0`)
  world.nbsvm(running.join(','), 'stop')
}
