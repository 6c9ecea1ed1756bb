/** So long a line is shown: a QEMU command fits, a flood does not. */
const longestLine = 16 * 1024

const mostLines = 500

/** Controls but line feed and tab: C0, DEL, C1; and what turns the direction of text around (Unicode's bidi controls). */
// oxlint-disable-next-line no-control-regex
const unprintable = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/g

/**
 * Text that may hold the words of somebody else (a guest, QEMU, an image, a file that another user can write) as it may stand
 * on a terminal: nothing in it moves the cursor, asks the terminal or hides what is written. Each such character becomes a `?`.
 */
export function printable(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(unprintable, '?')
}

/**
 * Whether a text stands as it is, on one line, in whatever it is written into: a terminal, a comment, a document that somebody else
 * reads. Beside controls that is what XML does not know and what YAML takes for the end of a line.
 */
export function isPlainLine(text: string): boolean {
  return text.search(unprintable) === -1 && !/[\n\t\u2028\u2029\p{Cs}\uFFFE\uFFFF]/u.test(text)
}

/** The same, bounded, for messages: each line is cut at `longest` characters, and of very many lines the first are taken. */
export function printableMessage(text: string, longest = longestLine): string {
  // First, so that the work is bounded too.
  const lines = text.slice(0, mostLines * longest).split('\n', mostLines + 1)
  const shown = lines.slice(0, mostLines).map((line) => (line.length > longest ? `${line.slice(0, longest)}...` : line))
  return printable([...shown, ...(lines.length > mostLines ? ['...'] : [])].join('\n'))
}
