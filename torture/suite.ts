// Rows that the tests have already: the same files, with as many rounds as a whole proof wants.
import { spawn } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Job, Row } from './row.js'

const tests = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../test')

interface Suite extends Omit<Row, 'run'> {
  readonly file: string
  /** What makes it longer. */
  readonly env: Readonly<Record<string, string>>
  /** What that is, for the table. */
  readonly rounds: string
}

const suites: readonly Suite[] = [
  {
    name: 'moves',
    what: 'kill -9 of either QEMU, either nbsvm, or ssh, at random instants of a move',
    file: 'whole/move-kill.test.js',
    env: { NBSVM_MOVE_KILLS: '4' },
    rounds: '4 kills of each of 5',
    minutes: 15,
  },
  {
    name: 'states',
    what: 'exact crash points of freeze, fork, checkpoint, rollback, save and start: a sample of the steps, with each fault',
    file: 'whole/frozen-faults.test.js',
    env: { NBSVM_FROZEN_FAULTS: '2' },
    rounds: '2 steps of each of 9 lines with each of 3 faults',
    minutes: 15,
  },
]

export const suiteRows: readonly Row[] = suites.map(({ name, what, minutes, ...suite }) => ({
  name,
  what,
  minutes,
  isWhole: true,
  run: (job) => runSuite(suite, job),
}))

async function runSuite({ file, env, rounds }: Pick<Suite, 'file' | 'env' | 'rounds'>, job: Job): Promise<void> {
  const child = spawn(process.execPath, ['--test', '--test-reporter=tap', path.join(tests, file)], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  await new Promise((resolve) => child.on('close', resolve))
  const number = (what: string): number => Number(new RegExp(`^# ${what} (\\d+)$`, 'm').exec(output)?.[1] ?? 0)
  for (const [, name = ''] of output.matchAll(/^ *not ok \d+ - (.*)$/gm)) job.found(name)
  for (const [, name = ''] of output.matchAll(/^ *ok \d+ - (.* # SKIP.*)$/gm)) job.notRun(name)
  for (const line of output.match(/^# (?!Subtest|tests|suites|pass|fail|cancelled|skipped|todo|duration).*$/gm) ?? [])
    job.note(line)
  if (number('pass') === 0) job.notRun(`no test of ${file} passed`)
  else job.done(`${rounds}: ${number('pass')} tests passed`)
}
