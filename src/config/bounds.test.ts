// No text keeps nbsvm busy: time grows with the length of the files alone, and what is too much is refused with its place.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { UsageError } from '../core/errors.js'
import { nearest } from '../core/nearest.js'
import { evaluateFiles } from './evaluate.js'
import { foldSettings } from './fold.js'

type Files = Readonly<Record<string, string>>

/** What is set, or the message of the refusal; anything else is a fault. */
function evaluate(files: Files, variables: Record<string, string> = {}): number | string {
  try {
    return evaluateFiles(['/f'], { variables, home: '/h', read: (name) => files[name] }).size
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error))
    for (const line of [error.message, ...error.hints]) assert.ok(line.length < 1000, `a message of ${line.length} characters`)
    return error.message
  }
}

/** Of the processor's time, which a loaded machine changes little. Each of these took minutes, or did not end. */
const mostMs = 5000

function inTime<T>(what: string, work: () => T): T {
  const begin = process.cpuUsage()
  const result = work()
  const { user, system } = process.cpuUsage(begin)
  const tookMs = (user + system) / 1000
  assert.ok(tookMs < mostMs, `${what} took ${tookMs} ms`)
  return result
}

const times = (part: string, length = 1_000_000): string => part.repeat(Math.floor(length / part.length))
const nested = `cpu=${'${a:-'.repeat(38)}x${'}'.repeat(38)} `

// What a file of a megabyte says, and what becomes of it: settings, or a refusal.
const megabytes: readonly [what: string, text: string, expected: number | RegExp, variables?: Record<string, string>][] = [
  ['assignments in one line', times('mem=1 '), 1],
  ['assignments by ;', times('mem=1;'), 1],
  ['assignments by lines', times('mem=1\n'), 1],
  ['a variable that is unset', `args="${times('$x')}"`, 1],
  ['a variable with a value', `args="${times('$x')}"`, /^\/f:1:1: a value longer than/, { x: 'word' }],
  ['elements of blanks', `args=(${times('$q ')})`, /^\/f:1:\d+: the values .* too long/, { q: ' '.repeat(100_000) }],
  ['a long value, again and again', times('cpu=$q '), /^\/f:1:\d+: the values .* too long/, { q: 'x'.repeat(100_000) }],
  ['a long default', times(`cpu=\${x:-${'y'.repeat(100_000)}} `), 1],
  ['defaults within defaults', times(nested), 1],
  ['words that are added one by one', times('args+=(a)\n', 600_000), 1],
  ['more words than any program takes', times('args+=(abcdefghij)\n'), /^\/f:\d+:1: a value longer than/],
  ['text that is added', times('cpu+=x\n', 700_000), 1],
  ['more text than any program takes', times('cpu+=xx '), /^\/f:1:\d+: a value longer than/],
  ['an array of itself', `args=(a)\n${times('args=("${args[@]}" "${args[@]}")\n')}`, /^\/f:\d+:1: a value longer than/],
  ['a name without end', `${times('x')}=1`, /^\/f:1:1: there is no setting xxx/],
  ['a variable without end', `cpu=$BASH${times('x')}`, /^\/f:1:5: only a shell knows/],
  ['a value without end', `mem=${times('1', 100_000)}`, 1],
  ['blanks around =', `mem = ${times('1')}`, /^\/f:1:1: blanks around =/],
  ['words after a value', `mem=1 ${times('1 ')}`, /^\/f:1:7: a word after a value/],
  ['quotes', `cpu=${times(`''""`)}`, 1],
  ['a file name without end', `. ${times('x/', 100_000)}`, /^\/f:1:1: there is no file/],
  ['tildes', `cpu=${times(':~', 100_000)}`, /a value longer than/],
  ['backslashes', `cpu=${times('\\')}`, /a value longer than/],
]

for (const [what, text, expected, variables] of megabytes) {
  test(`a megabyte of this takes no time to speak of: ${what}`, () => {
    const result = inTime(what, () => evaluate({ '/f': text }, variables))
    if (typeof expected === 'number') assert.equal(result, expected)
    else assert.match(String(result), expected)
  })
}

test('files that are included count together', () => {
  const megabyte = times('mem=1\n')
  const chain = inTime('100 files', () => evaluate({ '/f': '. inc\n'.repeat(99), '/inc': megabyte }))
  assert.match(String(chain), /^\/f:5:1: the included files are too large: more than 4194304 characters: inc$/)
  const lines = inTime('99 lines', () => evaluate({ '/f': '. inc;'.repeat(99), '/inc': times('mem=1 ', 40_000) }))
  assert.equal(lines, 1)
})

test('60,000 forwards are as many as any others', () => {
  const forward = Array.from({ length: 60_000 }, (_, at) => `${at + 1}:22`)
  const fold = (words: readonly string[]) =>
    foldSettings({ commandLine: { forward: words.join(' ') }, environment: {}, files: new Map() }).settings.forward
  assert.equal(inTime('forwards', () => fold(forward))?.length, 60_000)
  assert.throws(() => fold(['1:1', 'udp:1:2', 'tcp:1:3']), /port 1 is to lead to two places/)
})

test('a value that is wrong is quoted in part', () => {
  for (const [name, text] of [
    ['mem', times('x', 100_000)],
    ['args', `'${times('x', 100_000)}`],
    ['forward', times('1:2 ', 100_000)],
    ['source', times('x', 100_000)],
    ['drive_if', times('x', 100_000)],
    ['mac', times('x', 100_000)],
  ] as const) {
    for (const origin of ['commandLine', 'environment']) {
      assert.throws(
        () => foldSettings({ commandLine: {}, environment: {}, files: new Map(), [origin]: { [name]: text } }),
        (error) => error instanceof UsageError && error.message.length < 300,
        name,
      )
    }
  }
})

test('the nearest name is found among a thousand, for a word of a megabyte too', () => {
  const names = Array.from({ length: 1000 }, (_, at) => `web${at}`)
  assert.equal(
    inTime('nearest', () => nearest(times('web'), names)),
    undefined,
  )
  assert.equal(nearest('wbe7', ['web7', 'x'.repeat(1000)]), 'web7')
})

test('whatever is repeated, time grows with the length alone, and the place is told of what is refused', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'mem=1',
      'args+=(a)',
      'args=(',
      'cpu="',
      '"',
      ')',
      '$x',
      '$q',
      '${z:-',
      '}',
      "'",
      '\\',
      '\n',
      ' ',
      ';',
      '~',
      ':',
    ),
    fc.constantFrom('. inc', '"${args[@]}"', 'cpu=$cpu', '#', 'export ', '/', '=', 'args=("${args[@]}" b)', 'cpu+=$q', '*', '`'),
  )
  const unit = fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join(''))
  const parts = fc.tuple(unit, unit, unit)
  const variables = { x: ' 1  2\t', q: `${' '.repeat(5000)}a` }
  fc.assert(
    fc.property(parts, ([first, repeated, last]) => {
      const text = first + times(repeated, 60_000) + last
      const result = inTime(JSON.stringify(repeated), () => evaluate({ '/f': text, '/inc': times('mem=2 ', 30_000) }, variables))
      if (typeof result === 'string') assert.match(result, /^\/(?:f|inc):[1-9]\d*:[1-9]\d*: \S/)
    }),
    { numRuns: 150 },
  )
})
