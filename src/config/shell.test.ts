import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { UsageError } from '../core/errors.js'
import { evaluateFiles } from './evaluate.js'
import { parseShell } from './shell.js'
import { describePosition } from './source.js'

const file = '/etc/nbsvm/win.class'

function refusalOf(text: string): UsageError {
  try {
    evaluateFiles([file], { variables: { args: '' }, home: '/h', read: (name) => (name === file ? text : undefined) })
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error))
    return error
  }
  throw new assert.AssertionError({ message: `accepted: ${JSON.stringify(text)}` })
}

test('statements have the position at which they stand', () => {
  const statements = parseShell('# c\nmem=1 smp=2\n\n\t. inc\nqemu=é ; args=(a\n b) cpu=x', file)
  const places = statements.map(({ position }) => describePosition(position))
  assert.deepEqual(
    places,
    ['2:1', '2:7', '4:2', '5:1', '5:10', '6:5'].map((at) => `${file}:${at}`),
  )
})

test('columns count characters, not code units', () => {
  assert.match(refusalOf(`cpu='𝄞é' mem=$(id)`).message, /^\/etc\/nbsvm\/win\.class:1:14: /)
})

// text, line:column, what is quoted, what is advised
const refused: [text: string, place: string, quoted: string, advice: RegExp][] = [
  // What a shell would run.
  ['mem=$(id)', '1:5', '$(id)', /write the value itself, or give it when you call: mem=VALUE nbsvm/],
  ['args=(-a "$(id -u)")', '1:11', '$(id -u)', /args=VALUE nbsvm/],
  ['# c\n  mem=`id`', '2:7', '`id`', /mem=VALUE nbsvm/],
  ['mem="`id`"', '1:6', '`id`', /mem=VALUE nbsvm/],
  ['mem=$((2*1024))', '1:5', '$((2*1024))', /mem=VALUE nbsvm/],
  ['mem=$[2*1024]', '1:5', '$[2*1024]', /mem=VALUE nbsvm/],
  ['mem=2;rm -rf x', '1:7', 'rm -rf x', /write name=value/],
  ['mem=2 rm -rf x', '1:7', 'rm -rf x', /write mem='2 rm -rf x'/],
  ['rm -rf x; mem=2', '1:1', 'rm -rf x', /write name=value/],
  ['mem=2 | tee x', '1:7', '| tee x', /in quotes: '\|'/],
  ['mem=2|tee x', '1:6', '|tee x', /in quotes: '\|'/],
  ['mem=2 & smp=3', '1:7', '& smp=3', /in quotes: '&'/],
  ['mem=2 && smp=3', '1:7', '&& smp=3', /in quotes: '&'/],
  ['mem=2 > x', '1:7', '> x', /in quotes: '>'/],
  ['mem=<x', '1:5', '<x', /in quotes: '<'/],
  ['args=(<(id))', '1:7', '<(id))', /in quotes: '<'/],
  ['cpu=${z:-<(id)}', '1:10', '<(id)}', /in quotes: '<'/],
  ['cpu="${z:-<(id)}"', '1:11', '<(id)}"', /in quotes: '<'/],
  ['if true; then mem=2; fi', '1:1', 'if true', /name=\$\{name:-word\}, or a class of its own: CLASS\.class/],
  ['[ -e x ] || mem=2', '1:1', '[ -e x ] || mem=2', /CLASS\.class/],
  ['while :; do mem=2; done', '1:1', 'while :', /CLASS\.class/],
  ['case $vm in x) mem=2;; esac', '1:1', 'case $vm in x) mem=2', /CLASS\.class/],
  ['f() { id; }', '1:1', 'f() { id', /write name=value/],
  ['{ mem=2; }', '1:1', '{ mem=2', /CLASS\.class/],
  ['(mem=2)', '1:1', '(mem=2)', /write name=value/],
  ['readonly mem=2', '1:1', 'readonly mem=2', /write name=value/],
  ['eval mem=2', '1:1', 'eval mem=2', /write name=value/],
  ['mem', '1:1', 'mem', /write name=value/],
  ['"mem"=2', '1:1', '"mem"=2', /write name=value/],
  ['mem=2; ; smp=3', '1:8', '; smp=3', /write name=value/],
  ['mem=2;;', '1:6', ';', /write name=value/],
  // Blanks that change the meaning.
  ['mem = 5', '1:1', 'mem = 5', /write mem=5/],
  ['mem =5', '1:1', 'mem =5', /write mem=5/],
  ['args += (a)', '1:1', 'args += (a)', /write args\+=\(a\)/],
  ['source = /x', '1:1', 'source = /x', /write source=\/x/],
  ['mem= 5', '1:6', '5', /write mem=5/],
  ['mem=5 6', '1:7', '6', /write mem='5 6'/],
  ['display=-vga std # c', '1:14', 'std # c', /write display='-vga std # c'/],
  ['cpu="a b" c', '1:11', 'c', /write cpu='...'/],
  ['mem=5 export smp=2', '1:7', 'export smp=2', /line of its own/],
  // What is never closed.
  ['mem="abc', '1:5', '"abc', /close it with "/],
  ["smp=1\ncpu='abc\nmem=5", '2:5', "'abc...", /close it with '/],
  ['args=(a b\nmem=5', '1:6', '(a b...', /close it with \)/],
  ['mem=${mem:-2048', '1:5', '${mem:-2048', /close it with }/],
  ['mem=${mem', '1:5', '${mem', /close it with }/],
  ['mem="${mem:-2048"', '1:17', '"', /leave the inner quotes out/],
  ['mem=5\\', '1:6', '\\', /write '\\'/],
  // Expansions that are not read.
  ['mem=${mem#x}', '1:5', '${mem#x}', /write the value itself/],
  ['mem=${mem-2}', '1:5', '${mem-2}', /write \$\{mem:-word\}/],
  ['mem=${mem:=2}', '1:5', '${mem:=2}', /write \$\{mem:-word\}/],
  ['mem=${#mem}', '1:5', '${#mem}', /write the value itself/],
  ['mem=${!vm}', '1:5', '${!vm}', /write the value itself/],
  ['cpu=${cpu/a/b} mem=1', '1:5', '${cpu/a/b}', /write the value itself/],
  ['usb=(${args[@]})', '1:6', '${args[@]}', /write "\$\{args\[@\]\}"/],
  ['usb=("${args[*]}")', '1:7', '${args[*]}', /write "\$\{args\[@\]\}"/],
  ['usb=(x"${args[@]}")', '1:8', '${args[@]}', /alone/],
  ['cpu="${args[@]}"', '1:6', '${args[@]}', /alone/],
  ['mem=$1', '1:5', '$1', /write '\$'/],
  ['mem=$?', '1:5', '$?', /write '\$'/],
  ["cpu=$'a\\n'", '1:5', "$'a\\n'", /the characters themselves/],
  ['cpu=$"a"', '1:5', '$"a"', /the characters themselves/],
  ['cpu="${z:-"a"}"', '1:11', '"', /leave the inner quotes out/],
  ['args=(${z:-""})', '1:12', '""', /"\$\{x:-word\}" in double quotes/],
  ['mem=$RANDOM', '1:5', '$RANDOM', /write the value itself/],
  ['cpu=$w\\\nx', '1:5', '$w\\', /write \$\{w\}/],
  ['cpu=~root/x', '1:5', '~root', /\$HOME/],
  ['args=(~:x)', '1:7', '~', /\$HOME/],
  // What a shell would match against files or take apart.
  ['args=(-x *.iso)', '1:10', '*.iso', /in quotes: '\*\.iso'/],
  ['args=(a?)', '1:7', 'a?', /in quotes: 'a\?'/],
  ['args=([0]=a)', '1:7', '[0]=a', /in quotes: '\[0\]=a'/],
  ['args=({a,b})', '1:7', '{a,b}', /in quotes: '\{a,b\}'/],
  ['args=(-device {"driver":"e1000","id":"n"})', '1:15', '{"driver":"e1000","id":"n"}', /in quotes: '\{'/],
  ['cpu="a*" args=(x $cpu)', '1:18', '$cpu', /write "\$cpu"/],
  ['args=(a;b)', '1:8', ';b)', /in quotes: ';'/],
  ['args=(a (b))', '1:9', '(b))', /in quotes: '\('/],
  ['args=(a)b', '1:9', 'b', /a blank or a new line/],
  ['cpu=a(b)', '1:6', '(b)', /in quotes: '\('/],
  // What is not a setting, or not of its type.
  ['mme=5', '1:1', 'mme=', /did you mean mem\?/],
  ['netif=e1000', '1:1', 'netif=', /did you mean net_if\?/],
  ['smp=1\n frobnicate=5', '2:2', 'frobnicate=', /every setting/],
  ['vm=foo', '1:1', 'vm=', /\$vm/],
  ['class=win', '1:1', 'class=', /\$class/],
  ['mem=(1 2)', '1:1', 'mem=(...)', /write mem=512/],
  ['mem+=(1)', '1:1', 'mem+=(...)', /write mem=512/],
  ['args[0]=a', '1:1', 'args[0]=a', /write args=\(\.\.\.\)/],
  ['args=(a b)\nargs=c', '2:1', 'args=...', /write args=\(\.\.\.\); args=\(\) for none/],
  ['args=(a b) args+=c', '1:12', 'args+=...', /write args\+=\(\.\.\.\)/],
  ['args="a b"; args+=(c)', '1:13', 'args+=(...)', /array there: args=\(\.\.\.\)/],
  ['args="a b"; usb=("${args[@]}")', '1:18', '"${args[@]}"', /array there: args=\(\.\.\.\)/],
  ['args=(a) cpu=$args', '1:14', '$args', /write "\$\{args\[@\]\}"/],
  // Other files.
  ['. nofile', '1:1', 'nofile', /starts at this file's folder/],
  ['. ', '1:1', '. ', /write `\. FILE`/],
  ['. a b', '1:5', 'b', /write `\. FILE`/],
  ['. $z', '1:1', '', /write `\. FILE`/],
  ['. *.class', '1:3', '*.class', /in quotes/],
  ['. win.class', '1:1', 'win.class', /remove this line/],
  ['export mem=1 smp=2', '1:14', 'smp=', /one export a line/],
  // Bytes that are not text.
  ['mem=5\0', '1:6', '', /remove it/],
  ['smp=1\nmem=5\r\n', '2:6', '', /sed -i 's\/\\r\$\/\/' \/etc\/nbsvm\/win\.class/],
  ['\uFEFFmem=5', '1:1', '', /sed -i/],
  ['# \uFFFD', '1:3', '', /UTF-8/],
  ['cpu=\u001B[31m', '1:5', '', /remove it/],
]

