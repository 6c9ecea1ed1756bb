// bash is the oracle: whatever is accepted here, bash must accept too, without running anything, and mean the same.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bashs, ours, snippet, tokenSoup, type Layers } from '../../test/support/oracle.js'

/** Checks cases that are accepted here against bash; returns how many that were. */
function compare(all: readonly { layers: Layers; included?: string }[]): number {
  const accepted = all.flatMap((one) => {
    const values = ours(one.layers, one.included)
    return values === undefined ? [] : [{ ...one, values, names: Object.keys(values) }]
  })
  for (const [index, theirs] of bashs(accepted).entries()) {
    const { layers, values } = accepted[index] ?? { layers: [], values: {} }
    assert.deepEqual({ layers, values }, { layers, values: theirs })
  }
  return accepted.length
}

/** Snippets that are accepted, by what they show. */
const accepted: Record<string, Layers> = {
  'nothing at all': [''],
  'comments and blank lines': ['# a\n\n  # b\n\t\nmem=5 # c\n#d'],
  'no line feed at the end': ['mem=5'],
  'a comment behind ;': ['mem=5;# c'],
  'a # within a word': ['cpu=a#b args=(a#b #c\nd)'],
  'several in a line': ['mem=5 smp=2\tnet_if=e1000'],
  'several by ;': ['mem=5;smp=2 ; net_if=e1000 ;'],
  'an empty value': ['cpu= mem=5'],
  'an empty value at the end': ['cpu='],
  'single quotes': [`cpu='a "b" $x \\ \n c'`],
  'double quotes': [`cpu="a 'b' c"`],
  'quotes joined': [`cpu=a"b c"'d e'f""`],
  'a quote in quotes': [`cpu='it'\\''s' net_if="a\\"b"`],
  'backslashes in double quotes': ['cpu="\\a \\$ \\` \\" \\\\ \\n"'],
  'backslashes outside': ['cpu=\\a\\ \\$\\"\\\'\\\\'],
  'a continued line': ['cpu=a\\\nb \\\nnet_if=c "\\\n"'.replace(' "\\\n"', '')],
  'a continued line in double quotes': ['cpu="a\\\nb"'],
  'none in single quotes': [`cpu='a\\\nb'`],
  'a continued line between elements': ['args=(a \\\n b\\\nc)'],
  'a line feed in quotes': ['cpu="a\nb" args=("c\nd")'],
  'a variable': ['cpu=$w net_if=${w}x qemu="$w $w"'],
  'blanks in a variable, one value': ['cpu=$x net_if="$x" qemu=a${x}b'],
  'an unset variable': ['cpu=a${z}b$z'],
  'an empty variable': ['cpu=a${y}b$y'],
  'a default not needed': ['cpu=${w:-other}'],
  'a default for unset': ['cpu=${z:-other}'],
  'a default for empty': ['cpu=${y:-other}'],
  'an empty default': ['cpu=${z:-}'],
  'a default with blanks': ['cpu=${z:-a  b} net_if="${z:-a  b}"'],
  'a default in quotes': [`cpu=\${z:-"a  b"'c  d'}`],
  'a nested default': ['cpu=${z:-${y:-$w}} net_if="${z:-${y:-a b}}"'],
  'a } in a default': [`cpu=\${z:-a\\}b} net_if=\${z:-'}'} qemu="\${z:-a\\}b}"`],
  'a { in a default': ['cpu=${z:-{a}} net_if="${z:-{a}}"'],
  'signs in a default': ['cpu=${z:-a;b|c&d#e} net_if=${z:-#a}'],
  'a line feed in a default': ['cpu=${z:-\nb}'],
  'backslashes in a default': ['cpu=${z:-\\a\\$\\"} net_if="${z:-\\a\\$\\"\\\\}"'],
  'the environment': ['mem=${mem:-2048} smp=${smp:-1}'],
  'what was assigned before': ['mem=5 smp=$mem; cpu="$mem-$smp"'],
  'vm, class, drawer': ['cpu=$class-$vm args=(-x "$drawer/s")'],
  'a plain dollar': [`cpu=a$ net_if=$/b qemu="$" args=('$' "a$")`],
  'a variable before signs': ['cpu=$w-1 net_if=$w.x qemu=$w[0] args=("$w[0]" $w,$w)'],
  'names run on': ['cpu=$ww net_if="$w"w'],
  'home at the start': ['cpu=~/x net_if=~ qemu=~:a'],
  'home behind a colon': ['cpu=a:~/x:~ net_if=$w:~/x'],
  'no home': [`cpu="~/x" net_if='~' qemu=\\~/x bs=a~ vg=a=~/x gold=":"~/x`],
  'home in arrays': ['args=(~/x ~ a:~/x file=~/x)'],
  'home in a default': ['cpu=${z:-~/x:~/y} net_if=a${z:-~} qemu="${z:-~/x}" args=(${z:-~/x} ${z:-a:~})'],
  $HOME: ['cpu=$HOME/x args=("$HOME"/x)'],
  'an array': ['args=(-a "b c" d\\ e)'],
  'an empty array': ['args=() usb=( )'],
  'an array over lines': ['args=(\n  -a # first\n\n  # more\n  "b c"\n)\nmem=5'],
  'empty elements': [`args=("" '' a "$y")`],
  'no elements from nothing': ['args=($y $z ${z} ${z:-})'],
  'elements that are split': ['args=($x a$x"b" "$x" ""$x"" $x$x)'],
  'split defaults': [`args=(\${z:-a  b} \${z:-"a  b" c} \${z:-a\\ b} "\${z:-a  b}")`],
  'split at the edges': ['args=(${z:- }b c${z:- } d${z:- }"" e${z:-" "}f)'],
  'keywords as elements': ['args=(if then fi ! = a=b export)'],
  'commas and JSON in quotes': [`args=(-device '{"driver":"e1000"}' -drive file="$HOME/a b.img",if=ide)`],
  'signs in quotes': [`args=("*" '?' \\* "a;b" 'c|d' "e>f" '$(id)' "\\$(id)")`],
  'signs in a scalar': ['cpu=* net_if=a?b qemu=[a] bs={a,b} vg=!x'],
  'appending elements': ['args=(a b); args+=("c d")'],
  'appending to nothing': ['args+=(a)'],
  'appending text': ['cpu=a; cpu+=b cpu+="c d"'],
  'appending to a single word': ['args=a; args+=(b)'],
  'the elements of an array': ['args=(a "b c"); args=(-x "${args[@]}" -y) usb=("${args[@]}")'],
  'the elements of nothing': ['args=("${args[@]}") usb=(a "${args[@]}" b)'],
  'the elements of a scalar': ['cpu="a b"; args=("${cpu[@]}")'],
  export: ['export mem=5; export args=(a b)\nexport cpu=$x\nexport net_if=~/a:~/b smp'],
  'export without a value': ['mem=5; export mem smp'],
  'a name in double quotes': ['cpu="${w}${z:-"'.replace('${z:-"', '"')],
  'other alphabets': ['cpu=é$w net_if="ü ${z:-日本}" args=(𝄞 \\𝄞)'],
  'a setting named source': ['source=/a/b\nsource= mem=5'],
  'a stronger file': ['mem=1 args=(a)', 'mem=2 args=(b)'],
  'a stronger file that builds on a weaker one': ['mem=1 args=(a)', 'smp=$mem args+=(b) mem=${mem:-9}'],
}

