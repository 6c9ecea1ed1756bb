import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { answers, checkAnswer } from './qmpanswer.js'
import type { CommandName } from './schema.js'

test('what is used of an answer is handed on, and nothing else', () => {
  assert.deepEqual(checkAnswer('query-status', { status: 'paused', running: false }), { status: 'paused' })
  const drive = {
    qdev: '/x/disk0',
    device: '',
    tray_open: true,
    inserted: { file: '/x', image: { 'virtual-size': 512, extra: 1 }, ro: false },
  }
  assert.deepEqual(checkAnswer('query-block', [drive, {}]), [
    { qdev: '/x/disk0', tray_open: true, inserted: { 'node-name': undefined, file: '/x', image: { 'virtual-size': 512 } } },
    { qdev: undefined, tray_open: undefined, inserted: undefined },
  ])
  assert.equal(checkAnswer('quit', 4711), 4711)
})

test('an answer of another shape is refused, with the place that is wrong', () => {
  const wrong: [CommandName, unknown, string][] = [
    ['query-status', null, 'it is not an object'],
    ['query-status', [], 'it is not an object'],
    ['query-status', { status: { toString: 5 } }, 'its status is not a word'],
    ['query-status', {}, 'its status is not a word'],
    ['query-status', { status: 'x'.repeat(1000) }, 'its status is not a word'],
    ['query-block', {}, 'it is not a list'],
    ['query-block', [{ qdev: 5 }], 'its [0].qdev is not text'],
    [
      'query-block',
      [{}, { inserted: { file: 'x', image: { 'virtual-size': -1 } } }],
      'its [1].inserted.image.virtual-size is not a size',
    ],
    ['query-named-block-nodes', [null], 'its [0] is not an object'],
  ]
  for (const [command, answer, why] of wrong) {
    assert.throws(
      () => checkAnswer(command, answer),
      (error) =>
        error instanceof Error &&
        error.message === `QEMU's answer to ${command} is not one` &&
        String(error.cause) === `Failure: ${why}`,
    )
  }
})

test('whatever QEMU answers is taken or refused: nothing else is thrown', () => {
  fc.assert(
    fc.property(fc.constantFrom(...(Object.keys(answers) as CommandName[])), fc.jsonValue(), (command, answer) => {
      try {
        checkAnswer(command, answer)
      } catch (error) {
        assert.match(String(error), /^Failure: QEMU's answer to/)
      }
    }),
  )
})
