// npm run torture [-- ROW ...] [--short] [--seed=N]: tries to break nbsvm, by chance that can be repeated, and tells in a table what came of it. A row that
// was not run is no pass, and any fault makes the exit status 1. Each row is a process of its own, two at a time.
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { programsOf } from '../test/support/remains.js'
import { rows } from './rows.js'
import { runRow, type Row, type Seeds, type Told } from './row.js'

/** Known, so that two runs can be compared. */
const fixedSeed = 20_260_101

interface Asked {
  readonly isShort: boolean
  readonly seeds: Seeds
  readonly names: readonly string[]
  /** This process is the one that runs a row. */
  readonly isRow: boolean
}

function read(words: readonly string[]): Asked {
  const value = (flag: string): string | undefined => words.find((word) => word.startsWith(`--${flag}=`))?.slice(flag.length + 3)
  const names = words.filter((word) => !word.startsWith('--'))
  const unknown = names.filter((name) => !rows.some((row) => row.name === name))
  if (unknown.length > 0)
    throw new Error(`there is no row ${unknown.join(', ')}; there are ${rows.map(({ name }) => name).join(', ')}`)
  return {
    isShort: words.includes('--short'),
    isRow: words.includes('--row'),
    seeds: { fixed: fixedSeed, fresh: Number(value('seed') ?? Math.floor(Math.random() * 2 ** 31)) },
    names,
  }
}

async function main(asked: Asked): Promise<void> {
  const { isShort, seeds, names } = asked
  const chosen = rows.filter(({ name }) => names.length === 0 || names.includes(name))
  if (asked.isRow) {
    for (const row of chosen) process.stdout.write(`${JSON.stringify(await runRow(row, asked))}\n`)
    // What a row has left open is no reason to wait.
    process.exit(0)
  }
  console.log(
    `seeds ${seeds.fixed} and ${seeds.fresh} (again: npm run torture -- --seed=${seeds.fresh})${isShort ? ', short form' : ''}`,
  )
  const begun = performance.now()
  const tolds = await inTurn(chosen, asked)
  for (const told of tolds) show(told)
  console.log(table(chosen, tolds))
  const faults = tolds.reduce((sum, { found }) => sum + found.length, 0)
  const left = tolds.filter(({ notRun }) => notRun.length > 0)
  console.log(
    `\n${chosen.length} rows in ${((performance.now() - begun) / 60_000).toFixed(1)} minutes: ${faults} faults found` +
      (left.length > 0 ? `, not run in whole: ${left.map(({ name }) => name).join(', ')}` : ''),
  )
  process.exitCode = faults > 0 ? 1 : 0
}

/** As many at once as there are processors, but for those that want to be alone, which come last. */
async function inTurn(chosen: readonly Row[], asked: Asked): Promise<Told[]> {
  const tolds: Told[] = []
  const work = async (queue: Row[]): Promise<void> => {
    for (let row = queue.shift(); row !== undefined; row = queue.shift()) {
      const told = await runApart(row, asked)
      console.log(`${row.name}: ${verdict(told)}, ${told.seconds.toFixed(0)} s`)
      tolds.push(told)
    }
  }
  const together = chosen.filter(({ isAlone }) => isAlone !== true)
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, () => work(together)))
  await work(chosen.filter(({ isAlone }) => isAlone === true))
  return chosen.flatMap(({ name }) => tolds.find((told) => told.name === name) ?? [])
}

/** Runs a row in a process of its own, and in a group of its own, which ends with it. */
function runApart(row: Row, { isShort, seeds }: Asked): Promise<Told> {
  const begun = performance.now()
  const words = [fileURLToPath(import.meta.url), '--row', row.name, `--seed=${seeds.fresh}`, ...(isShort ? ['--short'] : [])]
  const folder = mkdtempSync(path.join(tmpdir(), 'nbsvm-row-'))
  // QEMU's own user goes through it.
  chmodSync(folder, 0o755)
  const env = { ...process.env, TMPDIR: folder }
  const child = spawn(process.execPath, words, { env, stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  const kill = (): void => {
    try {
      process.kill(-(child.pid ?? 0), 'SIGKILL')
    } catch {
      // It has ended.
    }
  }
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    kill()
  }, row.minutes * 60_000)
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  return new Promise((resolve) => {
    child.on('close', (status, signal) => {
      clearTimeout(timer)
      kill()
      sweep(folder)
      const line = output.trimEnd().split('\n').at(-1) ?? ''
      const why = isLate ? `it has not ended after ${row.minutes} minutes` : `its process ended by ${signal ?? status}`
      const seconds = (performance.now() - begun) / 1000
      const lost = { name: row.name, done: [], found: [why], notRun: [], notes: [], seconds }
      resolve(line.startsWith('{') ? (JSON.parse(line) as Told) : lost)
    })
  })
}

/** Ends and removes what a row that was killed has left. */
function sweep(folder: string): void {
  for (const { pid } of programsOf(folder)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended.
    }
  }
  const mounts = readFileSync('/proc/mounts', 'utf8').matchAll(/^\S+ (\S+) /gm)
  for (const [, place = ''] of mounts) if (place.startsWith(folder)) spawnSync('umount', ['-l', place])
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}

function verdict({ found, notRun }: Told): string {
  if (found.length > 0) return `${found.length} found`
  return notRun.length > 0 ? 'not run' : '0 found'
}

function show({ name, found, notRun, notes }: Told): void {
  if (found.length + notRun.length + notes.length > 0) console.log(`\n${name}`)
  for (const line of notes) console.log(`  ${line}`)
  for (const line of notRun) console.log(`  not run: ${line}`)
  for (const line of found) console.log(`  FOUND ${line}`)
}

function table(chosen: readonly Row[], tolds: readonly Told[]): string {
  const lines = chosen.map(({ name, what }) => {
    const told = tolds.find((one) => one.name === name)
    const done = told === undefined || told.done.length === 0 ? 'not run' : told.done.join('; ')
    return `| ${what} | ${done} | ${told === undefined ? 'not run' : verdict(told)} |`
  })
  return ['', '| what | done | found |', '| --- | --- | --- |', ...lines].join('\n')
}

await main(read(process.argv.slice(2)))
