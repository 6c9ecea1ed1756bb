// Lists of other machines against one round trip of ssh(1) to one of them: a login without a connection, what the same list takes by hand
// with one. The machines are this one, by real sshds, so two cores do the work of three machines; by one machine alone it shows what
// nbsvm here adds.
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { disconnect, serve, whyNoMachine } from '../test/support/sshd.js'
import { makeStopped } from './ls.js'
import { inPairs, type Bench } from './table.js'
import type { World } from './world.js'

const vms = 20
const pairs = 15

export const remote: Bench = {
  name: 'remote',
  async *rows(world) {
    if (whyNoMachine !== false) throw new Error(whyNoMachine)
    const home = world.env['NBSVM_HOME'] ?? ''
    const machines = new Map(['box1', 'box2'].map((name) => [name, placeOf(world, name)]))
    for (const machine of machines.values())
      for (let at = 0; at < vms; at++) makeStopped({ ...world, env: machine.env }, `vm${at}`)
    serve(world, machines)
    const close = (): void => disconnect(path.join(home, 'state'))
    world.atEnd(close)

    const list = (): number => world.time('ls', 'box1:', 'box2:')
    const anew = (): number => {
      close()
      return list()
    }
    const trip = (...words: string[]) => world.timeOf('ssh', ...words)
    yield {
      what: `ls of 2 machines, ${vms} VMs each | ssh to one, true`,
      pairs: await inPairs(pairs, anew, () => trip('box1', 'true')),
      unit: 'ms',
      goal: { atMost: 2 },
    }
    const shared = ['-o', `ControlPath=${path.join(world.folder, 'shared')}`]
    world.run('ssh', ...shared, '-o', 'ControlMaster=yes', '-o', 'ControlPersist=60', 'box1', 'true')
    world.atEnd(() => world.run('ssh', ...shared, '-O', 'exit', 'box1'))
    yield {
      what: 'the same, connected | ssh to one, connected, nbsvm ls',
      pairs: await inPairs(pairs, list, () => trip(...shared, 'box1', 'nbsvm', 'ls')),
      unit: 'ms',
      goal: { atMost: 2 },
    }
    yield {
      what: 'ls of 1 machine, connected | the same ssh',
      pairs: await inPairs(
        pairs,
        () => world.time('ls', 'box1:'),
        () => trip(...shared, 'box1', 'nbsvm', 'ls'),
      ),
      unit: 'ms',
    }
  },
}

function placeOf({ folder, env }: World, name: string): { folder: string; env: NodeJS.ProcessEnv } {
  const own = path.join(folder, name)
  mkdirSync(own)
  return { folder: own, env: { PATH: env['PATH'], HOME: own, NBSVM_HOME: own } }
}
