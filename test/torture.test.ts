// The short form of `npm run torture`: each of its rows, by a few turns with the fixed seed and a fresh one.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { actions, commands } from '../src/action/rows.js'
import { kills } from '../torture/kills.js'
import { leftOut } from '../torture/leftout.js'
import { rows } from '../torture/rows.js'
import { verbs } from '../torture/verbs.js'
import { tortureRow } from './support/torturerow.js'

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

// The kills are a file of their own, which runs beside this one.
for (const row of rows.filter((one) => one.isWhole !== true && one !== kills)) tortureRow(row)
