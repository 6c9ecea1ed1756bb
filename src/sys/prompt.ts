import fs from 'node:fs'
import { isTerminal, write } from './output.js'

/** Asks a yes-or-no question on the terminal. Undefined where there is no terminal to ask on. */
export function ask(question: string): boolean | undefined {
  if (!isTerminal(0) || !isTerminal(2)) return undefined
  write(2, `${question} [y/N] `)
  return /^y(es)?$/i.test(interruptibly(readLine).trim())
}

/** Lets Ctrl-C end the program at once: while it waits in a system call, nobody would hear of a signal. Nothing is half done. */
function interruptibly<T>(work: () => T): T {
  const listeners = process.listeners('SIGINT')
  process.removeAllListeners('SIGINT')
  try {
    return work()
  } finally {
    for (const listener of listeners) process.on('SIGINT', listener)
  }
}

/** Reads one line of the terminal, byte by byte, so that nothing behind it is taken. */
function readLine(): string {
  const bytes: number[] = []
  const byte = Buffer.alloc(1)
  for (;;) {
    if (fs.readSync(0, byte) === 0) {
      // Ctrl-D, which moves no cursor.
      write(2, '\n')
      break
    }
    if (byte[0] === 0x0a) break
    bytes.push(byte[0] ?? 0)
  }
  return Buffer.from(bytes).toString('utf8')
}
