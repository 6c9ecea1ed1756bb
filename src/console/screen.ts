// What is written to the user's terminal before and after a guest has it.
import { createFilter } from './filter.js'
import { noTraces, type Traces } from './sequence.js'

/**
 * The last `rows` lines of a console's log, as they can be shown on any terminal, so that one sees the prompt that was
 * printed before one came. Colours are kept; cursor movements, modes and titles only made sense when they were sent.
 */
export function lastLines(log: string, rows: number): string {
  const [first = '', ...others] = createFilter().push(Buffer.from(log)).toString('utf8').split('\u001B')
  const text = first + others.map(withoutSequence).join('')
  const lines = text.split(/\r*\n/).slice(-rows)
  return lines.every((line) => line === '') ? '' : `${lines.join('\r\n')}\u001B[m`
}

/** What follows an ESC, without the sequence that it began, unless that is a colour. */
function withoutSequence(text: string): string {
  if (/^\[[0-9;:]*m/.test(text)) return `\u001B${text}`
  // A string ends with BEL, or with the next ESC.
  if (text.startsWith(']')) return text.includes('\u0007') ? text.slice(text.indexOf('\u0007') + 1) : ''
  return text.replace(/^(?:\[[0-?]*[ -/]*[@-~]|[ -/]*[0-~])/, '')
}

/**
 * Ends a string that was left open (ST), then switches off what a guest may have left switched on, harmless where it was
 * off: colours, insert mode, newline mode, local echo (SRM); application keys, reverse video, mouse reporting (9, 1000 to
 * 1016), focus reports (1004), bracketed paste (2004), colour reports (2031), held drawing (2026); then autowrap, key
 * repeat and the cursor on, keypad and character sets as usual.
 */
const always =
  '\u001B\\\u001B[m\u001B[4;20l\u001B[12h' +
  '\u001B[?1;5;9;1000;1002;1003;1004;1005;1006;1015;1016;2004;2026;2031l' +
  '\u001B[?7;8;25h\u001B>\u001B(B\u001B)0\u000F'

/** What stands below the cursor by now is left of a guest's menu. */
const belowGone = '\u001B[J'

/**
 * The bytes that give the user's terminal back as it was, with the cursor at the begin of a line of its own. What moves
 * the cursor is sent only where the guest made it necessary.
 */
export function resetSequence(traces: Readonly<Traces>): string {
  let bytes = always
  // Leaving an alternate screen that was never entered would put the cursor where it was saved last, if ever.
  if (traces.alternate) bytes += '\u001B[?1049l'
  if (traces.margins) bytes += '\u001B[?6l\u001B[?69l\u001B[r\u001B[999;1H'
  if (traces.cursorShape) bytes += '\u001B[0 q'
  return `${bytes}\r\n${belowGone}`
}

/**
 * The same where nobody knows what was changed: the usual screen (1047 does nothing where it is shown, and leaves the cursor alone), and
 * no margins, which would move the cursor.
 */
export const leftSequence = `\u001B\\\u001B[?1047l\u001B7\u001B[r\u001B8${resetSequence(noTraces())}`

/** The last `count` lines of a console's log that say anything, as plain text for a message. */
export function lastPlainLines(log: string, count: number): string[] {
  // oxlint-disable-next-line no-control-regex
  const text = lastLines(log, 500).replaceAll(/\u001B\[[0-9;:]*m/g, '')
  const lines = text.split('\n').map((line) => line.slice(line.trimEnd().lastIndexOf('\r') + 1).trim())
  return lines.filter((line) => line !== '').slice(-count)
}
