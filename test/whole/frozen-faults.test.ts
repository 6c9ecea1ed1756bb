// nbsvm is killed, or the disk fails, at each step of what keeps and takes states of a VM: it is as it was or as it is to be, its RAM and its drives are
// of one moment, no state is seen that is not whole, and the next command works.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { makeHome, until } from '../cli.js'
import { canBe, hit, stepsOf, type Fault, type Step } from '../support/faults.js'
import { foldersIn, pinFaults, programsOf } from '../support/remains.js'
import { isWhole } from '../support/whole.js'
import { checkDrives, goesOn, heard, startWitness } from '../support/witness.js'

/** So many steps of each line, with each fault; `all` is the whole proof. Else one step of some lines, with one fault. */
const wanted = process.env['NBSVM_FROZEN_FAULTS']
const seed = Number(process.env['NBSVM_FROZEN_FAULTS_SEED'] ?? Math.floor(Math.random() * 1e6))
/** Only some lines: `save,wake`. */
const only = process.env['NBSVM_FROZEN_FAULTS_OF']?.split(',')
/** Only some steps: `EIO fsync ~/vms/web$`. */
const onlyAt = new RegExp(process.env['NBSVM_FROZEN_FAULTS_AT'] ?? '')

const home = makeHome()
const own = path.join(home.folder, 'vms/web')
const drives = path.join(home.folder, 'drives')

const works = async (...words: readonly string[]): Promise<string> => {
  const { status, stdout, stderr } = await home.nbsvm(words)
  assert.equal(status, 0, `${words.join(' ')}: ${stderr}`)
  return stdout
}

/** Which VMs run: asking nbsvm would take longer than all that is looked at here. */
const running = (): string[] => programs().flatMap((one) => /^~\/state\/(\w+)\/run qemu-system/.exec(one)?.[1] ?? [])
const isSaved = (): boolean => foldersIn(own).includes('saved')

const names = (): string[] => foldersIn(path.join(own, 'checkpoints'))
const templates = (): string[] => foldersIn(own).filter((name) => name.startsWith('template-'))

const programs = (): string[] => programsOf(home.folder).map(({ told }) => told)

/** Waits until whoever puts in order what a kill has left has done that, and nothing runs but VMs. */
async function settled(told: string): Promise<void> {
  let left: string[] = []
  await until(
    () => `${told}: nothing else runs: ${left.join(', ')}`,
    30_000,
    () => {
      const all = programs()
      const up = running()
      assert.equal(new Set(up).size, up.length, told)
      left = all.filter((one) => !up.some((id) => new RegExp(`^~/state/${id}(/run qemu-system\\S*| (sh|dd))$`).test(one)))
      return left.length === 0
    },
  )
}

/** Nothing is left of states that are none. */
function assertTidy(told: string): void {
  assert.deepEqual(pinFaults(home.folder, 'web'), [], told)
  checkDrives(home)
}

interface Line {
  /** Makes what the line needs; nothing where that is so already. */
  readonly ready: () => Promise<unknown>
  readonly words: (at: number) => readonly string[]
  /** Whether what was asked for has been done. */
  readonly isDone: (at: number) => boolean | Promise<boolean>
  /** What must be so now, done or not, and after a command that works. */
  readonly after: (at: number, told: string, isDone: boolean) => Promise<unknown>
}

const runs = (id = 'web'): boolean => running().includes(id)
const fork = ['t', 'gold=web', 'identity=no', 'fork']
let last = 0
let first = 0

/** The guest is no other than it was, and further than it was. */
async function wentOn(told: string): Promise<void> {
  const before = last
  await seeItGo()
  assert.ok(last >= before, `${told}: ${last} after ${before}`)
}
async function seeItGo(): Promise<void> {
  last = await goesOn(home, 'web')
}

async function beRunning(): Promise<void> {
  if (!runs()) await works('web', 'start')
}
async function haveTemplate(): Promise<void> {
  await beRunning()
  if (templates().length === 0) await works('web', 'freeze')
}
async function canBeForked(): Promise<void> {
  await works(...fork)
  await goesOn(home, 't')
  await works('t', 'stop', 'rm', '--yes')
}
async function settles(told: string): Promise<void> {
  await works('web', 'freeze', '--settle')
  assertTidy(told)
}
/** What takes long is tried again now and then. */
const isNow = (at: number): boolean => at % 4 === 1

let templatesBefore: string[] = []

