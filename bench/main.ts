// npm run bench [-- NAME ...]: ratios of nbsvm's times to those of what it is measured against, A B A B ... in one run.
// Nothing is compared with a stored number: machines differ, and one machine differs from minute to minute.
import { against } from './against.js'
import { archive } from './archive.js'
import { backup } from './backup.js'
import { clone } from './clone.js'
import { disk } from './disk.js'
import { fork } from './fork.js'
import { fleet } from './fleet.js'
import { consoleBench } from './console.js'
import { guest } from './guest.js'
import { ls } from './ls.js'
import { lvm } from './lvm.js'
import { pull } from './pull.js'
import { rbd } from './rbd.js'
import { remote } from './remote.js'
import { single } from './single.js'
import { snapshot } from './snapshot.js'
import { start } from './start.js'
import { web } from './web.js'
import { header, legend, line } from './table.js'
import type { Bench } from './table.js'
import { openWorld } from './world.js'

const benches: readonly Bench[] = [
  start,
  ls,
  snapshot,
  clone,
  disk,
  lvm,
  rbd,
  consoleBench,
  pull,
  guest,
  fork,
  fleet,
  remote,
  web,
  single,
  archive,
  backup,
  against,
]

async function main(wanted: readonly string[]): Promise<void> {
  const unknown = wanted.filter((name) => !benches.some((bench) => bench.name === name))
  if (unknown.length > 0)
    console.log(`there is no bench ${unknown.join(', ')}; there are ${benches.map(({ name }) => name).join(', ')}`)
  console.log(header)
  for (const bench of benches.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) await run(bench)
  console.log(legend)
}

/** What a bench lacks, or a fault in it, is told in its place; the others go on. */
async function run(bench: Bench): Promise<void> {
  const world = openWorld()
  try {
    for await (const row of bench.rows(world)) console.log(line(row))
  } catch (error) {
    console.log(`${bench.name}: not measured: ${error instanceof Error ? error.message : String(error)}`)
  } finally {
    world.close()
  }
}

await main(process.argv.slice(2))
