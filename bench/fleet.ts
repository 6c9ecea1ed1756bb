// One list of 100 machines with 100 VMs each, ssh being a stand-in that answers at once: what is left is nbsvm's own part. Against a
// list of as many VMs of this machine, and by how many are asked.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { listOf, makeFleet } from '../test/support/fleet.js'
import { makeStopped } from './ls.js'
import { inPairs, type Bench, type Row } from './table.js'
import { openWorld, program, type World } from './world.js'

export const fleet: Bench = {
  name: 'fleet',
  async *rows(world) {
    const machines = makeFleet(path.join(world.folder, 'fleet'))
    const list = path.join(world.folder, 'list.json')
    writeFileSync(list, listOf(100))
    const names = Array.from({ length: 100 }, (_, at) => `h${String(at + 1).padStart(3, '0')}`)
    for (const name of names) machines.machine(name, `exec cat '${list}'`)
    world.env['PATH'] = `${machines.bin}:${world.env['PATH']}`
    const ask = (hosts: readonly string[]): number => world.time('ls', ...hosts.map((name) => `${name}:`))
    yield await compare(
      'ls of 100 machines, 10,000 VMs | of 10, 1,000 VMs',
      () => ask(names),
      () => ask(names.slice(0, 10)),
    )
    yield await compare(
      'ls of 100 machines | what their ssh alone takes',
      () => ask(names),
      () => sshAlone(world, names, list),
    )
    const local = openWorld()
    world.atEnd(() => local.close())
    for (let made = 0; made < 10_000; made++) makeStopped(local, `vm${made}`)
    yield await compare(
      'ls of 100 machines, 10,000 VMs | of this one, 10,000',
      () => ask(names),
      () => local.time('ls'),
    )
    yield await compareMemory(world, names)
  },
}

async function compare(what: string, a: () => number, b: () => number): Promise<Row> {
  return { what, pairs: await inPairs(5, a, b), unit: 'ms' }
}

/** As many processes as nbsvm starts for it, eight at a time, and nothing that reads what they say. */
function sshAlone({ env }: World, names: readonly string[], list: string): number {
  const begin = performance.now()
  const script = `sh -c : ; exec cat '${list}'`
  spawnSync('xargs', ['-P', '8', '-I', '{}', 'sh', '-c', `{ sh -c :; ${script}; } >/dev/null`], { env, input: names.join('\n') })
  return performance.now() - begin
}

/** The most memory that nbsvm itself has, in the unit of this table: MB. */
async function compareMemory(world: World, names: readonly string[]): Promise<Row> {
  const most = (hosts: readonly string[]): number => {
    const script = `process.on('exit', () => require('fs').writeSync(2, 'KB ' + process.resourceUsage().maxRSS))`
    const file = path.join(world.folder, 'most.cjs')
    writeFileSync(file, script)
    const words = ['--require', file, program, 'ls', ...hosts.map((name) => `${name}:`)]
    const { stderr } = spawnSync('node', words, { env: world.env, encoding: 'utf8' })
    return Number(/KB (\d+)/.exec(stderr)?.[1]) / 1024
  }
  const pairs = await inPairs(
    3,
    () => most(names),
    () => most(names.slice(0, 1)),
  )
  return { what: 'memory for 10,000 VMs | for 100', pairs, unit: 'MB' }
}
