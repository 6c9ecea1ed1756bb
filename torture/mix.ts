// Several callers at once: whatever they do, each line ends, what nbsvm says of a VM is so, and no drive goes that nobody removed.
import fs from 'node:fs'
import type { Random } from './random.js'
import type { Job, Row } from './row.js'
import { faultsIn, inTime, inWorld, orphansIn, runningIn, type World } from './world.js'

const ids = ['a', 'b', 'c', 'd', 'e']
const callers = 4
/** A line that takes longer is stuck: the longest here wait some seconds for a lock. */
const stuckMs = 90_000

/** What callers do, each as often as it stands here. */
const lines: readonly ((id: string, other: string, random: Random) => readonly string[])[] = [
  (id) => [id, 'drive_size=1M', 'newimg'],
  (id) => [id, 'drive_size=1M', 'newimg'],
  (id, other) => [id, `gold=${other}`, 'snapshot'],
  (id, other) => [id, `gold=${other}`, 'clone'],
  (id) => [id, 'start', '-S'],
  (id) => [id, 'start', '--if-needed'],
  (id) => [id, 'start'],
  (id) => [id, 'stop'],
  (id) => [id, 'stop', 'start', '-S'],
  (id) => [id, 'pause'],
  (id) => [id, 'resume'],
  (id) => [id, 'reset'],
  (id) => [id, 'resize', '+64K', '--drive=0'],
  (id, _, random) => [id, 'rm-drive', String(random.below(3)), '--yes'],
  (id) => [id, 'rm', '--yes'],
  (id) => [id, 'checkpoint', 'x'],
  (id) => [id, 'rollback', 'x', '--yes'],
  (id) => [id, 'checkpoints', '--rm=x'],
  (id) => [id, 'save'],
  (id) => [id, 'freeze'],
  (id) => [id, 'freeze', '--rm'],
  (id, other) => [id, `gold=${other}`, 'identity=no', 'fork'],
  (id) => [id, 'status'],
  (id) => [id, 'explain'],
  () => ['ls'],
]

interface Made {
  readonly file: string
  readonly id: string
  readonly beganMs: number
}

export const mix: Row = {
  name: 'mix',
  what: 'a random mix of verbs by 4 callers on 5 VMs; concurrent starts',
  minutes: 25,
  async run(job) {
    await inWorld(async (world) => {
      await mixed(job, world)
      await startsAtOnce(job, world)
    })
  },
}

async function mixed(job: Job, world: World): Promise<void> {
  const made: Made[] = []
  for (const id of ids) await world.works(id, 'drive_size=1M', 'newimg')
  const removed: { id: string; endedMs: number }[] = []
  const statuses = new Map<number, number>()
  const turns = job.turns(1000, 30)[Symbol.iterator]()
  let count = 0
  const call = async (): Promise<void> => {
    for (let turn = turns.next(); turn.done !== true; turn = turns.next()) {
      const { random } = turn.value
      const [id, other] = random.shuffled(ids) as [string, string]
      const words = random.pick(lines)(id, other, random)
      const beganMs = performance.now()
      const { status, stdout, stderr, isLate } = await inTime(world, words, { timeoutMs: stuckMs })
      count++
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      if (isLate) job.found(`${words.join(' ')} was stuck for ${stuckMs / 1000} s`)
      else if (![0, 1, 2, 3].includes(status) || /bug in nbsvm/.test(stderr))
        job.found(`${words.join(' ')} ended with ${status}: ${stderr}`)
      if (status === 0 && /^(newimg|snapshot|clone)$/.test(words.at(-1) ?? '')) made.push({ file: stdout.trim(), id, beganMs })
      // What a removal that failed in its midst has removed is removed, too.
      if (words.includes('--yes') || words.includes('fork')) removed.push({ id, endedMs: performance.now() })
    }
  }
  await Promise.all(Array.from({ length: callers }, call))
  for (const told of await orphansIn(world)) job.found(`still there: ${told}`)
  await world.works('next', 'drive_size=1M', 'newimg', 'rm', '--yes')
  for (const fault of await faultsIn(world)) job.found(`after the mix: ${fault}`)
  for (const { file, id, beganMs } of made) {
    const mayBeGone = removed.some((one) => one.id === id && one.endedMs > beganMs)
    if (!mayBeGone && !fs.existsSync(file)) job.found(`${file} is lost`)
  }
  for (const id of ids) {
    await world.nbsvm([id, 'stop'])
    const { status, stderr } = await world.nbsvm([id, 'rm', '--yes'])
    // One with forks is removed after them.
    if (status !== 0 && !/there is no/.test(stderr)) await world.nbsvm([ids.join(','), 'stop', 'rm', '--yes'])
  }
  const told = [...statuses].toSorted(([a], [b]) => a - b).map(([status, times]) => `status ${status}: ${times}`)
  job.done(`${count} operations by ${callers} callers (${told.join(', ')})`)
}

/** Ten starts of each of five VMs at the same moment: one of the ten wins. */
async function startsAtOnce(job: Job, world: World): Promise<void> {
  const names = ['v', 'w', 'x', 'y', 'z']
  let rounds = 0
  for (const { random } of job.turns(10, 1)) {
    const each = job.isShort ? 3 : 10
    const all = random.shuffled(names.flatMap((id) => Array.from({ length: each }, () => id)))
    for (const id of names) if (rounds === 0) await world.works(id, 'drive_size=1M', 'newimg')
    const results = await Promise.all(all.map(async (id) => ({ id, ...(await inTime(world, [id, 'start', '-S'])) })))
    for (const { id, status, stderr, isLate } of results) {
      const isTold = status === 1 && /(runs already|is starting already|is at work)/.test(stderr)
      if (isLate || (status !== 0 && !isTold)) job.found(`start of ${id} among ${all.length}: ${isLate ? 'stuck' : stderr}`)
    }
    for (const id of names) {
      const winners = results.filter((one) => one.id === id && one.status === 0).length
      if (winners !== 1) job.found(`${winners} of ${each} starts of ${id} won`)
    }
    const up = runningIn(world.folder).toSorted()
    if (up.join() !== names.join()) job.found(`after ${all.length} starts there run: ${up.join(', ')}`)
    for (const fault of await faultsIn(world)) job.found(`after starts at once: ${fault}`)
    await world.works(names.join(','), 'stop')
    rounds++
  }
  job.done(`${rounds} rounds of ${job.isShort ? 15 : 50} starts at once`)
}
