import assert from 'node:assert/strict'
import { it } from 'node:test'
import { actionCode, commandCode } from './load.js'
import { actions, commands } from './rows.js'

it('has code for each row, and a row for all code', async () => {
  assert.deepEqual(Object.keys(actionCode), names(actions))
  assert.deepEqual(Object.keys(commandCode), names(commands))
  for (const load of Object.values({ ...actionCode, ...commandCode })) {
    const code = await load()
    assert.ok(code.help.length > 20)
    assert.equal(typeof code.run, 'function')
  }
})

function names(rows: readonly { readonly name: string }[]): string[] {
  return rows.map(({ name }) => name)
}