const lines: Record<string, Line> = {
  save: {
    ready: beRunning,
    words: () => ['web', 'save'],
    isDone: () => !runs() && isSaved(),
    after: async (at, told, isDone) => {
      assert.ok(isDone || (runs() && !isSaved()), `${told}: ${running().join()}, saved: ${isSaved()}`)
      if (!isDone) {
        await wentOn(told)
        if (!isNow(at)) return settles(told)
        await works('web', 'save')
      }
      await works('web', 'start')
      await wentOn(told)
      assertTidy(told)
    },
  },
  wake: {
    ready: async () => {
      if (!isSaved()) await works('web', 'save')
    },
    words: () => ['web', 'start'],
    isDone: () => runs() && !isSaved(),
    after: async (_, told, isDone) => {
      assert.ok(isDone || (!runs() && isSaved()), `${told}: ${running().join()}, saved: ${isSaved()}`)
      if (!isDone) await works('web', 'start')
      await wentOn(told)
      await settles(told)
    },
  },
  rollback: {
    ready: beRunning,
    words: () => ['web', 'rollback', 'first', '--yes'],
    isDone: isAtFirst,
    after: async (_, told, isDone) => {
      const isBegun = foldersIn(own).includes('rollback')
      assert.ok(!(isDone && isBegun), told)
      if (!runs()) {
        await works('web', ...(isBegun ? ['start', '--if-needed'] : ['rollback', 'first', '--yes']))
        assert.ok(await isAtFirst(), told)
      }
      await settles(told)
    },
  },
  checkpoint: {
    ready: beRunning,
    words: (at) => ['web', 'checkpoint', `k${at}`],
    isDone: (at) => names().includes(`k${at}`),
    after: async (at, told, isDone) => {
      await wentOn(told)
      await settles(told)
      if (!isDone && !isNow(at)) return
      if (!isDone) await works('web', 'checkpoint', `k${at}`)
      await works('web', 'rollback', `k${at}`, '--yes')
      await seeItGo()
      await works('web', 'checkpoints', `--rm=k${at}`)
      assertTidy(told)
    },
  },
  freeze: {
    ready: () => {
      templatesBefore = templates()
      return beRunning()
    },
    words: () => ['web', 'freeze'],
    isDone: () => templates().some((name) => !templatesBefore.includes(name)),
    after: async (at, told, isDone) => {
      await wentOn(told)
      assert.ok(templates().length > 0 || templatesBefore.length === 0, told)
      await settles(told)
      if (templates().length === 0) await works('web', 'freeze')
      if (isDone || isNow(at)) await canBeForked()
    },
  },
  fork: {
    ready: haveTemplate,
    words: () => fork,
    isDone: () => runs('t'),
    after: async (at, told, isDone) => {
      if (isDone) {
        await goesOn(home, 't')
        await works('t', 'stop', 'rm', '--yes')
      } else {
        const left = [
          ...fs.readdirSync(drives),
          ...foldersIn(path.join(home.folder, 'vms')),
          ...foldersIn(path.join(home.folder, 'state')),
        ]
        assert.deepEqual(
          left.filter((name) => name.startsWith('nbsvm-t-') || name === 't'),
          [],
          told,
        )
        if (isNow(at)) await canBeForked()
        else await works('t', 'newimg', 'rm', '--yes')
      }
      assertTidy(told)
    },
  },
  'rm of a checkpoint': {
    ready: async () => {
      await beRunning()
      if (!names().includes('gone')) await works('web', 'checkpoint', 'gone')
    },
    words: () => ['web', 'checkpoints', '--rm=gone'],
    isDone: () => !names().includes('gone'),
    after: async (_, told) => {
      await wentOn(told)
      await settles(told)
    },
  },
  'rm of a template': {
    ready: haveTemplate,
    words: () => ['web', 'freeze', '--rm'],
    isDone: () => templates().length === 0,
    after: async (_, told) => {
      await wentOn(told)
      await settles(told)
    },
  },
  settle: {
    // As a kill leaves it whose watcher is killed as well.
    ready: async () => {
      await beRunning()
      await works('web', 'pause')
      const folder = path.join(own, '.frozen-0123456789abcdef')
      fs.mkdirSync(folder, { recursive: true })
      for (const name of ['under-way', 'ram']) fs.writeFileSync(path.join(folder, name), '')
      const base = fs.readdirSync(drives).find((name) => name.startsWith('.base-'))
      fs.writeFileSync(path.join(drives, `.pin-${/[0-9a-f]{16}/.exec(base ?? '')?.[0]}-frozen-0123456789abcdef-web`), '')
    },
    words: () => ['web', 'freeze', '--settle'],
    isDone: () => !fs.readdirSync(own).some((name) => name.startsWith('.frozen-')),
    after: async (_, told) => {
      await settles(told)
      await wentOn(told)
    },
  },
}

async function isAtFirst(): Promise<boolean> {
  if (!runs() || foldersIn(own).includes('rollback')) return false
  const before = last
  await seeItGo()
  const isFirst = Math.abs((heard(home, 'web').numbers[0] ?? 0) - first) < 5
  assert.ok(isFirst || last >= before, `${last} after ${before}`)
  return isFirst
}

/** Of those that are the same the first and the last. */
function distinct(steps: readonly Step[]): Step[] {
  return steps.filter(
    (step, at) =>
      steps.findIndex(({ what }) => what === step.what) === at || steps.findLastIndex(({ what }) => what === step.what) === at,
  )
}

let state = seed
const random = (): number => {
  state = (state * 1103515245 + 12345) % 2 ** 31
  return state / 2 ** 31
}

