import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { resetSequence } from './screen.js'
import { createFilter } from './filter.js'
import { answers } from '../../test/fixture/answers.js'

/** Bytes as they are, one a character. */
const raw = (text: string): Buffer => Buffer.from(text, 'latin1')

function filterAll(...chunks: readonly Buffer[]): Buffer {
  const filter = createFilter()
  return Buffer.concat(chunks.map((chunk) => Buffer.from(filter.push(chunk))))
}

function passes(text: string): void {
  assert.equal(filterAll(raw(`a${text}b`)).toString('latin1'), `a${text}b`, JSON.stringify(text))
}

function becomes(text: string, expected: string): void {
  assert.equal(filterAll(raw(text)).toString('latin1'), expected, JSON.stringify(text))
}

const queries = {
  'DSR, cursor': '\u001B[6n',
  'DSR, status': '\u001B[5n',
  DECXCPR: '\u001B[?6n',
  'DSR with zeros': '\u001B[06n',
  'colour scheme': '\u001B[?996n',
  DA1: '\u001B[c',
  'DA1 with 0': '\u001B[0c',
  DA2: '\u001B[>c',
  DA3: '\u001B[=0c',
  DECID: '\u001BZ',
  XTVERSION: '\u001B[>0q',
  'DECRQM, ANSI': '\u001B[4$p',
  'DECRQM, DEC': '\u001B[?2026$p',
  DECREQTPARM: '\u001B[1x',
  'window size': '\u001B[18t',
  'window moved': '\u001B[3;0;0t',
  'title report': '\u001B[21t',
  checksum: '\u001B[1;1;1;1;5;5*y',
  'cursor information': '\u001B[1$w',
  'kitty keyboard query': '\u001B[?u',
  'kitty keyboard mode': '\u001B[>1u',
  'other keys': '\u001B[>4;2m',
  'key modifiers query': '\u001B[?4m',
  'graphics attributes': '\u001B[?1;1;0S',
  print: '\u001B[5i',
  'size reports': '\u001B[?2048h',
  'size reports among others': '\u001B[?25;2048h',
  'highlight tracking': '\u001B[?1001h',
  'keyboard lock': '\u001B[2h',
  VT52: '\u001B[?2l',
  '8-bit controls': '\u001B G',
  'out of UTF-8': '\u001B%@',
  DECRQSS: '\u001BP$qm\u001B\\',
  XTGETTCAP: '\u001BP+q544e\u001B\\',
  sixel: '\u001BPq#0;2;0;0;0\n#0~~\u001B\\',
  APC: '\u001B_Gi=31,s=1,v=1,a=q;AAAA\u001B\\',
  PM: '\u001B^secret\u001B\\',
  SOS: '\u001BXsecret\u001B\\',
  clipboard: '\u001B]52;c;aGk=\u0007',
  'clipboard query': '\u001B]52;c;?\u001B\\',
  'background query': '\u001B]11;?\u001B\\',
  'palette query': '\u001B]4;1;?\u0007',
  'font query': '\u001B]50;?\u0007',
  'iTerm2 report': '\u001B]1337;ReportCellSize\u0007',
  notification: '\u001B]777;notify;a;b\u0007',
  'log file': '\u001B]46;/tmp/x\u0007',
  'title with a C1 control': '\u001B]2;x\u009C\u009Bcy\u0007',
  ENQ: '\u0005',
  '8-bit DSR': '\u009B6n',
  'DSR after UTF-8 CSI': '\u00C2\u009B6n',
  'control characters within': '\u001B[\u00006\n\u007Fn',
  'ENQ within': '\u001B[\u00056n',
  'ENQ behind ESC': '\u001B\u0005[6n',
  'NUL behind ESC': '\u001B\u0000[6n',
  'Linux palette': '\u001B]P0112233',
  'Linux palette reset': '\u001B]R',
}