test('what is refused is named with file, line and column, quoted, and answered with advice', () => {
  for (const [text, place, quoted, advice] of refused) {
    const { message, hints } = refusalOf(text)
    const [before, after] = [message.slice(0, file.length + place.length + 3), message.slice(-quoted.length - 2)]
    assert.equal(before, `${file}:${place}: `, message)
    if (quoted !== '') assert.equal(after, `: ${quoted}`, message)
    assert.match(hints.join('\n'), advice, message)
    // Nothing of the file may reach the terminal as a command to it.
    assert.doesNotMatch(message + hints.join(''), /\p{Cc}/u)
  }
})

test('a long line is quoted in part', () => {
  const { message } = refusalOf(`command ${'x'.repeat(500)}`)
  assert.ok(message.length < 200 && message.endsWith('xxx...'), message)
})

test('deep nesting, doubling and chains of files are refused, not endured', () => {
  assert.match(refusalOf(`cpu=${'${z:-'.repeat(50_000)}`).message, /more than 40/)
  assert.match(
    refusalOf(`cpu=${'x'.repeat(40_000)}\n${'cpu=$cpu$cpu\n'.repeat(60)}`).message,
    /:3:1: a value longer than 131072 characters/,
  )
  assert.match(refusalOf(`args=(a)\n${'args+=("${args[@]}")\n'.repeat(60)}`).message, /a value longer than/)
  const chain = (name: string): string => `. ./x${name.length}${'x'.repeat(name.length)}`
  const endless = (): unknown => evaluateFiles(['/a'], { variables: {}, home: '/', read: chain })
  assert.throws(endless, (error) => error instanceof UsageError && error.message.includes('more than 100 files'))
})