/** All of them, those that were asked for, or some that a day happens upon. */
function chosen(): (readonly [string, Line])[] {
  const all = Object.entries(lines)
  if (only !== undefined) return all.filter(([name]) => only.includes(name))
  if (wanted !== undefined || isWhole) return all
  const first = Math.floor(random() * all.length)
  return [0, 4, 8].flatMap((further) => all.slice((first + further) % all.length).slice(0, 1))
}

/** Spread out: one of each part. */
function sample(steps: readonly Step[]): readonly Step[] {
  if (wanted === 'all') return steps
  const count = Math.min(Number(wanted ?? 1), steps.length)
  return Array.from({ length: count }, (_, at) => steps[Math.floor(((at + random()) * steps.length) / count)]).filter(
    (step): step is Step => step !== undefined,
  )
}

const isMissing = spawnSync('strace', ['-V']).error !== undefined
const said = new Map<string, number>()

describe(`what is done with states (seed ${seed})`, { skip: isMissing && 'strace is not installed', concurrency: false }, () => {
  it('works where nothing fails', async () => {
    await startWitness(home, 'web', 96)
    await works('web', 'checkpoint', 'first')
    await works('web', 'rollback', 'first', '--yes')
    await seeItGo()
    first = heard(home, 'web').numbers[0] ?? 0
  })

  for (const [name, line] of chosen()) it(name, (t) => each(t, name, line))

  it('leaves nothing', async () => {
    await works('web', 'stop')
    await works('web', 'rm', '--yes')
    assert.deepEqual(
      fs.readdirSync(drives).filter((name) => !['.layers', '.lock'].includes(name)),
      [],
    )
    if (wanted !== undefined) for (const [words, times] of said) console.log(`${times} x ${words}`)
  })
})

async function each(t: TestContext, name: string, line: Line): Promise<void> {
  await line.ready()
  const undisturbed = await stepsOf(home, line.words(0))
  assert.equal(undisturbed.status, 0, undisturbed.stderr)
  await settled(name)
  assert.ok(await line.isDone(0), name)
  await line.after(0, name, true)
  const steps = distinct(undisturbed.steps)
  const counts = new Map<string, number>()
  const faults: string[] = []
  let at = 0
  const all = ['EIO', 'KILL', 'ENOSPC'] as const
  for (const fault of wanted === undefined ? all.slice(Math.floor(random() * 3)).slice(0, 1) : all) {
    for (const step of sample(steps.filter((one) => canBe(fault, one) && onlyAt.test(`${fault} ${one.what}`)))) {
      at++
      try {
        const outcome = await once(name, line, step, fault, at)
        counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
      } catch (error) {
        if (wanted === undefined) throw error
        faults.push(String(error))
        console.log(`FAULT ${String(error)}`)
        await mend()
      }
    }
  }
  const outcomes = [...counts].map(([what, times]) => `${times} ${what}`).join(', ')
  t.diagnostic(`${undisturbed.steps.length} steps, ${steps.length} distinct: ${outcomes}`)
  assert.deepEqual(faults, [])
}

/** Returns what came of it. */
async function once(name: string, line: Line, step: Step, fault: Fault, at: number): Promise<string> {
  await line.ready()
  const { what, status, stderr } = await hit(home, step, fault, line.words(at))
  const told = `${name}, ${fault} at ${step.call} ${step.when} (${step.what}; it was ${what}), status ${status}: ${stderr.trim()}`
  await settled(told)
  const isDone = await line.isDone(at)
  if (status === 0) assert.ok(isDone, `${told}: it was not done`)
  if (what === undefined) assert.equal(status, 0, told)
  // Of calls that are many some are made only now and then: it may be one of libuv's own.
  const isOther = what !== undefined && !what.includes(' ')
  if (fault !== 'KILL' && status !== 0 && !isOther) {
    assert.match(stderr, /^nbsvm: /, told)
    assert.doesNotMatch(stderr, /bug in nbsvm/, told)
    say(`${fault} ${step.call}${isDone ? ' DONE' : ''} ${stderr.trim()}`)
  } else if (fault !== 'KILL') say(`${fault} ${what} SURVIVED ${stderr.trim()}`)
  await line.after(at, told, isDone)
  if (what === undefined || isOther) return 'missed'
  return `${fault}${fault === 'KILL' ? '' : status === 0 ? ' survived' : ' refused'}${isDone ? ' (done)' : ''}`
}

function say(words: string): void {
  const alike = words
    .replaceAll(/[0-9a-f]{16}/g, 'X')
    .replaceAll(home.folder, '~')
    .replaceAll(/\d+/g, 'N')
  said.set(alike, (said.get(alike) ?? 0) + 1)
}

/** After a fault that was found: the next begins from what is good. */
async function mend(): Promise<void> {
  await home.nbsvm(['t', 'stop'])
  await home.nbsvm(['t', 'rm', '--yes'])
  await works('web', 'rollback', 'first', '--yes')
  await seeItGo()
}
