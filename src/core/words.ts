import { UsageError } from './errors.js'
import { quote } from './quote.js'

/**
 * Splits a string into words as a shell would: blanks separate, single quotes, double quotes and backslashes keep
 * them together. Nothing is expanded. Throws UsageError for a quote that is never closed.
 */
export function splitWords(text: string): string[] {
  const words: string[] = []
  let word: string | undefined
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at)
    if (char === "'" || char === '"') {
      const end = closingQuote(text, at)
      word = (word ?? '') + unescape(text.slice(at + 1, end), char)
      at = end
    } else if (char === '\\' && at + 1 < text.length) {
      const next = text.charAt(++at)
      // A backslash at the end of a line joins it with the next.
      if (next !== '\n') word = (word ?? '') + next
    } else if (/[ \t\n]/.test(char)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else {
      word = (word ?? '') + char
    }
  }
  if (word !== undefined) words.push(word)
  return words
}

function closingQuote(text: string, open: number): number {
  const mark = text.charAt(open)
  for (let at = open + 1; at < text.length; at++) {
    if (text[at] === mark) return at
    if (mark === '"' && text[at] === '\\') at++
  }
  throw new UsageError(`unclosed ${mark} in ${quote(text)}`)
}

function unescape(quoted: string, mark: string): string {
  return mark === "'" ? quoted : quoted.replace(/\\([\\"$`\n])/g, (_, char: string) => (char === '\n' ? '' : char))
}

/** Writes a word so that a POSIX shell reads it back as it is: bare where that is safe, else in single quotes. */
export function quoteWord(word: string): string {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return word
  return `'${word.replaceAll("'", `'\\''`)}'`
}

/** A whole command, each word quoted where it must be, on one line. */
export function quoteWords(words: readonly string[]): string {
  return words.map(quoteWord).join(' ')
}
