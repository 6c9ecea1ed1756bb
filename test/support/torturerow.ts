// A row of `npm run torture` in its short form, as a test.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { test } from 'node:test'
import type { Row, Told } from '../../torture/row.js'

const main = path.resolve('build/js/torture/main.js')
const seed = Math.floor(Math.random() * 2 ** 31)

/** By a few turns with the fixed seed and a fresh one, in a process of its own. */
export function tortureRow({ name, what }: Pick<Row, 'name' | 'what'>): void {
  test(`${name}: ${what} (seed ${seed})`, (t) => {
    const { stdout, stderr } = spawnSync(process.execPath, [main, '--row', name, '--short', `--seed=${seed}`], {
      encoding: 'utf8',
    })
    const line = stdout.trimEnd().split('\n').at(-1) ?? ''
    assert.match(line, /^\{/, stderr)
    const { done, found, notRun, notes } = JSON.parse(line) as Told
    for (const line of [...notes, ...done, ...notRun.map((why) => `not run: ${why}`)]) t.diagnostic(line)
    assert.deepEqual(found, [])
    if (done.length === 0) t.skip(notRun.join('; '))
  })
}
