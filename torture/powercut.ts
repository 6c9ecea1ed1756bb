// Power cuts: a machine (User-Mode Linux) on whose ext4 nbsvm is at work loses its power at any moment, with all that its kernel had not written yet. After
// the next boot what was said to be done is done, and what is there is whole.
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { findProgram } from '../src/sys/file.js'
import { uml, umlNeeds } from '../test/uml/run.js'
import type { Random } from './random.js'
import type { Job, Row } from './row.js'

/** From power-on until it has been looked at: this machine hands over between its processes slowly. */
const bootMs = 240_000
/** A line takes a few seconds there. */
const workMs = 8000

const inside = path.join(import.meta.dirname, 'powered.js')

export const powerCut: Row = {
  name: 'powercut',
  what: 'power cut: nbsvm at work inside User-Mode Linux, which is killed and boots again',
  minutes: 28,
  isWhole: true,
  whyNot: () => {
    const needs = [...umlNeeds(), ...(findProgram('mke2fs') === undefined ? ['e2fsprogs'] : [])]
    return needs.length === 0 ? undefined : `not installed: ${needs.join(' ')}`
  },
  run: async (job) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-power-'))
    try {
      const disk = path.join(folder, 'disk')
      fs.closeSync(fs.openSync(disk, 'w'))
      fs.truncateSync(disk, 2 ** 30)
      execFileSync('mke2fs', ['-q', '-F', '-t', 'ext4', disk])
      await cutAll(job, disk)
    } finally {
      fs.rmSync(folder, { recursive: true, force: true })
    }
  },
}

async function cutAll(job: Job, disk: string): Promise<void> {
  const first = await uml([process.execPath, inside, 'lay'], { disk, timeoutMs: bootMs })
  if (first.status !== 0) throw new Error(`it does not boot: ${first.output}${first.console}`)
  let [cuts, lines, last] = [0, 0, '']
  for (const { at, random } of job.turns(30, 0)) {
    const told = await cutOnce(disk, random, last)
    if (told.isUp) cuts++
    else job.found(`after cut ${at}, at ${last || 'no line'}, it does not come up: ${told.output}`)
    for (const fault of told.faults) job.found(`after cut ${at}, at ${last || 'no line'}: ${fault}`)
    lines += told.done
    last = told.last
    job.trace(`cut ${at}: ${told.done} lines done, then ${last || 'none'}`)
  }
  // What the last one has left.
  const end = await uml([process.execPath, inside, 'look', last], { disk, timeoutMs: bootMs })
  for (const fault of faultsOf(end.output)) job.found(`after the last cut, at ${last}: ${fault}`)
  if (end.status !== 0) job.found(`after the last cut it does not come up: ${end.output}`)
  execFileSync('e2fsck', ['-fn', disk], { stdio: 'ignore' })
  job.done(`${cuts} cuts while ${lines} lines were done`)
}

interface Cut {
  readonly isUp: boolean
  readonly faults: readonly string[]
  /** How many lines were done before. */
  readonly done: number
  /** What it was at: `done NAME`, if that was its last word. */
  readonly last: string
  readonly output: string
}

/** Boots it, has it looked at and work, and takes its power: half of the times just when a line has said that it is done. */
async function cutOnce(disk: string, random: Random, last: string): Promise<Cut> {
  const seed = String(random.below(2 ** 31))
  const cut = new AbortController()
  const afterDone = random.below(2) === 0 ? 1 + random.below(2) : Infinity
  const afterMs = random.next() * workMs
  let output = ''
  let timer: NodeJS.Timeout | undefined
  const ended = await uml([process.execPath, inside, 'work', last, seed], {
    disk,
    timeoutMs: bootMs,
    cut: cut.signal,
    onOutput: (text) => {
      output += text
      if (/^whole$/m.test(output) && afterDone === Infinity) timer ??= setTimeout(() => cut.abort(), afterMs)
      if (doneIn(output) >= afterDone) cut.abort()
    },
  })
  clearTimeout(timer)
  return {
    isUp: /^whole$/m.test(ended.output),
    faults: faultsOf(ended.output),
    done: doneIn(ended.output),
    last: /^(?:at|done) .*$/.exec(ended.output.trimEnd().split('\n').at(-1) ?? '')?.[0] ?? '',
    output: ended.output,
  }
}

const doneIn = (output: string): number => output.match(/^done /gm)?.length ?? 0
const faultsOf = (output: string): string[] => [...output.matchAll(/^FOUND (.*)$/gm)].map(([, fault = '']) => fault)