test('a megabyte of any kind of line takes no time to speak of', () => {
  for (const line of ['# comment\n', '\n', ' ', 'mem=5\n', 'args=(a "b")\n', "cpu='x'\n", 'cpu=${z:-a}\n', '\\\n']) {
    const text = line.repeat(Math.floor(1_000_000 / line.length))
    const begin = process.cpuUsage()
    parseShell(text, file)
    const tookMs = process.cpuUsage(begin).user / 1000
    assert.ok(tookMs < 5000, `${JSON.stringify(line)} took ${tookMs} ms`)
  }
})

test('any text is read, or refused as a usage error: nothing else, and at once', () => {
  const soup = fc
    .array(fc.constantFrom(...Array.from('mem=args+()\'"\\${}:-~ \n;#`&|<>.[]*?@!\0\r\t/é')), { maxLength: 60 })
    .map((chars) => chars.join(''))
  const texts = fc.oneof(
    soup,
    fc.string({ unit: 'binary', maxLength: 60 }),
    soup.map((text) => `args=(${text}`),
    soup.map((text) => `cpu="${text}`),
  )
  fc.assert(
    fc.property(texts, (text) => {
      try {
        evaluateFiles([file], { variables: { x: 'a b' }, home: '/h', read: (name) => (name === file ? text : undefined) })
      } catch (error) {
        assert.ok(error instanceof UsageError, `${String(error)} for ${JSON.stringify(text)}`)
        assert.match(error.message, /^\/etc\/nbsvm\/win\.class:[1-9][0-9]*:[1-9][0-9]*: \S/)
        assert.ok(error.hints.length > 0, error.message)
      }
    }),
    { numRuns: 5000 },
  )
})
