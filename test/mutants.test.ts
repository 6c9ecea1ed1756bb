import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { mutations } from './mutants/mutations.js'

// `npm run mutants` tries them; it takes half an hour, and a mutation that fits no more would be noticed there alone.
test('the text of each mutation stands in its file once, and its test is there', () => {
  for (const { file, fault, from, to, test: tests } of mutations) {
    assert.equal(readFileSync(file, 'utf8').split(from).length, 2, `${file}: ${fault}`)
    assert.ok(from !== to && existsSync(tests), `${file}: ${fault}`)
  }
})
