// bash as the oracle of settings files: texts that are made by chance, what is read of them here, and what bash makes of them.
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import { evaluateFiles } from '../../src/config/evaluate.js'
import { UsageError } from '../../src/core/errors.js'

export type Values = Record<string, string | string[]>

/** Files that are read one behind the other, weakest first. */
export type Layers = readonly string[]

const home = '/home of/me'
/** `z` is unset, `y` empty. */
const environment = {
  HOME: home,
  x: ' 1  2\t',
  y: '',
  w: 'word',
  q: `it's "q"\\`,
  smp: '4',
  vm: 'foo',
  class: 'win',
  drawer: '/d r',
}

/** What is read here, or undefined where it is refused. Anything but a UsageError is a fault. */
export function ours(layers: Layers, included = '', from = '/'): Values | undefined {
  const names = layers.map((_, index) => path.join(from, `${index}.class`))
  const read = (file: string): string | undefined => {
    if (file === path.join(from, 'inc.class')) return included
    return layers[names.indexOf(file)]
  }
  try {
    const found = evaluateFiles(names, { variables: environment, home, read })
    return Object.fromEntries(Array.from(found, ([name, { value }]) => [name, typeof value === 'string' ? value : [...value]]))
  } catch (error) {
    if (error instanceof UsageError) return undefined
    throw error
  }
}

/** Lets one bash read every case in a subshell of its own, and print what `names` are then, NUL-separated. */
const script = `
  cd "$1" || exit 1
  for case in */; do (
    cd "$case" || exit 1
    exec 2>errors
    for file in [0-9].class; do . "./$file"; status=$?; [ $status = 0 ] || echo "status $status" >&2; done
    while read -r name; do
      declare -n ref=$name
      printf '%s\\0' "$case" "$name"
      declare -p "$name"
      printf '\\0'
      printf '%s\\0' "\${#ref[@]}" "\${ref[@]}"
    done < names
  ) done`

/** What bash makes of cases whose names are known; the text that it complained with, if it did. */
export function bashs(cases: readonly { layers: Layers; names: readonly string[]; included?: string }[]): (Values | string)[] {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-oracle-'))
  const labels = cases.map((_, index) => String(index).padStart(6, '0'))
  for (const [index, one] of cases.entries()) {
    const here = path.join(root, labels[index] ?? '')
    fs.mkdirSync(here)
    for (const [rank, text] of one.layers.entries()) fs.writeFileSync(path.join(here, `${rank}.class`), text)
    fs.writeFileSync(path.join(here, 'inc.class'), one.included ?? '')
    fs.writeFileSync(path.join(here, 'names'), one.names.map((name) => `${name}\n`).join(''))
  }
  // No program can be found, should anything be run after all.
  const env = { ...environment, PATH: '/nonexistent', LC_ALL: 'C.UTF-8' }
  const bash = ['/bin/bash', '/usr/bin/bash', '/usr/local/bin/bash'].find((file) => fs.existsSync(file)) ?? 'bash'
  const output = execFileSync(bash, ['--norc', '--noprofile', '-c', script, 'bash', root], {
    env,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  })
  const fields = output.split('\0')
  const values: Values[] = cases.map(() => ({}))
  for (let at = 0; at + 4 <= fields.length - 1;) {
    const [label = '', name = '', declaration = '', count = ''] = fields.slice(at, at + 4)
    const elements = fields.slice(at + 4, at + 4 + Number(count))
    const isArray = /^declare -[a-zA-Z]*a/.test(declaration)
    const one = values[labels.indexOf(label.replace('/', ''))] ?? {}
    if (declaration !== '') one[name] = isArray ? elements : (elements[0] ?? '')
    at += 4 + Number(count)
  }
  const results = values.map((one, index) => fs.readFileSync(path.join(root, labels[index] ?? '', 'errors'), 'utf8') || one)
  fs.rmSync(root, { recursive: true })
  return results
}

