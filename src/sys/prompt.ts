import fs from 'node:fs'
import { isTerminal, write } from './output.js'

/** Asks a yes-or-no question on the terminal. Undefined where there is no terminal to ask on. */
export function ask(question: string): boolean | undefined {
  if (!isTerminal(0) || !isTerminal(2)) return undefined
  write(2, `${question} [y/N] `)
  return /^y(es)?$/i.test(readLine().trim())
}

/** Reads one line of the terminal, byte by byte, so that nothing behind it is taken. */
function readLine(): string {
  const bytes: number[] = []
  const byte = Buffer.alloc(1)
  while (fs.readSync(0, byte) === 1 && byte[0] !== 0x0a) bytes.push(byte[0] ?? 0)
  return Buffer.from(bytes).toString('utf8')
}
