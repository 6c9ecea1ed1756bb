import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { afterBegin, beginScript } from './begun.js'

test('what a login says is kept from what a script says, however it is cut', () => {
  const script = `${beginScript}printf 'one\\n\\ntwo'`
  const bytes = Buffer.concat([Buffer.from('Welcome!\nnbsvm-begin'), execFileSync('sh', ['-c', script])])
  for (let length = 1; length <= bytes.length; length++) {
    const said: Buffer[] = []
    const { take, hasBegun } = afterBegin((piece) => said.push(piece))
    for (let at = 0; at < bytes.length; at += length) take(bytes.subarray(at, at + length))
    assert.equal(Buffer.concat(said).toString(), 'one\n\ntwo')
    assert.ok(hasBegun())
  }
})

test('one that never began says nothing', () => {
  const { take, hasBegun } = afterBegin(() => assert.fail('nothing of it is the script'))
  for (const piece of ['This account is currently not available.\n', 'nbsvm-begin', '\n']) take(Buffer.from(piece))
  assert.equal(hasBegun(), false)
})
