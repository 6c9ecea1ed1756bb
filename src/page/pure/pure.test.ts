import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { WireVm } from '../../web/protocol.js'
import { parseTyped } from '../../console/escapes.js'
import { keysFor } from '../../qemu/keycode.js'
import { backoffMs } from './backoff.js'
import { changed } from './changed.js'
import { lineReader } from './frames.js'
import { nameTrouble, settingsFile, wordsOf } from './making.js'
import { binaryTopFor, pathOf, topFor } from './plot.js'
import { asTyped, untypable } from './typing.js'
import { forwardText, lookOf } from './words.js'

const vm = (id: string): WireVm => ({
  id,
  class: null,
  name: id,
  state: 'stopped',
  pid: null,
  sinceMs: null,
  memBytes: null,
  forwards: [],
  drives: [],
  image: null,
  fault: null,
  ending: null,
})

it('tries again soon at first, then seldom, never all at once', () => {
  assert.deepEqual(
    [0, 1, 2, 10].map((tries) => backoffMs(tries, () => 0)),
    [500, 1000, 2000, 15_000],
  )
  assert.equal(
    backoffMs(10, () => 1),
    10_000,
  )
})

describe('the list after a change', () => {
  const [a, b, c] = [vm('web2'), vm('web10'), vm('db')]
  const before = new Map([a, b].map((one) => [one.id, one]))

  it('is in the order of names, with numbers as numbers, and keeps what did not change', () => {
    const after = changed(before, { vms: [c], gone: [] })
    assert.deepEqual([...after.keys()], ['db', 'web2', 'web10'])
    assert.equal(after.get('web2'), a)
  })

  it('loses what is gone', () => {
    assert.deepEqual([...changed(before, { vms: [], gone: ['web2', 'other'] }).keys()], ['web10'])
  })
})

it('reads lines that come in pieces', () => {
  const lines: string[] = []
  const read = lineReader((line) => lines.push(line))
  for (const piece of ['{"a"', ':1}\n{"b":2}\n\n{', '"c":3}\n', 'rest']) read(piece)
  assert.deepEqual(lines, ['{"a":1}', '{"b":2}', '{"c":3}'])
})

describe('what is typed', () => {
  it('is told from what no key writes, as the command line tells it', () => {
    assert.deepEqual(untypable('a\r\n\tB~ß€ß\u{1F600}'), ['ß', '€', '\u{1F600}'])
    const all = Array.from({ length: 0x200 }, (_, code) => String.fromCharCode(code)).filter((char) => char >= ' ')
    const refused = all.filter((char) => {
      try {
        return keysFor(char).length === 0
      } catch {
        return true
      }
    })
    assert.deepEqual(untypable(all.join('')), refused)
  })

  it('comes out of the word of `type` as it was', () => {
    const text = 'a\\nb \'"\n\t\\\\x41'
    assert.equal(parseTyped(asTyped(text)).toString().replaceAll('\r', '\n'), text)
  })
})

describe('the line of a new VM', () => {
  const wish = { name: 'web', image: 'debian-13', settings: { mem: '2G', smp: '', forward: '80:80 443:443' }, startsIt: true }

  it('has what is set, and nothing else', () => {
    assert.deepEqual(wordsOf(wish), ['web', 'image=debian-13', 'mem=2G', 'forward=80:80 443:443', 'newimg', 'start'])
    assert.deepEqual(wordsOf({ name: '', image: '', settings: {}, startsIt: false }), ['NAME', 'newimg'])
    assert.equal(settingsFile({ image: '', settings: { mem: '2G', user: "o'x" } }), "mem='2G'\nuser='o'\\''x'")
  })

  it('takes a name that a VM can have and none has', () => {
    const taken = (id: string): boolean => id === 'foo'
    assert.deepEqual(
      ['', 'web', 'foo'].map((name) => nameTrouble(name, taken)),
      [undefined, undefined, 'there is one already'],
    )
    assert.match(nameTrouble('<b>', taken) ?? '', /must begin with/)
  })
})

describe('a plot', () => {
  const frame = { width: 100, height: 10, fromMs: 0, toMs: 10_000, top: 2 }

  it('goes through what is known, and is broken where nothing was', () => {
    const points = [
      { atMs: 0, value: 0 },
      { atMs: 1000, value: 1 },
      { atMs: 2000, value: null },
      { atMs: 8000, value: 4 },
    ]
    assert.equal(pathOf(points, frame), 'M0.0 10.0L10.0 5.0M80.0 0.0')
  })

  it('has a scale that jumps seldom', () => {
    assert.deepEqual(
      [0, 0.4, 1, 1.2, 3, 7, 11].map((value) => topFor(value, 1)),
      [1, 1, 1, 2, 5, 10, 20],
    )
    assert.deepEqual(
      [0, 1, 3, 4, 5].map((value) => binaryTopFor(value, 1)),
      [1, 1, 4, 4, 8],
    )
  })
})

it('tells a VM that was switched off from one that broke', () => {
  const look = (kind: string) => lookOf({ state: 'stopped', fault: null, ending: { kind, atMs: null, words: '' } })
  assert.deepEqual(['stopped', 'guest-shutdown', 'killed', 'refused'].map(look), ['off', 'off', 'trouble', 'trouble'])
  assert.equal(lookOf({ state: 'running', fault: 'x', ending: null }), 'trouble')
  assert.equal(lookOf({ state: 'paused', fault: null, ending: null }), 'paused')
})

it('names a port with what is unusual of it', () => {
  const port = { hostPort: 8080, guestPort: 80 }
  assert.equal(forwardText({ ...port, protocol: 'tcp', address: '127.0.0.1' }), '8080→80')
  assert.equal(forwardText({ ...port, protocol: 'udp', address: '0.0.0.0' }), '0.0.0.0:8080→80/udp')
})
