import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UsageError } from './errors.js'
import { checkName, driveName, parseDriveName, vmId } from './name.js'

test('names of letters, digits, dots, underscores and dashes are taken', () => {
  for (const name of ['foo', 'a', '0', 'web-1', 'A.b_c-d', 'x'.repeat(64)]) assert.equal(checkName('VM', name), name)
})

test('every other name is refused, and quoted', () => {
  for (const name of ['', '../x', '-rf', '.x', '_x', 'a,,b', 'a b', '$(id)', 'a/b', 'ä', 'a\nb', 'a\0', 'x'.repeat(65), '💥']) {
    const refusal = (error: unknown): boolean => error instanceof UsageError && error.message.startsWith(JSON.stringify(name))
    assert.throws(() => checkName('VM', name), refusal, name)
  }
})

test('the refusal tells what is wrong with the name', () => {
  assert.throws(() => checkName('VM', 'a b'), /it holds " "/)
  assert.throws(() => checkName('class', '-rf'), /"-rf" is not a class name: it must begin with a letter or a digit/)
  assert.throws(() => checkName('VM', 'x'.repeat(65)), /it has 65 characters, 64 at most/)
  assert.throws(() => checkName('VM', ''), /it is empty/)
})

test('a class stands before the name', () => {
  assert.equal(vmId('foo', undefined), 'foo')
  assert.equal(vmId('foo', 'win'), 'win-foo')
})

test("a drive's name ends in its number, and only that", () => {
  assert.equal(driveName('win-foo', 2), 'nbsvm-win-foo-2')
  assert.deepEqual(parseDriveName('nbsvm-foo-0'), { id: 'foo', number: 0 })
  assert.deepEqual(parseDriveName('nbsvm-foo-1-0'), { id: 'foo-1', number: 0 })
  for (const name of [
    'nbsvm-foo',
    'nbsvm-foo-',
    'nbsvm-foo-01',
    'nbsvm-foo-x',
    'foo-0',
    'nbsvm--0',
    'nbsvm-.a-0',
    'nbsvm-foo-12345',
  ]) {
    assert.equal(parseDriveName(name), undefined, name)
  }
})
