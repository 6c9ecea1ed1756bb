// What a word of a settings file is made of, once it is read, and what may stand in it where.
import type { Position } from './source.js'

export type Part =
  | { readonly kind: 'text'; readonly text: string; readonly quoted: boolean }
  | { readonly kind: 'home' }
  | {
      readonly kind: 'variable'
      readonly name: string
      /** Inside double quotes: its value is never split. */
      readonly quoted: boolean
      /** What stands for an unset or empty variable: the `word` of `${x:-word}`. */
      readonly fallback?: Word
      readonly position: Position
    }
  /** `"${x[@]}"` as a whole element of an array: every element of `x`, as it is. */
  | { readonly kind: 'elements'; readonly name: string; readonly position: Position }

export type Word = readonly Part[]

/** What ends a word in its surroundings, and what may not stand in it bare. */
export interface WordRules {
  readonly ends: string
  readonly refused: string
  /** A `~` is the home folder after each `:` too, as bash does it in assignments only. */
  readonly isAssignment: boolean
  /** `"${x[@]}"` may be written. */
  readonly isElement?: boolean
  /** The word of a bare `${x:-word}` in an array. */
  readonly isSplitDefault?: boolean
}

export const valueRules: WordRules = { ends: ' \t\n;', refused: '&|<>()', isAssignment: true }
export const exportRules: WordRules = { ends: ' \t\n;', refused: '&|<>(){}', isAssignment: true }
export const elementRules: WordRules = { ends: ' \t\n)', refused: ';&|<>({}*?[', isAssignment: false, isElement: true }
export const fileRules: WordRules = { ends: ' \t\n;', refused: '&|<>(){}*?[', isAssignment: false }

/** Adds text to what has been read of a word, joined with its like. */
export function addText(parts: Part[], text: string, quoted: boolean): void {
  const last = parts.at(-1)
  if (last?.kind === 'text' && last.quoted === quoted) parts[parts.length - 1] = { ...last, text: last.text + text }
  else parts.push({ kind: 'text', text, quoted })
}
