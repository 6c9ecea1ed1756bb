import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { UsageError } from './errors.js'
import { quoteWord, quoteWords, splitWords } from './words.js'

test('words are split at blanks, and kept together by quotes and backslashes', () => {
  assert.deepEqual(splitWords(''), [])
  assert.deepEqual(splitWords(' \t\n '), [])
  assert.deepEqual(splitWords(`-a 'b  c' "d 'e'" f\\ g h"i"'j'`), ['-a', 'b  c', "d 'e'", 'f g', 'hij'])
  assert.deepEqual(splitWords(`'' a "" b`), ['', 'a', '', 'b'])
  assert.deepEqual(splitWords('"\\a \\" \\\\ \\$" \\$x $x *'), ['\\a " \\ $', '$x', '$x', '*'])
  assert.deepEqual(splitWords('a\\\nb "c\\\nd" "e\\\\\nf"'), ['ab', 'cd', 'e\\\nf'])
})

test('a quote that is never closed is refused', () => {
  for (const text of [`a 'b`, `"a\\"`, `'`, `"`]) assert.throws(() => splitWords(text), UsageError, text)
})

test('a quoted word stays bare where that is safe', () => {
  assert.equal(quoteWord('file=/a-b_c.img,if=ide:1@x%+'), 'file=/a-b_c.img,if=ide:1@x%+')
  assert.equal(quoteWord(''), "''")
  assert.equal(quoteWord("it's"), "'it'\\''s'")
  assert.equal(quoteWords(['a', 'b c', '$x']), "a 'b c' '$x'")
})

test('what is quoted is read back as it was, here and by sh', () => {
  const words = fc.array(
    fc.string({ unit: fc.constantFrom(...Array.from(`ab'"\\$\` \t\n*?[]{}~#!&;|<>()=-é𝄞`)), maxLength: 8 }),
    {
      maxLength: 6,
    },
  )
  fc.assert(fc.property(words, (list) => assert.deepEqual(splitWords(quoteWords(list)), list)))
  const lists = fc.sample(words, { numRuns: 100, seed: 1 }).filter((list) => list.length > 0)
  const commands = lists.map((list) => `printf '%s\\0' ${quoteWords(list)}`).join('\n')
  const printed = execFileSync('sh', ['-c', commands], { encoding: 'utf8', env: { PATH: '/bin:/usr/bin' } })
  assert.deepEqual(printed.split('\0').slice(0, -1), lists.flat())
})

test('words without anything to expand are split as by sh', () => {
  const piece = fc.constantFrom(
    'a',
    '-b',
    ' ',
    '  ',
    '\t',
    '\\ ',
    "'c d'",
    '"e f"',
    "''",
    '""',
    "\\'",
    '\\"',
    '"\\""',
    '"\\x"',
    '\\\\',
    '"\\\\"',
    '\\\n',
    '"\\\n"',
    '=',
    ',',
  )
  const texts = fc.sample(
    fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')),
    { numRuns: 300, seed: 1 },
  )
  // Each list ends with its length, so that empty ones show.
  const commands = texts.map((text) => `set -- ${text}\n[ $# = 0 ] || printf '%s\\0' "$@"; printf '%s words\\0' $#`).join('\n')
  const printed = execFileSync('sh', ['-c', commands], { encoding: 'utf8', env: { PATH: '/bin:/usr/bin' } })
  const expected = texts.flatMap((text) => splitWords(text).concat(`${splitWords(text).length} words`))
  assert.deepEqual(printed.split('\0').slice(0, -1), expected)
})