test('what is accepted means what it means to bash', () => {
  const cases = Object.values(accepted)
  assert.ok(cases.length >= 60, `${cases.length} cases`)
  for (const [what, layers] of Object.entries(accepted)) assert.notEqual(ours(layers), undefined, `refused: ${what}`)
  assert.equal(compare(cases.map((layers) => ({ layers }))), cases.length)
})

test('an included file is read in place, with what was assigned before', () => {
  const included = 'mem=${mem:-7} args+=(-i "$w") smp=$mem'
  const files = [
    '. ./inc.class',
    'mem=5; . ./inc.class; cpu=$smp',
    'args=(a)\nsource ./inc.class\nmem=9',
    'cpu=inc; . "./$cpu.class" # x',
  ]
  assert.equal(compare(files.map((text) => ({ layers: [text], included }))), files.length)
})

test('generated snippets mean what they mean to bash', () => {
  const layers = fc.sample(fc.array(snippet, { minLength: 1, maxLength: 3 }), { numRuns: runs(600), seed })
  const count = compare(layers.map((texts) => ({ layers: texts })))
  assert.ok(count > layers.length / 3, `only ${count} of ${layers.length} were accepted`)
})

test('a soup of tokens: what is accepted of it means what it means to bash', () => {
  const texts = fc.sample(tokenSoup, { numRuns: runs(4000), seed })
  const count = compare(texts.map((text) => ({ layers: [text] })))
  assert.ok(count > texts.length / 50, `only ${count} of ${texts.length} were accepted`)
})

/** Fixed, so that a run tells about the code and not about luck; NBSVM_SEED and NBSVM_RUNS search on. */
const seed = Number(process.env['NBSVM_SEED'] ?? 1)

function runs(usual: number): number {
  return usual * Number(process.env['NBSVM_RUNS'] ?? 1)
}
