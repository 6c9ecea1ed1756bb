// npm run mutants [-- WORD ...]: do the tests bite? Each mutation of test/mutants/ makes one line of the program wrong, in a copy of
// this tree (build/mutants), and its test must fail then. With words: only the mutations whose file or fault has one of them.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Mutation } from '../test/mutants/mutation.js'
import { mutations } from '../test/mutants/mutations.js'

const copy = path.resolve('build/mutants')

/** A test that hangs has noticed something, too. */
const hangMs = 60_000

/** What came of a mutation. `untried`: its test is skipped here, for want of root above all. */
type Fate = 'killed' | 'survived' | 'untried' | 'broken'

interface Verdict {
  readonly fate: Fate
  readonly why?: string
}

const words = process.argv.slice(2)
const chosen = mutations.filter(
  ({ fault, file }) => words.length === 0 || words.some((word) => `${file} ${fault}`.includes(word)),
)
prepare()
const baselines = new Map<string, Outcome>()
for (const mutation of chosen) if (!baselines.has(testOf(mutation))) baselines.set(testOf(mutation), runUnchanged(mutation))
const fates = chosen.map((mutation) => {
  const { fate, why } = tryOut(mutation)
  console.log(`${fate.padEnd(8)}  ${mutation.file}: ${mutation.fault}${why === undefined ? '' : `\n${why}`}`)
  return fate
})
const count = (fate: Fate): number => fates.filter((one) => one === fate).length
const others = (['broken', 'untried'] as const).filter((fate) => count(fate) > 0).map((fate) => `, ${count(fate)} ${fate}`)
console.log(`\n${chosen.length} mutants, ${count('survived')} survived${others.join('')}`)
process.exitCode = chosen.length === 0 || count('survived') + count('broken') > 0 ? 1 : 0

/** The copy, compiled. Everything that tests read is in it, or linked to. */
function prepare(): void {
  rmSync(copy, { recursive: true, force: true })
  mkdirSync(path.join(copy, 'build'), { recursive: true })
  for (const name of ['src', 'test', 'torture', 'scripts', 'keys', 'package.json', 'tsconfig.json', 'rolldown.config.mjs'])
    cpSync(name, path.join(copy, name), { recursive: true })
  for (const name of ['node_modules', 'build/guest']) symlinkSync(path.resolve(name), path.join(copy, name))
  const fault = compile(true)
  if (fault !== undefined) throw new Error(`this tree does not compile:\n${fault}`)
}

/** Compiles what has changed, the program too where a test runs it. Returns what is wrong with it. */
function compile(withProgram: boolean): string | undefined {
  // An import that a mutation has left without a use is no fault of it.
  const unused = ['--noUnusedLocals', 'false', '--noUnusedParameters', 'false']
  const types = inCopy('node_modules/.bin/tsc', ['-p', '.', '--incremental', ...unused])
  if (types.status !== 0) return types.output
  if (!withProgram) return undefined
  const program = inCopy('node_modules/.bin/rolldown', ['-c', '--log-level', 'silent'])
  if (program.status !== 0) return program.output
  chmodSync(path.join(copy, 'dist/nbsvm.cjs'), 0o755)
  return undefined
}

function tryOut(mutation: Mutation): Verdict {
  const { file, from, to } = mutation
  const baseline = baselines.get(testOf(mutation))
  if (baseline?.failed !== 0) return { fate: 'broken', why: 'its test fails without it' }
  if (baseline.passed === 0) return { fate: 'untried' }
  const text = readFileSync(file, 'utf8')
  if (text.split(from).length !== 2) return { fate: 'broken', why: `this does not stand there once:\n${from}` }
  const place = path.join(copy, file)
  writeFileSync(
    place,
    text.replace(from, () => to),
  )
  try {
    const fault = compile(runsProgram(mutation))
    if (fault !== undefined) return { fate: 'broken', why: fault }
    const { failed, passed, output } = runTest(mutation)
    if (failed + passed === 0) return { fate: 'broken', why: output }
    return { fate: failed > 0 ? 'killed' : 'survived' }
  } finally {
    writeFileSync(place, text)
  }
}

/** A test that fails of itself proves nothing. */
function runUnchanged(mutation: Mutation): Outcome {
  const outcome = runTest(mutation)
  if (outcome.failed > 0) console.log(`${mutation.test} fails as it is:\n${outcome.output}`)
  return outcome
}

/** Whether the test runs the program (test/cli.ts), not only functions of it. */
function runsProgram({ test }: Mutation): boolean {
  return readFileSync(test, 'utf8').includes("from './cli.js'")
}

function testOf({ test, only }: Mutation): string {
  return JSON.stringify([test, only])
}

interface Outcome {
  readonly passed: number
  readonly failed: number
  readonly output: string
}

function runTest({ test, only }: Mutation): Outcome {
  const pattern = only === undefined ? [] : [`--test-name-pattern=${only}`]
  const file = `build/js/${test.replace(/\.ts$/, '.js')}`
  const { output } = inCopy(process.execPath, ['--test', '--test-reporter=tap', `--test-timeout=${hangMs}`, ...pattern, file])
  const number = (what: string): number => Number(new RegExp(`^# ${what} (\\d+)$`, 'm').exec(output)?.[1] ?? 0)
  return { passed: number('pass'), failed: number('fail') + number('cancelled'), output }
}

function inCopy(command: string, args: readonly string[]): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: copy, encoding: 'utf8', maxBuffer: 2 ** 28 })
  return { status, output: `${stdout}${stderr}` }
}