describe('filter', () => {
  for (const [name, query] of Object.entries(queries)) {
    it(`drops ${name}`, () => becomes(`before ${query}after`, 'before after'))
  }

  it('passes what draws', () => {
    for (const sequence of [
      '[31;1m',
      '[38:2::1:2:3m',
      '[H',
      '[2J',
      '[K',
      '[1;24r',
      '[?1049h',
      '[?25l',
      '[?2004h',
      '[4 q',
      '[!p',
      '[b',
    ]) {
      passes(`\u001B${sequence}`)
    }
    for (const sequence of ['7', '8', 'M', '(0', ')B', '#8', '=', '>', ' F', '%G', '[1;1;2;2;1$t', '[s', '[u', '[?1c', '[?5W']) {
      passes(`\u001B${sequence}`)
    }
  })

  it('passes titles, links, prompt marks and colours', () => {
    for (const string of [
      '0;root@guest: ~',
      '2;why?',
      '1;x',
      '8;;http://a/',
      '133;A',
      '7;file://h/x',
      '4;1;rgb:0/0/0',
      '104',
      '11;#000',
    ]) {
      passes(`\u001B]${string}\u0007`)
      passes(`\u001B]${string}\u001B\\`)
    }
  })

  it('passes UTF-8, also where its bytes look like controls', () => {
    for (const text of ['é', 'ÂÄ', 'Привет', '✓ 日本 🙂', '\u2190\u251C\u275B', '\u{1F49B}n', 'Û6n'])
      passes(Buffer.from(text).toString('latin1'))
  })

  it('passes other 8-bit text, and shows what may be a string or a letter', () => {
    passes('\u00E9t\u00E9 \u00C9')
    passes('\u0085\u0084')
    becomes('a\u0090b', 'ab')
    becomes('a\u00C2\u009D52;c;?\u0007', 'a52;c;?\u0007')
    becomes('\u00E2\u00849\u009B1m', '\u00E2\u00849\u009B1m')
    becomes('\u00E2\u009B9cx', '\u00E2x')
  })

  it('is not kept mute by a string that was cut off', () => {
    becomes('\u001B]0;half\r\nlogin: ', '\nlogin: ')
    becomes('\u001BPhalf\u001B[31mred', '\u001B[31mred')
    becomes('\u001B]2;half\u001B[31mred', '\u001B[31mred')
    becomes('\u001B_half\u0018text', 'text')
    const noise = filterAll(raw('\u001BP'), raw('x'.repeat(2 * 1024 * 1024)), raw('alive'))
    assert.ok(noise.toString('latin1').endsWith('xalive'))
  })

  it('drops sequences that are broken off, so that nothing can complete them', () => {
    becomes('\u001B[\u001B[6n6n', '6n')
    becomes('\u001B[1;\u0018n', 'n')
    becomes('\u001B\u001B[6n[6n', '[6n')
    becomes(`\u001B[${'1;'.repeat(2000)}nx`, 'x')
    becomes(`\u001B]2;${'x'.repeat(10_000)}\u0007y`, 'y')
    becomes(`\u001B]2;${'x'.repeat(10_000)}\u001B\\y`, 'y')
  })

  it('returns a chunk without controls itself, not a copy', () => {
    const filter = createFilter()
    const chunk = raw('plain text\r\n')
    assert.equal(filter.push(chunk), chunk)
  })

  it('tells what the guest left behind', () => {
    const filter = createFilter()
    filter.push(raw('\u001B[?1049h\u001B[2;5r\u001B[3 q'))
    assert.deepEqual(filter.traces, { alternate: true, margins: true, cursorShape: true })
    assert.match(resetSequence(filter.traces), /\[\?1049l.*\[r.*\[0 q/)
    filter.push(raw('\u001B[?1049l'))
    assert.equal(filter.traces.alternate, false)
    assert.doesNotMatch(resetSequence(filter.traces), /1049/)
  })

  it('lets no guest make the terminal forget what was written before', () => {
    becomes('a\u001Bcb\u001B[2Jc', 'ab\u001B[2Jc')
  })

  it('keeps the screen when SeaBIOS begins', () => {
    becomes('\u001Bc\u001B[?7l\u001B[2J\u001B[0mSeaBIOS\r\n\u001B[2J', '\u001B[?7l\u001B[0mSeaBIOS\r\n\u001B[2J')
  })
})

/** Pieces from which queries, halves of them and everything around them come about. */
const piece = fc.oneof(
  fc.constantFrom(
    '\u001B',
    '\u001B',
    '\u001B[',
    '\u001B]',
    '\u001BP',
    '\u001B_',
    '\u001B^',
    '\u001BX',
    '\u001B\\',
    '\u001B%',
    '\u001B ',
  ),
  fc.constantFrom('\u0005', '\u0007', '\u0018', '\u001A', '\n', '\u0000', '\u007F', '\u0009'),
  fc.constantFrom(
    '\u009B',
    '\u0090',
    '\u009C',
    '\u009D',
    '\u009A',
    '\u009E',
    '\u00C2',
    '\u00E2',
    '\u00F0',
    '\u0080',
    '\u00A0',
    '\u00E0',
  ),
  fc.constantFrom(
    '6n',
    '5n',
    'c',
    '>c',
    '=c',
    '>q',
    '?u',
    '$p',
    '18t',
    'x',
    '?1',
    '2',
    ';',
    '52;c;?',
    '11;?',
    '0;title',
    'Z',
    'm',
    '31m',
    'h',
  ),
  fc.constantFrom(...Object.values(queries)),
  fc.constantFrom('P', 'R', '[', ']', '\\', ' G', '%@', '%G', '?2048h', '?2l', 'a', 'B', 'é'),
  fc.string({ unit: 'binary', maxLength: 5 }).map((text) => Buffer.from(text).toString('latin1')),
)
const stream = fc.array(piece, { maxLength: 25 }).map((pieces) => raw(pieces.join('')))
const runs = { numRuns: 20_000 }

describe('filter, whatever comes', () => {
  it('gives the same however the stream is cut', () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(80), { maxLength: 6 }), (bytes, cuts) => {
        const edges = [0, ...cuts.filter((cut) => cut <= bytes.length).toSorted((a, b) => a - b), bytes.length]
        const chunks = edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge))
        const whole = filterAll(bytes)
        assert.deepEqual(filterAll(...chunks), whole)
        assert.deepEqual(filterAll(...Array.from(bytes, (byte) => Buffer.of(byte))), whole)
      }),
      runs,
    )
  })

  it('never lets a terminal answer', () => {
    fc.assert(
      fc.property(stream, (bytes) => {
        assert.deepEqual(answers(filterAll(bytes)), [])
      }),
      runs,
    )
  })

  it('changes nothing the second time', () => {
    fc.assert(
      fc.property(stream, (bytes) => {
        // CAN ends whatever waits for more, and the letter a character.
        const once = filterAll(Buffer.concat([bytes, raw('\u0018x')]))
        assert.deepEqual(filterAll(once), once)
      }),
      runs,
    )
  })

  it('leaves text without controls alone', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
        const plain = text.replaceAll(/\p{Cc}/gu, '')
        assert.equal(filterAll(Buffer.from(plain)).toString('utf8'), plain)
      }),
    )
  })
})
