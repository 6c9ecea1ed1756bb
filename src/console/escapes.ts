// The text of `type`, with the escapes of C: what a shell's single quotes leave as it is.
import { UsageError } from '../core/errors.js'
import { quote } from '../core/quote.js'

/** Enter sends CR, as a terminal does: BIOS, boot menus and dialogs know nothing else; where LF is meant it is `\x0a`. */
const enter = '\r'

const letters: Readonly<Record<string, string>> = {
  n: enter,
  r: '\r',
  t: '\t',
  e: '\u001B',
  a: '\u0007',
  b: '\u0008',
  f: '\u000C',
  v: '\u000B',
  '0': '\0',
  '\\': '\\',
}

/** The bytes that are typed: UTF-8, with each escape as what it stands for. Throws a UsageError for one that means nothing. */
export function parseTyped(text: string): Buffer {
  const pieces = text.split(/(\\x[0-9A-Fa-f]{2}|\\u\{[0-9A-Fa-f]{1,6}\}|\\u[0-9A-Fa-f]{4}|\\[^]?|\r?\n)/)
  return Buffer.concat(pieces.map((piece, at) => (at % 2 === 0 ? Buffer.from(piece) : unescape(piece, text))))
}

function unescape(piece: string, text: string): Buffer {
  if (piece.endsWith('\n')) return Buffer.from(enter)
  const kind = piece.slice(1, 2)
  const digits = piece.slice(2).replace(/[{}]/g, '')
  if (kind === 'x' && digits !== '') return Buffer.from([Number.parseInt(digits, 16)])
  const code = Number.parseInt(digits, 16)
  if (kind === 'u' && code <= 0x10ffff) return Buffer.from(String.fromCodePoint(code))
  const letter = Object.hasOwn(letters, kind) ? letters[kind] : undefined
  if (letter !== undefined) return Buffer.from(letter)
  throw new UsageError(`${quote(piece)} in ${quote(text)} is not an escape`, {
    hints: ['these are: \\n \\r \\t \\e \\a \\b \\f \\v \\0 \\\\ \\xHH \\uHHHH; a backslash itself is \\\\'],
  })
}
