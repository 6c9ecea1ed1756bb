// Exact crash points: each system call of a verb by which something changes or begins (link, rename, unlink, fsync, write, clone ...) is its last, or fails
// with ENOSPC or EIO.
import { spawnSync } from 'node:child_process'
import { canBe, hit, stepsOf, type Fault, type Step } from '../test/support/faults.js'
import type { Job, Row, Turn } from './row.js'
import { onStage, type Stage } from './stage.js'
import { verbs, type Verb } from './verbs.js'

const faults: readonly Fault[] = ['KILL', 'ENOSPC', 'EIO']

/** Those of states have a test of their own, `test/whole/frozen-faults.test.ts`, which knows more of them. */
const tried = verbs.filter(({ isOfStates, isDone }) => isOfStates !== true && isDone !== undefined)

export const steps: Row = {
  name: 'steps',
  what: 'exact crash points: each link, rename, unlink, fsync, write and program of verbs that are not of states, with KILL, ENOSPC, EIO',
  minutes: 25,
  whyNot: () => (spawnSync('strace', ['-V']).error === undefined ? undefined : 'strace is not installed'),
  run: (job) => onStage((stage) => stepAll(job, stage)),
}

async function stepAll(job: Job, stage: Stage): Promise<void> {
  const counts = new Map<string, number>()
  const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1)
  let [known, at] = [0, 0]
  // In the short form a few steps of a few lines.
  const chosen = job.isShort ? [...job.turns(0, 2)].map(({ random }) => random.pick(tried)) : tried
  for (const verb of chosen) {
    const points = await pointsOf(stage, verb)
    known += points.length
    for (const [step, fault] of job.isShort ? some(points, job.turns(0, 4)) : points) {
      const told = `${verb.name}, ${fault} at ${step.what}`
      try {
        await verb.ready(stage)
        const { what, status, stderr } = await hit(stage.world, step, fault, verb.words(stage))
        const isDone = verb.isDone?.(stage) === true
        // Of calls that are many it may be one of libuv's own, which ends Node.js.
        const isMissed = what === undefined || !what.includes(' ')
        count(isMissed ? 'missed' : fault === 'KILL' ? 'killed' : status === 0 ? 'survived' : 'refused')
        if (status === 0 && !isDone) job.found(`${told}: status 0, and it was not done`)
        const isSaid = fault === 'KILL' || status === 0 || /^nbsvm: /m.test(stderr)
        if (!isMissed && (!isSaid || /bug in nbsvm/.test(stderr))) job.found(`${told}: status ${status}: ${stderr}`)
        job.trace(`${told}: ${isMissed ? 'missed' : `status ${status}`}`)
        for (const fault of await (at++ % 2 === 0 ? stage.allFaults() : stage.faults())) job.found(`${told}: ${fault}`)
      } catch (error) {
        job.found(`${told}: ${String(error)}`)
      }
    }
  }
  const told = [...counts].map(([what, times]) => `${what} ${times}`).join(', ')
  const all = [...counts.values()].reduce((sum, times) => sum + times, 0)
  job.done(`${all} of ${known} points of ${chosen.length} lines (${told})`)
}

/** What can be done to a line: each step that differs from others, with each fault that it can have. */
async function pointsOf(stage: Stage, verb: Verb): Promise<[Step, Fault][]> {
  await verb.ready(stage)
  const { status, stderr, steps: all } = await stepsOf(stage.world, verb.words(stage))
  if (status !== 0) throw new Error(`${verb.name}, undisturbed: ${stderr}`)
  const distinct = all.filter((step, at) => all.findIndex(({ what }) => what === step.what) === at)
  return faults.flatMap((fault) => distinct.filter((step) => canBe(fault, step)).map((step): [Step, Fault] => [step, fault]))
}

function some<T>(all: readonly T[], turns: Iterable<Turn>): T[] {
  return [...turns].map(({ random }) => random.pick(all))
}
