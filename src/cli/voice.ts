import { environment } from '../sys/environment.js'
import { isTerminal, write } from '../sys/output.js'
import type { Context } from '../action/verb.js'

/**
 * How one VM's actions speak: results on stdout, notes on stderr, and progress on one line of the terminal. With several
 * VMs side by side each line bears its VM's id.
 */
export function voice(prefix: string | undefined): Pick<Context, 'out' | 'note' | 'progress' | 'isTerminal'> {
  const say = (fd: 1 | 2) => (text: string) => write(fd, prefixed(text, prefix))
  // Asked for when it is needed: most actions never draw, and node:tty takes 3 ms to load.
  const draws = (): boolean => prefix === undefined && environment['TERM'] !== 'dumb' && isTerminal(2)
  return {
    out: say(1),
    note: say(2),
    // Back to the line's begin, then erase to its end.
    progress: (line) => (draws() ? write(2, `\r\u001B[K${line ?? ''}`) : undefined),
    isTerminal: () => isTerminal(1),
  }
}

function prefixed(text: string, prefix: string | undefined): string {
  if (prefix === undefined) return `${text}\n`
  const bare = text.startsWith(`${prefix}: `) ? text.slice(prefix.length + 2) : text
  return bare
    .split('\n')
    .map((line) => `${prefix}: ${line}\n`)
    .join('')
}
