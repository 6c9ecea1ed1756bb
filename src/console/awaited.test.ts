import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UsageError } from '../core/errors.js'
import { parseAwaited } from './awaited.js'

test('states are conditions, what stands between slashes is an expression, all else a text', () => {
  assert.deepEqual(parseAwaited('running'), { kind: 'condition', condition: 'running' })
  assert.deepEqual(parseAwaited('Running'), { kind: 'text', text: 'Running' })
  assert.deepEqual(parseAwaited('/running/'), { kind: 'pattern', pattern: /running/gm })
  assert.deepEqual(parseAwaited('/a\\/b$/is'), { kind: 'pattern', pattern: /a\/b$/gims })
  assert.deepEqual(parseAwaited('/dev/sda'), { kind: 'text', text: '/dev/sda' })
  assert.deepEqual(parseAwaited('# '), { kind: 'text', text: '# ' })
})

test('what can mean nothing is refused', () => {
  for (const word of ['', ' ', '/(/', '/a/g', '/[b-a]/']) assert.throws(() => parseAwaited(word), UsageError, word)
})
