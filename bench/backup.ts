// Backups of a guest that writes, one after the other: how long its drives stand still, what is written for what was changed, and how long one takes
// beside a copy of all.
import { mkdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { agentKernel } from '../test/cli.js'
import { inPairs, type Bench, type Pair } from './table.js'
import { fileSystem, type World } from './world.js'

const generations = 20

interface Listed {
  readonly changedBytes: number
  readonly writtenBytes: number
}

export const backup: Bench = {
  name: 'backup',
  async *rows(world) {
    const dir = path.join(world.folder, 'backups')
    mkdirSync(dir)
    world.nbsvm('web', 'drive_size=1G', 'newimg')
    world.atEnd(() => world.nbsvm('web', 'stop'))
    world.nbsvm('web', 'mem=256', 'network=none', 'start', ...agentKernel, '--', 'wait', 'agent')
    write(world, 0, 64)
    stoodMs(world, dir)
    const stood: Pair[] = []
    const times: Pair[] = []
    const copy = path.join(world.folder, 'copy')
    for (let at = 1; at <= generations; at++) {
      write(world, at * 40, 4)
      const began = performance.now()
      const a = stoodMs(world, dir)
      const took = performance.now() - began
      stood.push({ a, b: 20 })
      const all = path.join(world.env['NBSVM_HOME'] ?? '', 'drives/nbsvm-web-0.qcow2')
      times.push({ a: took, b: world.timeOf('sh', '-c', `qemu-img convert -U -O qcow2 '${all}' '${copy}' && sync '${copy}'`) })
      rmSync(copy)
    }
    yield { what: `drives stand still, of ${generations} backups | 20 ms`, pairs: stood, unit: 'ms', goal: { atMost: 1 } }
    const longest = Math.max(...stood.map(({ a }) => a))
    yield { what: 'the longest of them | 20 ms', pairs: [{ a: longest, b: 20 }], unit: 'ms', goal: { atMost: 1 } }
    const listed = (JSON.parse(world.nbsvm('web', 'backups', dir, '--json')) as Listed[]).slice(1)
    const sizes = listed.map(({ writtenBytes, changedBytes }) => ({ a: writtenBytes / 2 ** 20, b: changedBytes / 2 ** 20 }))
    yield { what: 'written | changed', pairs: sizes, unit: 'MB', goal: { atMost: 1.2 } }
    yield { what: `a backup after 4 MB of changes | a copy of all, on ${fileSystem(world.folder)}`, pairs: times, unit: 'ms' }
    const restore = (): number => {
      const ms = world.time('new', 'restore', dir, '--from=web')
      world.nbsvm('new', 'rm', '--yes')
      return ms
    }
    const again = (): number => {
      const ms = world.time('new', 'gold=web', 'clone')
      world.nbsvm('new', 'rm', '--yes')
      return ms
    }
    yield { what: 'restore | clone of it', pairs: await inPairs(3, restore, again), unit: 'ms' }
  },
}

function write(world: World, atMib: number, mib: number): void {
  world.nbsvm('web', 'exec', 'dd', 'if=/dev/urandom', 'of=/dev/vda', 'bs=1M', `seek=${atMib}`, `count=${mib}`, 'conv=fsync')
}

/** As nbsvm tells it. */
function stoodMs(world: World, dir: string): number {
  const said = world.run('sh', '-c', `'${world.program}' web backup '${dir}' --live 2>&1`)
  const ms = /stood still for (?<ms>\d+) ms/.exec(said)?.groups?.['ms']
  if (ms === undefined) throw new Error(said)
  return Number(ms)
}
