// What a row of the table is: something that is tried to break nbsvm with, how often, and what was found.
import { seeded, type Random } from './random.js'

export interface Row {
  /** What it is called on the command line. */
  readonly name: string
  readonly what: string
  /** It measures times, so nothing else runs beside it. */
  readonly isAlone?: boolean
  /** It has no short form. */
  readonly isWhole?: boolean
  /** How long it may take as a whole, in minutes; what is at work then has hung. */
  readonly minutes: number
  /** Why it cannot be tried here; undefined where it can. */
  readonly whyNot?: () => string | undefined
  run(job: Job): Promise<void>
}

/** What a run of a row is given, and what it tells. */
export interface Job {
  readonly isShort: boolean
  /** `whole` of them, or `short` in the short form. The first half is chance by the fixed seed, the second by the fresh one. */
  readonly turns: (whole: number, short: number) => Iterable<Turn>
  /** What was done, with figures: the cell of the table. */
  readonly done: (what: string) => void
  /** A fault. All of them are told; the row goes on. */
  readonly found: (what: string) => void
  /** A part that was not run, and why: it is never a pass. */
  readonly notRun: (why: string) => void
  /** What is being done, for whoever looks on: on stderr, where NBSVM_TORTURE_TRACE is set. */
  readonly trace: (what: string) => void
  /** A line for whoever reads on. */
  readonly note: (line: string) => void
}

export interface Turn {
  readonly at: number
  readonly random: Random
}

/** What came of a row: what its process says in its last line. */
export interface Told {
  readonly name: string
  readonly done: readonly string[]
  readonly found: readonly string[]
  readonly notRun: readonly string[]
  readonly notes: readonly string[]
  readonly seconds: number
}

export interface Seeds {
  readonly fixed: number
  readonly fresh: number
}

/** Runs a row in this process. What it throws is a fault as well. */
export async function runRow(row: Row, { isShort, seeds }: { isShort: boolean; seeds: Seeds }): Promise<Told> {
  const begun = performance.now()
  const told = { done: [] as string[], found: [] as string[], notRun: [] as string[], notes: [] as string[] }
  const randoms = [seeded(seeds.fixed), seeded(seeds.fresh)] as const
  const job: Job = {
    isShort,
    *turns(whole, short) {
      const count = isShort ? short : whole
      for (let at = 0; at < count; at++) yield { at, random: at < count / 2 ? randoms[0] : randoms[1] }
    },
    done: (what) => told.done.push(what),
    found: (what) => {
      told.found.push(what)
      // For whoever waits: the table comes at the end.
      process.stderr.write(`${row.name}: FOUND ${what}\n`)
    },
    notRun: (why) => told.notRun.push(why),
    trace: (what) => {
      if (process.env['NBSVM_TORTURE_TRACE'] !== undefined) process.stderr.write(`${row.name}: ${what}\n`)
    },
    note: (line) => told.notes.push(line),
  }
  try {
    const why = isShort && row.isWhole === true ? 'it has no short form' : row.whyNot?.()
    if (why === undefined) await row.run(job)
    else told.notRun.push(why)
  } catch (error) {
    told.found.push(`the row ended by ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  }
  if (told.done.length + told.found.length + told.notRun.length === 0) told.notRun.push('it says nothing of what it did')
  return { name: row.name, ...told, seconds: (performance.now() - begun) / 1000 }
}
