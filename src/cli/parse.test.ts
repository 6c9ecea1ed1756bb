import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { actions, commands } from '../action/rows.js'
import { foreignActions, foreignCommands, foreignSettings, meaningsOf } from '../action/synonyms.js'
import { settingNames } from '../config/settings.js'
import { UsageError } from '../core/errors.js'
import { parseLine } from './parse.js'

const parse = (...argv: string[]) => parseLine(argv, { actions, commands, settings: ['class', ...settingNames] })
const step = (name: string, words: string[] = [], flags = {}) => ({ name, words, flags })

/** The line and what it means, for each example of the design and each habit of the script. */
const meanings: [string[], unknown][] = [
  [[], { kind: 'command', step: step('ls') }],
  [['ls', '--json'], { kind: 'command', step: step('ls', [], { json: true }) }],
  [['--help'], { kind: 'command', step: step('help') }],
  [['help', 'start'], { kind: 'command', step: step('help', ['start']) }],
  [['foo'], vmLine(['foo'], {}, step('status'))],
  [['foo', 'mem=1G'], vmLine(['foo'], { mem: '1G' }, step('status'))],
  [['foo', 'newimg', 'start', 'console'], vmLine(['foo'], {}, step('newimg'), step('start'), step('console'))],
  [['foo', 'start', '-cdrom', 'x.iso', '--', 'vnc'], vmLine(['foo'], {}, step('start', ['-cdrom', 'x.iso']), step('vnc'))],
  [['foo', 'start', '-cdrom', 'x.iso', 'vnc'], vmLine(['foo'], {}, step('start', ['-cdrom', 'x.iso', 'vnc']))],
  [['foo', 'newimg', 'start', '--', 'monitor'], vmLine(['foo'], {}, step('newimg'), step('start'), step('monitor'))],
  [['foo', 'start', '--if-needed', 'console'], vmLine(['foo'], {}, step('start', [], { 'if-needed': true }), step('console'))],
  [
    ['foo', 'start', '--if-needed', '-S', '--', 'vnc'],
    vmLine(['foo'], {}, step('start', ['-S'], { 'if-needed': true }), step('vnc')),
  ],
  [['foo', 'stop', 'start'], vmLine(['foo'], {}, step('stop'), step('start'))],
  [['foo', 'mem=2048', 'start'], vmLine(['foo'], { mem: '2048' }, step('start'))],
  [['foo', 'usb= ', 'class=win', 'start'], vmLine(['foo'], { usb: ' ', class: 'win' }, step('start'))],
  [['foo', 'args=a=b', 'start'], vmLine(['foo'], { args: 'a=b' }, step('start'))],
  [['web1,web2', 'shutdown'], vmLine(['web1', 'web2'], {}, step('shutdown'))],
  [['foo', 'resize', '40G', '--drive=1', '--shrink'], vmLine(['foo'], {}, step('resize', ['40G'], { drive: '1', shrink: true }))],
  [['foo', 'rm', '--yes'], vmLine(['foo'], {}, step('rm', [], { yes: true }))],
]

function vmLine(targets: string[], settings: Record<string, string>, ...steps: unknown[]) {
  return { kind: 'vm', targets, settings, steps }
}

for (const [argv, meaning] of meanings) {
  test(`nbsvm ${argv.join(' ')}`, () => assert.deepEqual(parse(...argv), meaning))
}

