import { createFilter } from './filter.js'

/**
 * The last `rows` lines of a console's log, as they can be shown on any terminal, so that one sees the prompt that was
 * printed before one came. Colours are kept; cursor movements, modes and titles only made sense when they were sent.
 */
export function recall(log: string, rows: number): string {
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