const scalars = ['mem', 'smp', 'cpu', 'net_if', 'qemu']
const lists = ['args', 'usb', 'display']
const oneOf = (...texts: string[]): fc.Arbitrary<string> => fc.constantFrom(...texts)
const plain = oneOf('a', 'b1', '-x', ',', '=', ':', '/', '.', '@', '%', '+', 'é')
const dollar = oneOf('$x', '$q', '$y', '$z', '$w', '${x}', '${y}', '${w}', '$', '$vm', '$mem', '${cpu}', '$/')

const { value } = fc.letrec<{ value: string; inner: string; quotedInner: string }>((tie) => ({
  inner: fc.oneof(
    { maxDepth: 3 },
    fc.oneof(
      plain,
      dollar,
      oneOf(' ', '  ', '\n', ';', '|', '#', "'", '~', '~/', '\\ ', '\\}', '\\"', "'}'", '""', "''", "' '", '"$x"'),
    ),
    fc.array(tie('inner'), { maxLength: 4 }).map((parts) => parts.join('')),
    tie('inner').map((word) => `\${z:-${word}}`),
    tie('quotedInner').map((word) => `"${word}"`),
  ),
  quotedInner: fc.oneof(
    { maxDepth: 3 },
    fc.oneof(plain, dollar, oneOf(' ', '\n', '\\$', '\\\\', '\\"', '\\a', '~', '*', '{', '#', '\\\n')),
    fc.array(tie('quotedInner'), { maxLength: 4 }).map((parts) => parts.join('')),
    tie('quotedInner').map((word) => `\${y:-${word}}`),
  ),
  value: fc
    .array(
      fc.oneof(
        plain,
        dollar,
        oneOf('~', '~/', ':~', '\\ ', '\\\n', "'a b'", "''", '""', '#'),
        tie('quotedInner').map((word) => `"${word}"`),
        tie('inner').map((word) => `\${y:-${word}}`),
      ),
      { maxLength: 5 },
    )
    .map((parts) => parts.join('')),
}))

const blank = oneOf(' ', '\n', ' # c\n', ' \\\n', '\t')
const elements = fc
  .array(fc.tuple(fc.oneof(value, oneOf('"${args[@]}"', '"${cpu[@]}"')), blank), { maxLength: 4 })
  .map((pairs) => `(${pairs.flat().join('')})`)
const scalarAssignment = fc.tuple(oneOf(...scalars), oneOf('=', '='), value).map((parts) => parts.join(''))
const listAssignment = fc.tuple(oneOf(...lists), oneOf('=', '+='), elements).map((parts) => parts.join(''))
const statement = fc.oneof(
  scalarAssignment,
  listAssignment,
  fc.tuple(oneOf('export ', 'cpu+='), scalarAssignment).map((p) => p.join('')),
)
const separator = oneOf(' ', ';', '\n', ' ; ', '\n\n', ' # c\n', ' \\\n')
/** A few statements. */
export const snippet = fc
  .array(fc.tuple(statement, separator), { minLength: 1, maxLength: 4 })
  .map((pairs) => pairs.flat().join(''))

const tokens = fc.oneof(
  oneOf(
    'mem=',
    'cpu=',
    'args=',
    'args+=',
    'cpu+=',
    'export ',
    '(',
    ')',
    ' ',
    '\n',
    ';',
    "'",
    '"',
    '\\',
    '$',
    '${',
    '}',
    ':-',
    '#',
    '~',
    '/',
    ':',
  ),
  oneOf('x', 'y', 'z', '$x', '${z:-', '"${args[@]}"', '\\\n', '*', '[', '{', ',', '&', '|', '<', '=', '!', '1', '`', '$(', '@'),
)

const soup = fc.array(tokens, { maxLength: 10 }).map((parts) => parts.join(''))
const begun = fc.tuple(
  oneOf('cpu=', 'args=(', 'cpu="', 'args=("', 'cpu=${z:-', 'args=(${z:-', 'cpu="${z:-'),
  soup,
  oneOf('', ')', '"', '}', '"})', '})', '}"'),
)

/** Tokens in any order, some behind a beginning that makes sense. */
export const tokenSoup = fc.oneof(
  soup,
  begun.map((parts) => parts.join('')),
)
