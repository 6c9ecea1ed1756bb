import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { failureCodes, type FailureCode } from './codes.js'
import { Failure, UsageError } from './errors.js'

/** All of the program but the table itself and tests. */
const source = fs
  .readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => /(?<!\.test)\.ts$/.test(file) && file !== 'core/codes.ts')
  .map((file) => fs.readFileSync(path.join('src', file), 'utf8'))
  .join('\n')

test('every code of the table is given somewhere, and every one that is given is in the table', () => {
  const given = new Set([...source.matchAll(/'(?<code>[A-Z]+(?:_[A-Z]+)*)'/g)].map(({ groups }) => groups?.['code']))
  const known = Object.keys(failureCodes)
  assert.deepEqual(
    known.filter((code) => !given.has(code)),
    [],
  )
  const written = [...source.matchAll(/\bcode: '(?<code>[^']+)'/g)].map(({ groups }) => groups?.['code'] ?? '')
  assert.deepEqual(
    written.filter((code) => !known.includes(code) && code !== 'ABORT_ERR'),
    [],
  )
})

test('a failure has the code that it was given, that of its cause, or that of its kind', () => {
  const codeOf = (failure: Failure): FailureCode => failure.code
  assert.equal(codeOf(new Failure('x', { code: 'BUSY' })), 'BUSY')
  assert.equal(codeOf(new Failure('x', { cause: new Failure('y', { code: 'BUSY' }) })), 'BUSY')
  assert.equal(codeOf(new Failure('x', { code: 'TIMEOUT', cause: new Failure('y', { code: 'BUSY' }) })), 'TIMEOUT')
  assert.equal(codeOf(new Failure('x', { cause: Object.assign(new Error('y'), { code: 'ENOSPC' }) })), 'NO_SPACE')
  assert.equal(codeOf(new Failure('x', { cause: new UsageError('y') })), 'FAILED')
  assert.equal(codeOf(new Failure('x')), 'FAILED')
  assert.equal(codeOf(new UsageError('x')), 'USAGE')
})
