// The screen that `wait` reads, against a real terminal (tmux) that gets the same bytes.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import fc from 'fast-check'
import { createVtReader } from '../src/console/vt.js'
import { createVtScreen } from '../src/console/vtscreen.js'

const folder = mkdtempSync(path.join(tmpdir(), 'nbsvm-screen-'))
const tmux = (...args: readonly string[]): string =>
  execFileSync('tmux', ['-S', path.join(folder, 'socket'), '-f', '/dev/null', ...args], {
    env: { PATH: process.env['PATH'], TERM: 'xterm-256color', LC_ALL: 'C.UTF-8', HOME: folder },
    encoding: 'utf8',
  })

after(() => {
  tmux('kill-server')
  rmSync(folder, { recursive: true, force: true })
})

const file = path.join(folder, 'bytes')

/** What a terminal of 24 lines and 80 columns shows of it. */
async function shownBy(bytes: string): Promise<string[]> {
  writeFileSync(file, bytes)
  const done = path.join(folder, `done-${Math.random()}`)
  tmux('respawn-pane', '-k', `stty raw -echo; printf '\\033c'; cat ${file}; printf '\\033[24;1H'; touch ${done}; sleep 100`)
  // tmux draws what it has read at once, and reads what is there before it answers a second time.
  for (let last = ''; ; await setTimeout(10)) {
    const shown = existsSync(done) ? tmux('capture-pane', '-p') : ''
    if (shown !== '' && shown === last) return trimmed(shown.split('\n'))
    last = shown
  }
}

function shownHere(bytes: string): string[] {
  const screen = createVtScreen()
  createVtReader(screen).push(Buffer.from(bytes))
  return screen.lines()
}

function trimmed(lines: readonly string[]): string[] {
  const bare = lines.map((line) => line.trimEnd())
  const first = bare.findIndex((line) => line !== '')
  return first === -1 ? [] : bare.slice(first, bare.findLastIndex((line) => line !== '') + 1)
}

const place = fc
  .tuple(fc.integer({ min: 1, max: 24 }), fc.integer({ min: 1, max: 80 }))
  .map(([row, column]) => `\u001B[${row};${column}H`)
// A backspace alone would go back over the end of a line in tmux, and nowhere else.
const few = fc.integer({ min: 1, max: 9 })
const bit = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('Select', 'a language', 'x'.repeat(30), 'é', '日本', '[ OK ]'),
  },
  { weight: 4, arbitrary: place },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      '\r\n',
      '\r',
      '\n',
      'ab\b',
      '\t',
      '\u001BM',
      '\u001BD',
      '\u001BE',
      '\u001B7',
      '\u001B8',
      '\u001B[1;31m',
    ),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom(...Array.from('ABCDEFGdLMPXST@')), few)
      .map(([final, count]) => `\u001B[${count}${final}`),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('J', 'K'), fc.integer({ min: 0, max: 2 }))
      .map(([final, which]) => `\u001B[${which}${final}`),
  },
  { weight: 1, arbitrary: fc.tuple(few, few).map(([top, height]) => `\u001B[${top};${top + height}r`) },
)

test('the screen shows what a terminal shows', async () => {
  tmux('new-session', '-d', '-x', '80', '-y', '24', 'sleep 100')
  tmux('set', '-g', 'status', 'off')
  const samples = fc.sample(fc.array(bit, { minLength: 5, maxLength: 60 }), { numRuns: 40, seed: 9 }).map((bits) => {
    // Lines come and go outside of what scrolls too in tmux, and nowhere else.
    const isRegion = bits.some((text) => text.endsWith('r'))
    return bits.filter((text) => !isRegion || !/^.\[\d[LM]$/.test(text)).join('')
  })
  for (const bytes of samples) assert.deepEqual(shownHere(bytes), await shownBy(bytes), JSON.stringify(bytes))
})
