import assert from 'node:assert/strict'
import { test } from 'node:test'
import { actions, commands } from '../action/rows.js'
import { settingNames } from '../config/settings.js'
import { UsageError } from '../core/errors.js'
import { ownFilesOf, refuseRelative, scriptThere, settingThere, stepThere } from './ownfiles.js'
import { parseLine, readSteps, type RemoteLine } from './parse.js'

const grammar = { actions, commands, settings: ['class', ...settingNames] }

function remote(...words: string[]): RemoteLine {
  const line = parseLine(['box:web', ...words], grammar)
  assert.equal(line.kind, 'remote')
  return line
}

const at = (file: string): string => (file.startsWith('/') ? file : `/here/${file.replace(/^~/, 'home')}`)
const files = (...words: string[]) => ownFilesOf(remote(...words), { at, input: undefined })

test('which words are files of the caller, and which way they go', () => {
  assert.equal(files('source=/x', 'cdrom=/y', 'start', '-cdrom', '/z', '--', 'exec', 'cat', '/etc/passwd'), undefined)
  assert.equal(files('screenshot', '-'), undefined)
  const none = { brought: [], scripts: [], fetched: [], input: undefined }
  assert.deepEqual(files('user_data=~/u', 'password=/p', 'start'), { ...none, brought: ['/here/home/u', '/p'] })
  assert.deepEqual(files('cp', '-a', 'a', '/b', ':/c', '--', 'screenshot', 'x.png'), {
    ...none,
    brought: ['/here/a', '/b'],
    fetched: [{ to: '/here/x.png', names: [] }],
  })
  assert.deepEqual(files('cp', ':/var/log', ':notes', 'out'), {
    ...none,
    fetched: [{ to: '/here/out', names: ['log', 'notes'] }],
  })
})

test('paths from the root begin below the root there; all other words stay as they are', () => {
  for (const [step, there] of [
    ['cp -a /a b ../c ./d/../e :/f', 'cp -a /M/a b ../c e :/f'],
    ['cp :/a/../b .', 'cp :/a/../b .'],
    ['screenshot /x.png', 'screenshot /M/x.png'],
    ['run steps', 'run steps'],
    ['exec cat /a', 'exec cat /a'],
    ['attach /a', 'attach /a'],
  ] as const)
    assert.equal(stepThere(step.split(' '), '/M').join(' '), there)
  const setting = (pair: string): string => settingThere(pair, { root: '/M', at, keys: (value) => [`key of ${value}`] })
  assert.deepEqual(
    ['mem=1G', 'user_data=/u', 'user_data=none', 'password=~/p', 'ssh_key=/k', 'ssh_key=none', 'cdrom=/c'].map(setting),
    ['mem=1G', 'user_data=/M/u', 'user_data=none', 'password=/M/here/home/p', "ssh_key='key of /k'", 'ssh_key=none', 'cdrom=/c'],
  )
})

test('a file of steps keeps its lines, and the numbers that messages call them by', () => {
  const line = (place: string, text: string, words: string[]) => {
    const chain = readSteps(words, grammar, [])
    return { place, text, steps: chain.map(({ step }) => step), written: chain.map(({ written }) => written) }
  }
  const lines = [
    line('/s:2:2', "wait 'a  b'", ['wait', 'a  b']),
    line('/s:2:4', "cp '/a b' :/c -- stop", ['cp', '/a b', ':/c', '--', 'stop']),
  ]
  assert.equal(scriptThere(lines, '/M'), "\nwait 'a  b'\n\ncp '/M/a b' :/c -- stop\n")
})

test('a name that only this folder gives a meaning is no file of another machine', () => {
  const refuse = (...words: string[]) => refuseRelative(remote(...words), 'box', (file) => file === 'disk.img')
  for (const words of [
    ['cdrom=./x.iso', 'start'],
    ['cdrom=disk.img', 'start'],
    ['share=../src:/src', 'start'],
    ['attach', 'disk.img'],
  ])
    assert.throws(() => refuse(...words), UsageError, words.join(' '))
  for (const words of [
    ['cdrom=/x.iso', 'start'],
    ['cdrom=none', 'start'],
    ['share=~/src:/src', 'start'],
    ['attach', '1'],
    ['attach', 'other.img'],
  ])
    refuse(...words)
})
