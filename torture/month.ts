// A month in an hour: one program works with twenty VMs, and nothing of it grows: no memory, no descriptors, no files, no journal beyond its bounds.
import fs from 'node:fs'
import path from 'node:path'
import type { Random } from './random.js'
import type { Job, Row } from './row.js'
import { faultsIn, inWorld, orphansIn, type World } from './world.js'

const { host } = (await import(path.resolve('dist/index.cjs'))) as typeof import('../src/index.js')

type Here = ReturnType<typeof host>
type Vm = ReturnType<Here['vm']>

export const month: Row = {
  name: 'month',
  what: 'a month in an hour: 20 VMs, thousands of operations by one program',
  minutes: 20,
  run: (job) => inWorld((world) => live(job, world)),
}

/** What VMs are asked for day by day, and how many operations that is. Each begins and ends with a VM that is off and has one drive. */
const days: readonly { operations: number; live: (vm: Vm, here: Here, random: Random) => Promise<unknown> }[] = [
  {
    operations: 3,
    live: async (vm) => {
      await vm.start({ qemuOptions: ['-S'] })
      await vm.status()
      await vm.stop()
    },
  },
  {
    operations: 5,
    live: async (vm) => {
      await vm.start()
      await vm.reset()
      await vm.checkpoint('day')
      await vm.removeCheckpoint('day')
      await vm.stop()
    },
  },
  {
    operations: 2,
    live: async (vm) => {
      await vm.newimg()
      await vm.rmDrive(1)
    },
  },
  {
    operations: 3,
    live: async (vm) => {
      await vm.checkpoint('off')
      await vm.rollback('off')
      await vm.removeCheckpoint('off')
    },
  },
  {
    operations: 2,
    live: async (vm, here, random) => {
      const copy = here.vm(`copy${random.below(3)}`, { gold: vm.id })
      await copy.snapshot()
      await copy.rm()
    },
  },
  {
    operations: 3,
    live: async (vm, here) => {
      await here.list()
      await vm.status()
      await vm.explain()
    },
  },
  {
    operations: 4,
    live: async (vm) => {
      await vm.start()
      await vm.pause()
      await vm.resume()
      await vm.stop()
    },
  },
]

interface Size {
  readonly rssMb: number
  readonly descriptors: number
  readonly files: number
  readonly diskKb: number
}

function sizeOf({ folder }: World): Size {
  const names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const blocks = names.reduce(
    (sum, name) => sum + (fs.lstatSync(path.join(folder, name), { throwIfNoEntry: false })?.blocks ?? 0),
    0,
  )
  return {
    rssMb: process.memoryUsage.rss() / 2 ** 20,
    descriptors: fs.readdirSync('/proc/self/fd').length,
    files: names.length,
    diskKb: blocks / 2,
  }
}

async function live(job: Job, world: World): Promise<void> {
  const here = host({ environment: { ...world.env, drive_size: '1M' } })
  const vms = Array.from({ length: job.isShort ? 3 : 20 }, (_, at) => here.vm(`vm${at}`))
  for (const vm of vms) await vm.newimg()
  let operations = 0
  const sizes: Size[] = []
  const [whole, short] = [920, 12]
  const count = job.isShort ? short : whole
  for (const { at, random } of job.turns(whole, short)) {
    const day = random.pick(days)
    try {
      await day.live(random.pick(vms), here, random)
      operations += day.operations
    } catch (error) {
      job.found(`day ${at}: ${String(error)}`)
    }
    // After the first third everything is there that stays.
    if (at === Math.floor(count / 3) || at === count - 1) sizes.push(sizeOf(world))
  }
  for (const told of await orphansIn(world)) job.found(`still there: ${told}`)
  for (const fault of await faultsIn(world)) job.found(fault)
  for (const fault of beyondBounds(world)) job.found(fault)
  const [early, late] = sizes as [Size, Size]
  if (!job.isShort && late.rssMb > early.rssMb * 1.25 + 20)
    job.found(`memory grew from ${early.rssMb.toFixed(0)} to ${late.rssMb.toFixed(0)} MB`)
  if (late.descriptors > early.descriptors + 2) job.found(`descriptors grew from ${early.descriptors} to ${late.descriptors}`)
  if (late.files > early.files + 2 * vms.length * (job.isShort ? 10 : 1))
    job.found(`files grew from ${early.files} to ${late.files}`)
  if (late.diskKb > early.diskKb * 1.5 + 10_000) job.found(`the home grew from ${early.diskKb} to ${late.diskKb} KB`)
  const pair = (what: keyof Size): string => `${early[what].toFixed(0)} to ${late[what].toFixed(0)}`
  job.done(
    `${operations} operations on ${vms.length} VMs: MB of memory ${pair('rssMb')}, descriptors ${pair('descriptors')}, files ${pair('files')}`,
  )
}

/** No journal or log is larger than its bound, some KB, as no guest said anything here. */
function beyondBounds({ folder }: World): string[] {
  const state = path.join(folder, 'state')
  return fs
    .readdirSync(state, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(jsonl|log)(\.1)?$/.test(name))
    .flatMap((name) => {
      const bytes = fs.statSync(path.join(state, name), { throwIfNoEntry: false })?.size ?? 0
      return bytes > 256 * 1024 ? [`${name} has ${bytes} bytes`] : []
    })
}
