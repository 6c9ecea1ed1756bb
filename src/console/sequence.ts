// Which control sequences of a guest reach the user's terminal. Sources: https://invisible-island.net/xterm/ctlseqs/ctlseqs.html,
// the manuals of VTE, kitty, iTerm2 and Windows Terminal.

/** What a guest has switched on that only the right sequence switches off again, see `screen.ts`. */
export interface Traces {
  /** It draws on the alternate screen. */
  alternate: boolean
  /** It set a scroll region, margins or the origin: giving them back moves the cursor. */
  margins: boolean
  /** It changed the cursor's shape. */
  cursorShape: boolean
}

/** The parts of `ESC [ ? 1049 h`: prefix `?`, parameters `1049`, no intermediates, final `h`. */
const shape = /^(?<prefix>[<=>?]?)(?<parameters>[0-9:;]*)(?<intermediates>[ -/]*)(?<final>[@-~])$/

/**
 * Sequences that never pass, by prefix, intermediates and final.
 * - Answered: DA (`c`, `>c`, `=c`), XTVERSION (`>q`), DECRQM (`$p`, `?$p`), DECREQTPARM (`x`), DECTST (`y`), DECRQCRA (`*y`),
 *   DECRQTSR, DECRQPSR, DECRQDE, DECRQUPSS, DECSR (`$u $w "v &u +p`), the locator's (`'w 'z '{ '|`), xterm's reports (`?S #S #R
 *   #| ?m ?g`), kitty's keyboard query (`?u`). DSR and window reports go with their final letter, see below.
 * - Changing what keys send, so that Ctrl-] would not be Ctrl-] any more: `>m >f` and kitty's `>u <u =u`.
 * - Switching to 8-bit controls: DECSCL (`"p`).
 */
const droppedKinds = new Set(
  `c >c =c >q $p ?$p "p +p x y *y $u &u $w 'w 'z '{ '| "v ?S #S #R #| ?m ?g >m >f ?u >u <u =u`.split(' '),
)

/** DSR in all forms, and media copy, which prints, or sends all that follows to the printer. */
const droppedFinals = new Set(['n', 'i'])

/**
 * Modes that never pass: 1001 (the terminal waits for an answer and hangs), 2048 (reports the size at once), 9001 (keys as
 * records); KAM (2) locks the keyboard, and DECANM (?2) off makes the terminal a VT52.
 */
const droppedModes = new Set(['?1001h', '?2048h', '?9001h', '?2l', '2h'])

const alternateModes = new Set(['47', '1047', '1049'])

/**
 * Says whether a control sequence may pass; `body` is all behind `ESC [`, control characters in it left out. Marks in
 * `traces` what it leaves behind.
 */
export function mayPass(body: string, traces: Traces): boolean {
  const groups = shape.exec(body)?.groups
  // What is no well-formed sequence means something else to every terminal.
  if (groups === undefined) return false
  const { prefix = '', parameters = '', intermediates = '', final = '' } = groups
  const kind = prefix + intermediates + final
  if (droppedKinds.has(kind) || droppedFinals.has(final)) return false
  // Window reports and manipulation; DECRARA ($t) and DECSWBV ( t) are none.
  if (final === 't' && intermediates === '') return false
  const numbers = parameters.split(';').map((text) => text.replace(/^0+(?=.)/, ''))
  if ((final === 'h' || final === 'l') && numbers.some((number) => droppedModes.has(prefix + number + final))) return false
  trace(kind, numbers, traces)
  return true
}

function trace(kind: string, numbers: readonly string[], traces: Traces): void {
  if (kind === '?h' || kind === '?l') {
    if (numbers.some((number) => alternateModes.has(number))) traces.alternate = kind === '?h'
    if (kind === '?h' && (numbers.includes('6') || numbers.includes('69'))) traces.margins = true
  }
  if (kind === 'r') traces.margins = true
  if (kind === ' q') traces.cursorShape = true
}

/**
 * Says whether an escape sequence that is no control sequence may pass; `body` is all behind `ESC`. Dropped: DECID (`Z`),
 * which is answered; S8C1T (` G`); leaving UTF-8 (`%@`), after which other bytes would be controls; and a full reset (`c`),
 * which SeaBIOS sends at each boot, and with which some terminals forget what was written before nbsvm ran.
 */
export function mayPassEscape(body: string): boolean {
  return body !== 'Z' && body !== 'c' && body !== ' G' && (!body.startsWith('%') || body === '%G')
}

export function noTraces(): Traces {
  return { alternate: false, margins: false, cursorShape: false }
}

/** Titles (0, 1, 2), the folder (7), links (8), marks of prompts (133), progress (9;4): shown, never answered. */
const plainCommands = /^(?:0|1|2|7|8|133|9;4);/

/** Colours and the pointer's shape: `?` asks for them. 104 and 110 to 119 set them back. */
const askingCommands = /^(?:4|5|1[0-9]|22|104|105|11[0-9])(?:;[^?]*)?$/

/**
 * Says whether an OSC string may pass; `body` is what stands between `ESC ]` and its end, one character a byte. Only what
 * is known to be harmless does: the clipboard (52), fonts, files and reports of iTerm2 (1337), notifications, are not.
 */
export function mayPassString(body: string): boolean {
  if (!plainCommands.test(body) && !askingCommands.test(body)) return false
  return !hasControl(body)
}

/**
 * A control character in the string, be it C1, as a byte of its own or as UTF-8, would end it for some terminals and begin
 * another. Bytes that are no UTF-8 count as such.
 */
function hasControl(bytes: string): boolean {
  return /[\p{Cc}\uFFFD]/u.test(Buffer.from(bytes, 'latin1').toString('utf8'))
}
