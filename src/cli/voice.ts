import { printable, printableMessage } from '../core/text.js'
import { environment } from '../sys/environment.js'
import { isTerminal, write } from '../sys/output.js'
import type { Voice } from './world.js'

/** What the caller calls this machine, where it is one of several that a line is about: remote/command.ts. */
export const calledAs = environment['NBSVM_AS'] || undefined

/** Where files of the caller's are, on another machine: remote/mirror.ts. */
const mirror = environment['NBSVM_MIRROR'] || undefined

/** Words about files, with the paths that they have where the line was typed. */
export function asTyped(text: string): string {
  return mirror === undefined ? text : text.replaceAll(mirror, '')
}

/** What each line of a VM's begins with; nothing where it is the only one that speaks. */
export function nameAmong(id: string, isOneOfMany: boolean): string | undefined {
  if (calledAs !== undefined) return `${calledAs}:${id}`
  return isOneOfMany ? id : undefined
}

/** Whether what is written there ends on a terminal, be it that of another machine, whose nbsvm says so: remote/command.ts. */
function endsOnTerminal(fd: 1 | 2): boolean {
  return environment['NBSVM_TERMINALS']?.includes(String(fd)) === true || isTerminal(fd)
}

/**
 * How one VM's actions speak: results on stdout, notes on stderr, and progress on one line of the terminal. With several
 * VMs side by side each line bears its VM's id.
 */
export function voice(prefix: string | undefined): Voice {
  let isDrawn = false
  const draw = (line: string): void => {
    // Back to the line's begin, then erase to its end.
    write(2, `\r\u001B[K${line}`)
    isDrawn = line !== ''
  }
  const say = (fd: 1 | 2, text: string): void => {
    if (isDrawn) draw('')
    write(fd, prefixed(text, prefix))
  }
  // Asked for when it is needed: most actions never draw, and node:tty takes 3 ms to load.
  const draws = (): boolean => prefix === undefined && environment['TERM'] !== 'dumb' && endsOnTerminal(2)
  return {
    // Also into a pipe, which may well end on a terminal: `ssh host nbsvm ls`.
    out: (text) => say(1, printable(asTyped(text))),
    outRaw: (text) => say(1, text),
    outBytes: (fd, bytes) => {
      if (prefix === undefined) write(fd, bytes)
      else if (bytes.length > 0) say(fd, bytes.toString().replace(/\n$/, ''))
    },
    note: (text) => say(2, printableMessage(asTyped(text))),
    progress: (line) => (draws() ? draw(printableMessage(line ?? '')) : undefined),
    isTerminal: () => endsOnTerminal(1),
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
