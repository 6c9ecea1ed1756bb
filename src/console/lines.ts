/** Makes the lines that a line editor draws (QEMU's monitor: letters, cursor movements, erasures) plain text, for a pipe. */
export interface Lines {
  /** The lines that are complete by now. */
  readonly push: (chunk: Buffer) => Buffer
  /** What is there of the last one; nothing of a mere prompt, which waits for more. */
  readonly rest: () => Buffer
}

/** No editor has longer ones; what comes after that is not part of the line. */
const longestLine = 64 * 1024

/** A control sequence, another escape sequence, one that is not complete yet, a control character, or text. */
// oxlint-disable-next-line no-control-regex
const token = /\u001B\[([0-9;?]*)([@-~])|\u001B[^[]|\u001B(?:\[[0-9;?]*)?$|[\u0000-\u001F\u007F]|[^\u0000-\u001F\u007F]+/g

export function createLines(): Lines {
  let line = ''
  let cursor = 0
  let unfinished = ''

  const move = (to: number): void => {
    cursor = Math.min(Math.max(to, 0), line.length)
  }
  const draw = (text: string): void => {
    line = (line.slice(0, cursor) + text + line.slice(cursor + text.length)).slice(0, longestLine)
    move(cursor + text.length)
  }
  const obey = (parameter: string, final: string): void => {
    const count = Number(parameter) || 1
    if (final === 'D') move(cursor - count)
    else if (final === 'C') move(cursor + count)
    else if (final === 'K') line = line.slice(0, cursor)
  }
  /** Takes one token; returns a line that it ends. */
  const take = (text: string, parameter: string | undefined, final: string | undefined): string => {
    if (final !== undefined) obey(parameter ?? '', final)
    else if (text === '\n') {
      const done = line
      line = ''
      cursor = 0
      return `${done}\n`
    } else if (text === '\r') move(0)
    else if (text === '\b') move(cursor - 1)
    else if (text === '\t' || text >= ' ') draw(text)
    return ''
  }
  return {
    push: (chunk) => {
      const text = unfinished + chunk.toString('latin1')
      unfinished = ''
      let done = ''
      for (const [whole, parameter, final] of text.matchAll(token)) {
        // It came to the chunk's end, so the rest may follow.
        if (final === undefined && /^\W(?:\[|$)/.test(whole) && whole.startsWith('\u001B') && whole.length < 64)
          unfinished = whole
        else done += take(whole, parameter, final)
      }
      return Buffer.from(done, 'latin1')
    },
    rest: () => Buffer.from(/^\(qemu\) *$/.test(line) || line === '' ? '' : `${line}\n`, 'latin1'),
  }
}
