// The short form of `npm run torture`: each of its rows, by a few turns with the fixed seed and a fresh one.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { test } from 'node:test'
import { actions, commands } from '../src/action/rows.js'
import { leftOut } from '../torture/leftout.js'
import type { Told } from '../torture/row.js'
import { rows } from '../torture/rows.js'
import { verbs } from '../torture/verbs.js'

const main = path.resolve('build/js/torture/main.js')
const seed = Math.floor(Math.random() * 2 ** 31)

test('every action and command is one of the verbs that are tortured, or it is said why not', () => {
  const names = [...actions, ...commands].map(({ name }) => name)
  const tried = verbs.map(({ verb }) => verb)
  assert.deepEqual(
    names.filter((name) => !tried.includes(name) && leftOut[name] === undefined),
    [],
  )
  assert.deepEqual(
    [...tried, ...Object.keys(leftOut)].filter((name) => !names.includes(name)),
    [],
  )
  assert.deepEqual(
    Object.keys(leftOut).filter((name) => tried.includes(name)),
    [],
  )
})

for (const { name, what } of rows.filter(({ isWhole }) => isWhole !== true)) {
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
