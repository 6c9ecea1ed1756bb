import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from '../core/errors.js'
import { findQemu } from './facts.js'

test('a QEMU that is not there is named, with what installs it', () => {
  assert.throws(
    () => findQemu('qemu-system-pdp11'),
    (error) => {
      assert.ok(error instanceof Failure)
      assert.equal(error.message, 'there is no qemu-system-pdp11 on this machine')
      assert.match(error.hints[0] ?? '', /^install QEMU: sudo \S+ /)
      return true
    },
  )
})
