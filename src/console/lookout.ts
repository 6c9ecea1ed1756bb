// Looks for a text in what a guest says, in the stream and on the screen that the guest draws with it. The stream has what has
// scrolled away; on the screen there is whole what was drawn in parts, as menus are.
import { createVtReader, type VtSink } from './vt.js'
import { createVtScreen } from './vtscreen.js'
import { createVtText, type Placed, type VtText } from './vttext.js'

/** Finds all that is looked for in a text, each as [from, to]. Undefined where that takes too long. */
export type Find = (text: string) => readonly (readonly [from: number, to: number])[] | undefined

export interface Lookout {
  /** How many bytes it was given. */
  readonly count: number
  /** Takes what was said next. */
  push(piece: Buffer): void
  /** What comes from now on is new; only that is found. */
  begin(): void
  /** How far in the stream it was all there; undefined where it is not there yet, `too slow` where that could not be told. */
  seek(find: Find): number | 'too slow' | undefined
  /** Whether it was there before `begin`. */
  wasThere(find: Find): boolean
  /** What the screen shows. */
  lines(): string[]
}

export function createLookout(): Lookout {
  const screen = createVtScreen()
  let before: VtText | undefined
  let text = createVtText()
  let count = 0
  let since = 0
  const both = (tell: (sink: VtSink) => void): void => {
    tell(text)
    tell(screen)
  }
  const reader = createVtReader({
    print: (char, end) => both((sink) => sink.print(char, end)),
    control: (code, end) => both((sink) => sink.control(code, end)),
    sequence: (prefix, numbers, final, end) => both((sink) => sink.sequence(prefix, numbers, final, end)),
    escape: (body, end) => both((sink) => sink.escape(body, end)),
  })
  return {
    get count() {
      return count
    },
    push: (piece) => {
      reader.push(piece)
      count += piece.length
    },
    begin: () => {
      before = text
      text = createVtText()
      since = count
    },
    seek: (find) => {
      const said = text.now()
      const [first] = find(said.text) ?? [undefined]
      if (first !== undefined) return endIn(said, first) ?? since
      const shown = screen.now()
      const ends = find(shown.text)?.map((match) => endIn(shown, match) ?? 0)
      if (ends === undefined) return 'too slow'
      const fresh = ends.filter((end) => end > since)
      return fresh.length === 0 ? undefined : Math.min(...fresh)
    },
    wasThere: (find) => (find(before?.now().text ?? '') ?? []).length > 0,
    lines: () => screen.lines(),
  }
}

/** Where in the stream the last of a match was complete; undefined for an empty match at the begin. */
function endIn({ ends }: Placed, [from, to]: readonly [number, number]): number | undefined {
  const own = ends.slice(from === to ? Math.max(0, from - 1) : from, to)
  return own.length === 0 ? undefined : own.reduce((most, end) => Math.max(most, end), 0)
}

/** Finds a text as it is, wherever it stands. */
export function findText(wanted: string): Find {
  return (text) => {
    const found: [number, number][] = []
    for (let at = text.indexOf(wanted); at !== -1; at = text.indexOf(wanted, at + wanted.length))
      found.push([at, at + wanted.length])
    return found
  }
}
