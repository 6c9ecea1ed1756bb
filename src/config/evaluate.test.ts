import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UsageError } from '../core/errors.js'
import { evaluateFiles } from './evaluate.js'

function evaluate(files: Record<string, string>, names: readonly string[], variables = {}): Record<string, unknown> {
  const found = evaluateFiles(names, { variables, home: '/home/me', read: (file) => files[file] })
  return Object.fromEntries(Array.from(found, ([name, { value, file, line }]) => [name, [value, `${file}:${line}`]]))
}

test('later files see what earlier ones said, and the last word counts, with its place', () => {
  const files = { '/a': 'mem=1\nsmp=2\nargs=(x)', '/c': '\nsmp=$mem$smp\nargs+=(y)' }
  assert.deepEqual(evaluate(files, ['/a', '/b', '/c']), { mem: ['1', '/a:1'], smp: ['12', '/c:2'], args: [['x', 'y'], '/c:3'] })
})

test('${mem:-2048} sees the environment, and an empty variable counts as unset', () => {
  const files = { '/a': 'mem=${mem:-2048}' }
  assert.deepEqual(evaluate(files, ['/a'], { mem: '4096' }), { mem: ['4096', '/a:1'] })
  assert.deepEqual(evaluate(files, ['/a'], { mem: '' }), { mem: ['2048', '/a:1'] })
  assert.deepEqual(evaluate({ '/a': 'args+=(b)' }, ['/a'], { args: '' }), { args: [['b'], '/a:1'] })
})

test('. FILE starts at the folder of the file that it stands in; ~, absolute paths and variables work too', () => {
  const files = {
    '/c/a': '. sub/b; smp=2',
    '/c/sub/b': '\n. ../d\nsource /e\n. ~/f\n. "$drawer/g h"',
    '/c/d': 'mem=1',
    '/e': 'cpu=e',
    '/home/me/f': 'vg=f',
    '/d r/g h': 'gold=g',
  }
  assert.deepEqual(evaluate(files, ['/c/a'], { drawer: '/d r' }), {
    mem: ['1', '/c/d:1'],
    cpu: ['e', '/e:1'],
    vg: ['f', '/home/me/f:1'],
    gold: ['g', '/d r/g h:1'],
    smp: ['2', '/c/a:1'],
  })
})

test('a file may be included twice, but not by itself', () => {
  assert.deepEqual(evaluate({ '/a': '. b; . b', '/b': 'args+=(x)' }, ['/a']), { args: [['x', 'x'], '/b:1'] })
  const loop = (): unknown => evaluate({ '/a': 'mem=1\n. b', '/b': '  . ./../a' }, ['/a'])
  assert.throws(
    loop,
    (error) => error instanceof UsageError && error.message.startsWith('/b:1:3: this file is being read already'),
  )
})

test('an error in an included file names that file', () => {
  const wrong = (): unknown => evaluate({ '/a': '. b', '/b': 'mem=$(id)' }, ['/a'])
  assert.throws(wrong, (error) => error instanceof UsageError && error.message.startsWith('/b:1:5: '))
})

test('a string of the environment that a file adds to is no error: the environment wins anyway', () => {
  assert.deepEqual(evaluate({ '/a': 'args+=(-c)' }, ['/a'], { args: '-a -b' }), { args: [['-a -b', '-c'], '/a:1'] })
})
