import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure, UsageError } from '../core/errors.js'
import { packError, unpackError } from './wire.js'

/** As it comes out of another thread. */
function crossed(error: unknown): Error {
  return unpackError(structuredClone(packError(error)))
}

test('a failure is the same on the other side, with all that it holds', () => {
  const cause = Object.assign(new Error('ENOSPC: no space left on device, write'), {
    code: 'ENOSPC',
    errno: -28,
    syscall: 'write',
  })
  const failure = crossed(new Failure('cannot make it', { hints: ['df -h'], cause, exitStatus: 4 }))
  assert.ok(failure instanceof Failure && !(failure instanceof UsageError))
  assert.deepEqual(
    [failure.message, failure.code, failure.hints, failure.exitStatus],
    ['cannot make it', 'NO_SPACE', ['df -h'], 4],
  )
  assert.deepEqual([(failure.cause as { code?: string }).code, (failure.cause as Error).message], ['ENOSPC', cause.message])
  assert.match(failure.stack ?? '', /wire\.test/)

  const usage = crossed(new UsageError('there is no VM', { code: 'VM_MISSING' }))
  assert.ok(usage instanceof UsageError)
  assert.deepEqual([usage.name, usage.code, usage.exitStatus], ['UsageError', 'VM_MISSING', 2])
})

test('any other error keeps its name, message and stack; what is none becomes one', () => {
  const bug = crossed(new TypeError('x is not a function'))
  assert.deepEqual([bug.name, bug.message, bug instanceof Failure], ['TypeError', 'x is not a function', false])
  assert.equal(crossed('a text').message, 'a text')
})
