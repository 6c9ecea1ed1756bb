// Regular expressions that somebody else wrote: some need years for a short text.
import type * as vm from 'node:vm'

/** Finds what a pattern matches in a text, each match as [from, to]. Undefined where that took longer than `timeoutMs`. */
export type Finder = (text: string, timeoutMs: number) => (readonly [from: number, to: number])[] | undefined

const mostMatches = 1000

/**
 * A finder for a pattern with the flag `g`, which V8 breaks off when time is up.
 * https://nodejs.org/api/vm.html#scriptrunincontextcontextifiedobject-options
 */
export function finderOf(pattern: RegExp): Finder {
  const { createContext, Script }: typeof vm = process.getBuiltinModule('node:vm')
  const given = createContext({ pattern, text: '', most: mostMatches })
  const script = new Script(`{
    const found = []
    for (const match of text.matchAll(pattern)) {
      if (found.length === most) break
      found.push([match.index, match.index + match[0].length])
    }
    found
  }`)
  return (text, timeoutMs) => {
    given['text'] = text
    try {
      // The least that there is.
      return script.runInContext(given, { timeout: Math.max(1, Math.ceil(timeoutMs)) }) as [number, number][]
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return undefined
      throw error
    }
  }
}
