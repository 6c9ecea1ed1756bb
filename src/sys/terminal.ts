// The user's own terminal, borrowed and given back as it was.
import { isTerminal, write } from './output.js'
import { sleep } from './process.js'

/** A terminal in raw mode: every key is a byte, Ctrl-C among them. */
export interface RawTerminal {
  /** Gives the terminal back: modes, cursor, colours; what it still answers is swallowed. */
  restore(): Promise<void>
}

/**
 * Switches off what a guest may have left switched on: alternate screen (1047, which unlike 1049 leaves the cursor where it
 * is), mouse, bracketed paste, focus reports, application keys, scroll region, wrap, character set, colours, hidden cursor.
 * https://invisible-island.net/xterm/ctlseqs/ctlseqs.html
 */
const calm =
  '\u001B[?1047l\u001B[?1000l\u001B[?1002l\u001B[?1003l\u001B[?1006l\u001B[?2004l\u001B[?1004l' +
  '\u001B[?1l\u001B>\u001B7\u001B[r\u001B8\u001B[?7h\u001B(B\u000F\u001B[0m\u001B[?25h'

/** How long answers to what the guest asked may still come in. */
const drainMs = 200

/** Puts the terminal into raw mode; whatever ends the program, it is put back. */
export function rawTerminal(onBytes: (bytes: Buffer) => void): RawTerminal {
  const { stdin } = process
  const back = (): void => {
    if (isTerminal(1)) write(1, calm)
    stdin.setRawMode(false)
  }
  stdin.setRawMode(true)
  stdin.on('data', onBytes)
  process.on('exit', back)
  return {
    restore: async () => {
      stdin.off('data', onBytes)
      stdin.on('data', () => {})
      if (isTerminal(1)) write(1, calm)
      await sleep(drainMs)
      process.off('exit', back)
      stdin.setRawMode(false)
      stdin.removeAllListeners('data')
      stdin.pause()
      stdin.unref()
    },
  }
}
