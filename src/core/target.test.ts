import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UsageError } from './errors.js'
import { parseDestination, parseTarget, sshName } from './target.js'

test('a target is a VM here, one of another machine, or that machine', () => {
  assert.deepEqual(parseTarget('web'), { host: undefined, name: 'web' })
  assert.deepEqual(parseTarget('box2:web*'), { host: 'box2', name: 'web*' })
  assert.deepEqual(parseTarget('me@box2.example:'), { host: 'me@box2.example', name: '' })
  assert.deepEqual(parseTarget('me@[fe80::1%eth0]:web'), { host: 'me@[fe80::1%eth0]', name: 'web' })
  assert.equal(sshName('me@[fe80::1%eth0]'), 'me@fe80::1%eth0')
})

test('what ssh could take for an option, or a shell for more than a word, is no name of a machine', () => {
  for (const host of [
    '',
    '-oProxyCommand=x',
    'a b',
    'a;b',
    '@box',
    'me@',
    'me@-x',
    'a\n',
    '$(x)',
    'a:b',
    '[::1',
    'x'.repeat(301),
  ])
    assert.throws(() => parseTarget(`${host}:web`), UsageError, host)
})

test('a VM goes to a machine, under its name or another', () => {
  assert.deepEqual(parseDestination('me@box2'), { host: 'me@box2', name: undefined })
  assert.deepEqual(parseDestination('box2:'), { host: 'box2', name: undefined })
  assert.deepEqual(parseDestination('box2:old'), { host: 'box2', name: 'old' })
  for (const text of ['box2:a/b', 'box2:../x', 'box2:-x', '-x:web', ''])
    assert.throws(() => parseDestination(text), UsageError, text)
})