/** The wrong line, and what the error must tell. */
const refusals: [string[], RegExp][] = [
  [['foo', 'strat'], /unknown action "strat"; did you mean start\?/],
  [['foo', 'start', 'consol'], /unknown action "consol"; did you mean console\?/],
  [['foo', 'memm=1', 'start'], /unknown setting "memm"; did you mean mem\?/],
  [['foo', 'start', 'mem=1'], /settings come before the first action, not after it: mem=1/],
  [['start', 'foo'], /the VM's name comes first, not "start"/],
  [['mem=2048', 'foo', 'start'], /the VM's name comes first, not "mem=2048"/],
  [['foo', 'ls'], /ls is a command, without a VM/],
  [['ls', 'foo'], /unexpected argument "foo" after nbsvm ls/],
  [['-x'], /unknown option "-x"/],
  [['foo', 'mem', 'start'], /mem is a setting, not an action/],
  [['foo', '--mem', '2G', 'start'], /mem is a setting, not an action/],
  [['foo', 'start', '--', '-m', '5'], /unknown action "-m"$/],
  [['foo', 'start', '--help'], /QEMU option --help cannot be given/],
  [['foo', 'stop', 'start', '-daemonize'], /QEMU option -daemonize cannot be given/],
  [['foo', 'resize'], /resize needs SIZE/],
  [['foo', 'stop', 'resize', '40Q'], /"40Q" is not a size/],
  [['foo', 'stop', 'resize', '+4G', '--drive=one'], /"one" is not the number of a drive/],
  [['foo', 'stop', 'rm-drive', '-1'], /"-1" is not the number of a drive/],
  [['foo', 'rm', '--yse'], /unknown option --yse of rm; did you mean --yes\?/],
  [['foo', 'resize', '4G', '--drive'], /write --drive=N, not "--drive"/],
  [['foo', ''], /unknown action ""/],
  [['foo', 'start', '-S', '--if-needed'], /--if-needed stands directly after start/],
  [['foo', 'memory=2G', 'start'], /unknown setting "memory"; here it is mem/],
]

for (const [argv, message] of refusals) {
  test(`refused: nbsvm ${argv.join(' ')}`, () => {
    assert.throws(
      () => parse(...argv),
      (error) => error instanceof UsageError && error.exitStatus === 2 && message.test(error.message),
    )
  })
}

// Words of other tools, and the lines that are offered instead.
const brought: [string[], string[]][] = [
  [['create', 'foo'], ['nbsvm foo newimg start']],
  [['create', '--name', 'foo'], ['nbsvm foo newimg start']],
  [['launch', 'foo', 'mem=2G'], ['nbsvm foo mem=2G newimg start']],
  [['foo', 'create'], ['nbsvm foo newimg start']],
  [['foo', 'mem=2G', 'launch', '--detach'], ['nbsvm foo mem=2G newimg start']],
  [['foo', 'create', 'console'], ['nbsvm foo newimg start console']],
  [['delete', 'web*', '--force'], ["nbsvm 'web*' rm"]],
  [
    ['foo', 'destroy'],
    ['nbsvm foo stop    # end it now', 'nbsvm foo rm    # remove it with its drives'],
  ],
  [['foo', 'stop', 'delete'], ['nbsvm foo stop rm']],
  [['poweroff', 'foo'], ['nbsvm foo shutdown']],
  [['foo', 'grow', '+10G'], ['nbsvm foo resize +10G']],
  [['info', 'foo'], ['nbsvm foo status']],
  [
    ['shell', 'foo'],
    ['nbsvm foo ssh    # log in, by ssh', 'nbsvm foo console    # be at its serial port'],
  ],
]

for (const [argv, lines] of brought) {
  test(`brought from elsewhere: nbsvm ${argv.join(' ')}`, () => {
    assert.throws(
      () => parse(...argv),
      (error) => {
        assert.ok(error instanceof UsageError)
        assert.match(error.message, /^unknown action/)
        assert.deepEqual(
          error.hints,
          lines.map((line) => `try: ${line}`),
        )
        return true
      },
    )
  })
}

test('restart has three meanings, and what is ours stays ours: no word of another tool is one of nbsvm', () => {
  assert.deepEqual(
    meaningsOf('restart').map(([line]) => line),
    ['stop start', 'shutdown start', 'reset'],
  )
  const own = new Set([...actions, ...commands].map(({ name }) => name))
  for (const word of [...Object.keys(foreignActions), ...Object.keys(foreignCommands)]) assert.ok(!own.has(word), word)
  for (const word of Object.keys(foreignSettings)) assert.ok(!settingNames.some((name) => name === word), word)
  const lines = Object.keys(foreignActions).flatMap((word) => meaningsOf(word).map(([line]) => line))
  for (const name of new Set(lines.flatMap((line) => line.split(' ')))) assert.ok(own.has(name), name)
  for (const name of Object.values(foreignCommands)) assert.ok(own.has(name), name)
  for (const name of Object.values(foreignSettings))
    assert.ok(
      settingNames.some((one) => one === name),
      name,
    )
})

test('wrong order: the hint is the line in the right order', () => {
  assert.throws(
    () => parse('start', 'foo'),
    (error) => error instanceof UsageError && error.hints[0] === 'try: nbsvm foo start',
  )
})

test('whatever is typed is understood or refused as a wrong line', () => {
  const words = [...actions, ...commands].map(({ name }) => name).concat('--', '-x', 'mem=1', 'foo', '--json', '')
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constantFrom(...words), fc.string())), (argv) => {
      try {
        parse(...argv)
      } catch (error) {
        assert.ok(error instanceof UsageError)
      }
    }),
  )
})

test('a line for other machines is read as one for this, and goes there as it was written', () => {
  const line = parse('box1:web,box2:web*,here', 'mem=1G', 'start', '-S', '--', 'wait', 'running')
  assert.equal(line.kind, 'remote')
  assert.deepEqual(line.targets, [
    { host: 'box1', name: 'web' },
    { host: 'box2', name: 'web*' },
    { host: undefined, name: 'here' },
  ])
  assert.deepEqual(line.written, {
    settings: ['mem=1G'],
    steps: [
      ['start', '-S', '--'],
      ['wait', 'running'],
    ],
  })
  assert.deepEqual(
    line.steps.map(({ name }) => name),
    ['start', 'wait'],
  )
  assert.deepEqual(parse('box1:', 'images'), {
    kind: 'remote',
    targets: [{ host: 'box1', name: '' }],
    settings: {},
    steps: [step('images')],
    written: { settings: [], steps: [['images']] },
  })
  assert.deepEqual(parse('box1:,box2:'), { kind: 'command', step: step('ls', ['box1:', 'box2:']) })
  for (const words of [
    ['box1:web', 'strat'],
    ['box1:', 'start'],
    ['box1:', 'web', 'start'],
    ['box1:,web', 'stop'],
    ['ls', 'box1'],
    ['ls', '-x:'],
  ])
    assert.throws(() => parse(...words), UsageError, words.join(' '))
  assert.throws(() => parse('image=https://host/x', 'web', 'newimg'), /the VM's name comes first/)
})

test('web is the command where nothing but flags follows, else a VM of that name', () => {
  assert.equal(parse('web').kind, 'command')
  assert.equal(parse('web', '--view', '--port=8000').kind, 'command')
  for (const words of [['start'], ['mem=2G', 'start'], ['web'], ['status', '--json']]) {
    const line = parse('web', ...words)
    assert.ok(line.kind === 'vm' && line.targets[0] === 'web', words.join(' '))
  }
  assert.throws(() => parse('web', '--port=0'), UsageError)
  assert.throws(() => parse('web', '--port=1', '--socket=/x'), UsageError)
  assert.throws(() => parse('foo', 'web', '--base=x'), UsageError)
  assert.throws(() => parse('start', 'web'), UsageError)
})
