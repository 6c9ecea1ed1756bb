// kill -9 at any moment of every verb that changes something. A process is stopped first and looked at, so that it is known in what it was cut off.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { program } from '../test/cli.js'
import { openFiles } from '../test/support/remains.js'
import type { Job, Row } from './row.js'
import { settle } from './needs.js'
import { onStage, type Stage } from './stage.js'
import { verbs, type Verb } from './verbs.js'

/** What a kill meets. */
const phases = ['loading', 'holding locks', 'something half-made', 'a program at work', 'done, not ended', 'ended'] as const
type Phase = (typeof phases)[number]

export const kills: Row = {
  name: 'kills',
  what: 'kill -9 (process, or group) at random instants over every verb that changes something',
  minutes: 25,
  run: (job) => onStage((stage) => killAll(job, stage)),
}

async function killAll(job: Job, stage: Stage): Promise<void> {
  const usualMs = new Map<string, number>()
  const hits = new Map<Phase, number>()
  const most = Math.ceil(1000 / verbs.length)
  const often = job.isShort ? { all: 5, undisturbed: 20 } : { all: 2, undisturbed: 7 }
  let count = 0
  let chosen: readonly Verb[] = verbs
  for (const { at, random } of job.turns(1000, 100)) {
    // In the short form some of them, others each time: what a line takes undisturbed has to be found out for each.
    if (job.isShort && at % 20 === 0) chosen = random.shuffled(verbs).slice(0, 4)
    const verb = chosen[at % chosen.length] as Verb
    try {
      if (!usualMs.has(verb.name)) usualMs.set(verb.name, await undisturbed(stage, verb))
      await verb.ready(stage)
      const isGroup = random.below(2) === 0
      // Spread over the time that it takes, with what comes before it: no two rounds hit the same part.
      const part = job.isShort ? random.next() : (Math.floor(at / verbs.length) + random.next()) / most
      const afterMs = (0.2 + part) * (usualMs.get(verb.name) ?? 0)
      const phase = await cutOff(stage, verb, { afterMs, isGroup })
      hits.set(phase, (hits.get(phase) ?? 0) + 1)
      count++
      const told = `${verb.name}, killed${isGroup ? ' with its group' : ''} after ${afterMs.toFixed(0)} ms (${phase})`
      job.trace(told)
      for (const fault of await afterwards(stage, verb, at, often)) job.found(`${told}: ${fault}`)
    } catch (error) {
      job.found(`${verb.name}: ${String(error)}`)
      await mend(stage)
    }
  }
  const told = phases.map((phase) => `${phase} ${hits.get(phase) ?? 0}`).join(', ')
  job.done(`${count} kills over ${usualMs.size} lines (${told})`)
}

/** Runs it to its end; returns how long it takes. */
async function undisturbed(stage: Stage, verb: Verb): Promise<number> {
  await verb.ready(stage)
  const begun = performance.now()
  const { status, stderr } = await stage.world.nbsvm(verb.words(stage))
  const ms = performance.now() - begun
  if (status !== 0 && verb.name !== 'shutdown') throw new Error(`${verb.name}, undisturbed, ended with ${status}: ${stderr}`)
  if (verb.isDone?.(stage) === false) throw new Error(`${verb.name}, undisturbed, ended with 0 and was not done`)
  return ms
}

async function cutOff(stage: Stage, verb: Verb, { afterMs, isGroup }: { afterMs: number; isGroup: boolean }): Promise<Phase> {
  const words = verb.words(stage)
  const child = spawn(program, words, { env: stage.world.env, stdio: 'ignore', detached: true, cwd: stage.world.folder })
  const ended = new Promise((resolve) => child.once('close', resolve))
  await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, afterMs))])
  const pid = child.pid ?? 0
  if (child.exitCode !== null) return 'ended'
  child.kill('SIGSTOP')
  const phase = phaseOf(pid, stage, verb)
  if (isGroup) process.kill(-pid, 'SIGKILL')
  else child.kill('SIGKILL')
  await ended
  return child.signalCode === 'SIGKILL' ? phase : 'ended'
}

function phaseOf(pid: number, stage: Stage, verb: Verb): Phase {
  const { folder } = stage.world
  if (verb.isDone?.(stage) === true) return 'done, not ended'
  const children = read(`/proc/${pid}/task/${pid}/children`).trim()
  if (children !== '') return 'a program at work'
  if (isHalfMade(folder)) return 'something half-made'
  return openFiles(pid).some((file) => file.startsWith(folder)) ? 'holding locks' : 'loading'
}

function isHalfMade(folder: string): boolean {
  const names = ['drives', 'images', 'vms', 'vms/web'].flatMap((name) => {
    const place = path.join(folder, name)
    return fs.existsSync(place) ? fs.readdirSync(place) : []
  })
  return names.some((name) => /^\.(tmp|frozen|lock-)|\.tmp$|^rollback$/.test(name))
}

function read(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** After one of so many kills. */
interface Often {
  /** All is looked at: what was left meanwhile is still there then. */
  readonly all: number
  /** The line is run to its end as well. */
  readonly undisturbed: number
}

/** What is wrong after it. */
async function afterwards(stage: Stage, verb: Verb, at: number, often: Often): Promise<string[]> {
  if (verb.isOfStates === true) await settle(stage)
  const faults = at % often.all === 0 ? await stage.allFaults() : await stage.faults()
  if (at % often.undisturbed === 0) await undisturbed(stage, verb)
  return faults
}

/** So that what follows begins from what is good. */
async function mend({ world }: Stage): Promise<void> {
  await world.nbsvm(['t', 'stop'])
  await world.nbsvm(['t', 'rm', '--yes'])
  await world.nbsvm(['web', 'stop', 'start', '--fresh'])
}
