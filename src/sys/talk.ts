// A program that is spoken with while it runs: bytes to it, lines from it.
import type * as childProcess from 'node:child_process'
import { Failure } from '../core/errors.js'
import { searchPath } from './file.js'
import { tied } from './process.js'
import { anotherProgram } from './self.js'

const load = (): typeof childProcess => process.getBuiltinModule('node:child_process')

export interface Talk {
  /** Resolves when it has taken enough of them for more to come; rejects when it has ended. */
  readonly write: (bytes: Buffer | string) => Promise<void>
  /** Ends its stdin. */
  readonly end: () => void
  /** Its next line; undefined when it says no more. */
  readonly line: () => Promise<string | undefined>
  /** Settles when it has ended, with its exit status, 255 where a signal ended it. */
  readonly ended: Promise<number>
  /** Whether it was killed because it said more than is read. */
  readonly saidTooMuch: () => boolean
  readonly kill: () => void
}

/** A line that is longer ends the program, and so do more of them that nobody has taken yet. */
const longestLine = 1024 * 1024
const mostLines = 1000

/**
 * Runs a program in a session of its own, so that Ctrl-C at this terminal does not reach it; it ends with this process all the same.
 * Each line of its stderr goes to `onWords`.
 */
export function talkTo(command: readonly string[], onWords: (line: string) => void): Talk {
  const [program = '', ...args] = tied(command)
  const child = load().spawn(program, args, {
    env: { ...process.env, PATH: searchPath().join(':') },
    stdio: 'pipe',
    detached: true,
  })
  const lines: string[] = []
  const waiting: ((line: string | undefined) => void)[] = []
  let isOver = false
  let isFlood = false
  const give = (line: string): void => {
    const next = waiting.shift()
    if (next !== undefined) next(line)
    else if (lines.push(line) > mostLines) flood()
  }
  const kill = (): void => void child.kill('SIGKILL')
  const flood = (): void => {
    isFlood = true
    kill()
  }
  child.stdout.setEncoding('utf8').on('data', cutLines(give, flood))
  child.stderr.setEncoding('utf8').on('data', cutLines(onWords, flood))
  child.stdin.on('error', () => {})
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', (error) => reject(new Failure(`cannot run ${program}`, { cause: error })))
    child.on('close', (status) => resolve(status ?? 255))
  })
  const over = (): void => {
    isOver = true
    for (const next of waiting.splice(0)) next(undefined)
  }
  ended.then(over, over)
  return {
    write: (bytes) =>
      new Promise((resolve, reject) => {
        if (isOver) reject(new Failure(`${program} has ended`))
        child.stdin.write(bytes, (error) => (error ? reject(error) : resolve()))
      }),
    end: () => child.stdin.end(),
    line: () => {
      const known = lines.shift()
      if (known !== undefined || isOver) return Promise.resolve(known)
      return new Promise((resolve) => waiting.push(resolve))
    },
    ended,
    saidTooMuch: () => isFlood,
    kill,
  }
}

/** Takes pieces of text, gives whole lines. */
function cutLines(give: (line: string) => void, onFlood: () => void): (piece: string) => void {
  let rest = ''
  return (piece) => {
    const parts = (rest + piece).split('\n')
    rest = parts.pop() ?? ''
    for (const line of parts) give(line)
    if (rest.length > longestLine) onFlood()
  }
}

export interface Watch {
  /** All went well: it ends, and runs nothing. */
  readonly dismiss: () => void
}

/** What runs the lines of all watches that are on when this process ends without a word. */
interface Watcher {
  readonly tell: (line: string) => void
  readonly end: () => void
  last: number
  on: number
}

let watcher: Watcher | undefined

/** Each line is a number with the words of an nbsvm, or the number alone when that is over. */
const watching = `set -f
last=0
while read -r number words; do
  eval "words$number=\\$words"
  [ "$number" -le "$last" ] || last=$number
done
while [ "$last" -gt 0 ]; do
  eval "words=\\$words$last"
  [ -z "$words" ] || "$@" $words </dev/null &
  last=$((last - 1))
done`

/** Has nbsvm run with these words, in which is no space, when this process ends without dismissing it: by `kill -9` above all. */
export function whenKilled(words: readonly string[]): Watch {
  watcher ??= startWatcher()
  const own = watcher
  const number = ++own.last
  own.on++
  own.tell(`${number} ${words.join(' ')}\n`)
  return {
    dismiss: () => {
      own.tell(`${number}\n`)
      if (--own.on > 0) return
      own.end()
      if (watcher === own) watcher = undefined
    },
  }
}

function startWatcher(): Watcher {
  const child = load().spawn('sh', ['-c', watching, 'sh', ...anotherProgram()], {
    env: { ...process.env, PATH: searchPath().join(':') },
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  child.on('error', () => {})
  child.stdin.on('error', () => {})
  child.unref()
  return { tell: (line) => void child.stdin.write(line), end: () => void child.stdin.end(), last: 0, on: 0 }
}
