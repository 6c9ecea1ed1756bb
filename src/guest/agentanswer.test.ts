import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { agentAnswers, base64, checkAgentAnswer, type AgentCommand } from './agentanswer.js'

test('base64 is taken as a text and as bytes, and nothing that only looks like it', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const text = Buffer.from(bytes).toString('base64')
      assert.deepEqual(base64(text, ''), Buffer.from(bytes))
      assert.deepEqual(base64(Buffer.from(text), ''), Buffer.from(bytes))
    }),
  )
  for (const wrong of ['A', 'AAA', 'AA\n=', 'A*==', 'AAAA=', '====', 'AA=A', 5, null, {}]) {
    assert.throws(() => base64(wrong, 'out-data'), /its out-data is not/, JSON.stringify(wrong))
  }
})

test('an answer of another shape is refused, with the place that is wrong', () => {
  const wrong: [AgentCommand, unknown, string][] = [
    ['guest-exec', { pid: '7' }, 'its pid is not an integer'],
    ['guest-exec', { pid: 1.5 }, 'its pid is not an integer'],
    ['guest-exec-status', { exited: 1 }, 'its exited is not true or false'],
    ['guest-exec-status', { exited: true, 'out-data': 'x' }, 'its out-data is not base64'],
    ['guest-file-read', { count: -1, 'buf-b64': '', eof: true }, 'its count is not a size'],
    ['guest-network-get-interfaces', [{ name: 5 }], 'its [0].name is not text'],
  ]
  for (const [command, answer, why] of wrong) {
    assert.throws(
      () => checkAgentAnswer(command, answer),
      (error) => String((error as Error).cause) === `Failure: ${why}`,
      why,
    )
  }
})

test('whatever an agent answers is taken or refused: nothing else is thrown', () => {
  fc.assert(
    fc.property(fc.constantFrom(...(Object.keys(agentAnswers) as AgentCommand[])), fc.jsonValue(), (command, answer) => {
      try {
        checkAgentAnswer(command, answer)
      } catch (error) {
        assert.match(String(error), /^Failure: the guest agent's answer to/)
      }
    }),
  )
})
