// Shell patterns: `*`, `?`, `[a-c]`, `[!a]`, `[[:digit:]]` and `\`, as bash's `case` matches them.

/** Whether one character fits. */
type Fits = (char: string) => boolean

/** `*` is the star, anything else one character. */
type Token = '*' | Fits

/** No name is as long, so no longer pattern needs to be read. */
const longestPattern = 1000

/** Whether a text is more than a name. */
export function isGlob(text: string): boolean {
  return /[*?[]/.test(text)
}

/**
 * A pattern as a function that says whether a name fits. There is no wrong pattern: a `[` that is never closed stands for itself,
 * and a range whose end comes before its start, `[z-a]`, fits nothing. Takes at most pattern times name steps.
 */
export function globMatcher(pattern: string): (name: string) => boolean {
  if (pattern.length > longestPattern) return () => false
  const tokens = tokensOf(pattern)
  return (name) => {
    let [at, token] = [0, 0]
    // Where the last star stands, and how much of the name it has taken: more is tried only of that one.
    let [star, taken] = [-1, 0]
    while (at < name.length) {
      const now = tokens[token]
      if (now === '*') [star, taken, token] = [token, at, token + 1]
      else if (now?.(name.charAt(at)) === true) [at, token] = [at + 1, token + 1]
      else if (star === -1) return false
      else [at, taken, token] = [taken + 1, taken + 1, star + 1]
    }
    return tokens.slice(token).every((rest) => rest === '*')
  }
}

function tokensOf(pattern: string): Token[] {
  const tokens: Token[] = []
  for (let at = 0; at < pattern.length;) {
    const char = pattern.charAt(at)
    const bracket = char === '[' ? bracketAt(pattern, at + 1) : undefined
    const isEscape = char === '\\' && at + 1 < pattern.length
    if (bracket !== undefined) tokens.push(bracket.fits)
    else if (char === '*') tokens.push('*')
    else tokens.push(char === '?' ? () => true : same(isEscape ? pattern.charAt(at + 1) : char))
    at = bracket?.next ?? at + (isEscape ? 2 : 1)
  }
  return tokens
}

function same(char: string): Fits {
  return (other) => other === char
}

/** The set whose `[` stands just before `from`, and where the pattern goes on; undefined when it is never closed. */
function bracketAt(pattern: string, from: number): { readonly fits: Fits; readonly next: number } | undefined {
  const isNegated = '!^'.includes(pattern.charAt(from)) && from < pattern.length
  const first = isNegated ? from + 1 : from
  const parts: Fits[] = []
  for (let at = first; at < pattern.length;) {
    if (pattern[at] === ']' && at > first) {
      return { fits: (char) => parts.some((part) => part(char)) !== isNegated, next: at + 1 }
    }
    const kind = /\[:(?<name>[a-z]+):\]/y
    kind.lastIndex = at
    const name = kind.exec(pattern)?.groups?.['name']
    if (name !== undefined) {
      const shape = kinds[name]
      parts.push((char) => shape?.test(char) === true)
      at = kind.lastIndex
      continue
    }
    const low = charAt(pattern, at)
    const isRange = pattern[low.next] === '-' && low.next + 1 < pattern.length && pattern[low.next + 1] !== ']'
    const high = isRange ? charAt(pattern, low.next + 1) : low
    parts.push((char) => low.char <= char && char <= high.char)
    at = high.next
  }
  return undefined
}

/** One character of a set, a backslash before it left out. */
function charAt(pattern: string, at: number): { readonly char: string; readonly next: number } {
  const from = pattern[at] === '\\' && at + 1 < pattern.length ? at + 1 : at
  return { char: pattern.charAt(from), next: from + 1 }
}

const kinds: Readonly<Record<string, RegExp>> = {
  alnum: /[A-Za-z0-9]/,
  alpha: /[A-Za-z]/,
  digit: /[0-9]/,
  lower: /[a-z]/,
  punct: /[!-/:-@[-`{-~]/,
  upper: /[A-Z]/,
}
