import assert from 'node:assert/strict'
import { test } from 'node:test'
import { losesWrites, ramPadBytes } from './ram.js'

test('RAM of a translated guest is no multiple of 64 pages before QEMU 9.0, and a guest that has less stands still when it moves', () => {
  assert.equal((ramPadBytes('tcg', '7.2.22') ?? 0) % (64 * 4096), 8192)
  assert.equal((ramPadBytes('tcg', '8.2.0') ?? 0) % (64 * 4096), 8192)
  for (const [accelerator, version] of [
    ['tcg', '9.0.0'],
    ['tcg', '10.0.2'],
    ['kvm', '7.2.22'],
  ] as const) {
    assert.equal(ramPadBytes(accelerator, version), undefined)
    assert.equal(losesWrites({ accelerator }, version), false)
  }
  assert.equal(losesWrites({ accelerator: 'tcg' }, '7.2.22'), true)
  assert.equal(losesWrites({ accelerator: 'tcg', ramPadBytes: 8192 }, '7.2.22'), false)
})
