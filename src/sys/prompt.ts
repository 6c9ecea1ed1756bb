import fs from 'node:fs'
import { errorCode } from '../core/errors.js'
import { isTerminal, sleepSync, write } from './output.js'

/** Asks a yes-or-no question on the terminal. Undefined where there is no terminal to ask on. */
export function ask(question: string): boolean | undefined {
  if (!isTerminal(0) || !isTerminal(2)) return undefined
  // Whoever reads the question may end it at once.
  const answer = interruptibly(() => {
    write(2, `${question} [y/N] `)
    return readLine()
  })
  return /^y(es)?$/i.test(answer.trim())
}

const deadly = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Lets signals end the program at once: while it waits in a system call, nobody would hear of them. Nothing is half done. */
function interruptibly<T>(work: () => T): T {
  const heard = deadly.map((name) => [name, process.listeners(name)] as const)
  for (const name of deadly) process.removeAllListeners(name)
  try {
    return work()
  } finally {
    for (const [name, listeners] of heard) for (const listener of listeners) process.on(name, listener)
  }
}

const pollMs = 20

/** Reads one line of the terminal, byte by byte, so that nothing after it is taken. A terminal that is gone says no more. */
function readLine(): string {
  const bytes: number[] = []
  for (let byte = readByte(); byte !== LF; byte = readByte()) {
    if (byte === undefined) {
      // Ctrl-D, which moves no cursor.
      write(2, '\n')
      break
    }
    bytes.push(byte)
  }
  return Buffer.from(bytes).toString('utf8')
}

const LF = 0x0a

/** The next byte of stdin; undefined at its end. */
function readByte(): number | undefined {
  const byte = Buffer.alloc(1)
  for (;;) {
    try {
      return fs.readSync(0, byte) === 0 ? undefined : byte[0]
    } catch (error) {
      // A console before, in the same line, left it not waiting.
      if (errorCode(error) === 'EAGAIN') sleepSync(pollMs)
      else if (errorCode(error) === 'EIO') return undefined
      else throw error
    }
  }
}
