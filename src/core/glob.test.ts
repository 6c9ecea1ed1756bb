import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { globMatcher, isGlob } from './glob.js'

const names = [
  'a',
  'b',
  'c',
  'ab',
  'abc',
  'z',
  '1',
  'web1',
  'web10',
  'a-b',
  '-',
  '.',
  '_',
  '[',
  ']',
  '!',
  '^',
  '*',
  '\\',
  '[a',
  'a]',
  '[]',
  ':',
]

/** Which of the names bash finds to fit each pattern. */
function bashs(patterns: readonly string[]): string[][] {
  const script = `
    names=("\${@:1:${names.length}}")
    for pattern in "\${@:${names.length + 1}}"; do
      for name in "\${names[@]}"; do case $name in $pattern) printf '%s\\0' "$name" ;; esac; done
      printf '\\n\\0'
    done`
  const bash = ['--norc', '--noprofile', '-c', script, 'bash', ...names, ...patterns]
  const output = execFileSync('bash', bash, { env: { PATH: process.env['PATH'], LC_ALL: 'C' }, encoding: 'utf8' })
  return output
    .split('\n\0')
    .slice(0, -1)
    .map((part) => part.split('\0').slice(0, -1))
}

function ours(pattern: string): string[] {
  return names.filter(globMatcher(pattern))
}

const usual = '* ? a* *b web? web*0 [ab] [a-c] [!a] [^a] [!a-c]* w[de]b[0-9] abc ** *a*b*'
const odd =
  '[z-a] [z-ab] [!z-a] [ [a []a] [!]a] [a-] [-a] [\\]] [a\\ a\\ \\* [a-c-e] [] [!] [!!] [a]] [[] [a-\\c] [--a] [[:digit:]] web[[:digit:]]* [![:alnum:]] [[:punct:]_] [[:nonsense:]]'
const known = ['', ...`${usual} ${odd}`.split(' ')]

test('a pattern fits what it fits in bash', () => {
  const theirs = bashs(known)
  assert.equal(theirs.length, known.length)
  known.forEach((pattern, at) => assert.deepEqual({ pattern, names: ours(pattern) }, { pattern, names: theirs[at] }))
})

test('whatever is typed as a pattern fits what it fits in bash', () => {
  const piece = fc.constantFrom(
    'a',
    'b',
    'c',
    'z',
    '1',
    '-',
    '.',
    '[',
    '[',
    ']',
    ']',
    '!',
    '^',
    '*',
    '?',
    '\\',
    'web',
    '[a-',
    '[!',
    '[]',
  )
  // A backslash at the end stands for itself, but to bash not after a star; [. and [= begin what bash calls collating symbols.
  const patterns = fc
    .sample(
      fc.array(piece, { maxLength: 7 }).map((pieces) => pieces.join('')),
      { numRuns: 3000, seed: 1 },
    )
    .filter((pattern) => !pattern.endsWith('\\') && !/\[[.=:]/.test(pattern))
  const theirs = bashs(patterns)
  patterns.forEach((pattern, at) => assert.deepEqual({ pattern, names: ours(pattern) }, { pattern, names: theirs[at] }))
})

test('no pattern takes long', () => {
  const begin = process.cpuUsage()
  assert.equal(globMatcher('*a'.repeat(10_000) + 'b')('a'.repeat(64)), false)
  assert.equal(globMatcher('['.repeat(100_000))('['.repeat(64)), false)
  assert.ok(process.cpuUsage(begin).user < 2_000_000)
})

test('a name is told from a pattern', () => {
  assert.deepEqual(
    ['web', 'web*', 'web?', '[z-a]', 'a\\b', 'a]'].map((text) => isGlob(text)),
    [false, true, true, true, false, false],
  )
})
