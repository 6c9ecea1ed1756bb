// Reads what a guest sends to its terminal: characters, and the control sequences among them. Nothing is drawn here; `vtscreen` and
// `vttext` do that. Sources: ECMA-48, https://vt100.net/emu/dec_ansi_parser, console_codes(4).
import { characterEnd } from './controls.js'

/** Takes what was read. `end` is how many bytes of the stream have been read by then. */
export interface VtSink {
  /** One character, as it is shown: line drawing is `─` and `│`, a byte that is not UTF-8 is U+FFFD. */
  print(char: string, end: number): void
  /** A control character that moves the cursor: BS, HT, LF, VT, FF, CR. */
  control(code: number, end: number): void
  /** `ESC [ ? 25 h` as prefix `?`, numbers `[25]`, final `h`. A number that is left out is 0. */
  sequence(prefix: string, numbers: readonly number[], final: string, end: number): void
  /** `ESC 7` as `7`. */
  escape(body: string, end: number): void
}

/** One stream. What is cut between two pieces is put together again; a sequence of more than some KB is ignored. */
export interface VtReader {
  push(piece: Buffer): void
}

const [BEL, BS, LF, CR, SO, SI, CAN, SUB, ESC] = [0x07, 0x08, 0x0a, 0x0d, 0x0e, 0x0f, 0x18, 0x1a, 0x1b]

/** So long is a sequence or a string at most; what comes after is shown again: it was noise. */
const longestSequence = 64
const longestString = 4096

/** What DEC's line drawing shows in place of `` ` `` to `~`. */
const drawing = Array.from('◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·')

type State = 'text' | 'escape' | 'sequence' | 'command' | 'string' | 'palette'

/** Makes a reader with a state of its own. */
export function createVtReader(sink: VtSink): VtReader {
  let state: State = 'text'
  let body = ''
  /** Bytes of a string, or digits of a palette, that have come. */
  let count = 0
  let cut: Buffer = Buffer.alloc(0)
  let read = 0
  /** The character sets G0 and G1, and which of the two is used. */
  const sets = ['B', 'B']
  let used = 0

  const enter = (next: State): void => {
    state = next
    body = ''
    count = 0
  }
  const show = (char: string): void => {
    sink.print(sets[used] === '0' ? (drawing[char.charCodeAt(0) - 0x60] ?? char) : char, read)
  }
  /** Controls of one byte more (C1) are letters in guests that write no UTF-8; as UTF-8 nobody sends them. */
  const showWide = (char: string): void => {
    if (char > '\u009F') sink.print(char, read)
  }
  const control = (byte: number): void => {
    if (byte === SO) used = 1
    else if (byte === SI) used = 0
    else if (byte >= BS && byte <= CR) sink.control(byte, read)
  }
  const escape = (byte: number): void => {
    body += String.fromCharCode(byte)
    if (body === '[') enter('sequence')
    else if (body === ']') enter('command')
    else if (/^[PX^_]$/.test(body)) enter('string')
    else if (byte >= 0x30) {
      const [kind = '', set = ''] = body
      if (kind === '(' || kind === ')') sets[kind === '(' ? 0 : 1] = set
      if (body === 'c') {
        sets.fill('B')
        used = 0
      }
      sink.escape(body, read)
      enter('text')
    }
  }
  const sequence = (byte: number): void => {
    body += String.fromCharCode(byte)
    if (byte < 0x40) return
    const { prefix, numbers } = /^(?<prefix>[<=>?]?)(?<numbers>[\d:;]*)[@-~]$/.exec(body)?.groups ?? {}
    // One with intermediates (`ESC [ 0 SP q`) sets something that is not seen here.
    if (prefix !== undefined) sink.sequence(prefix, parameters(numbers ?? ''), body.slice(-1), read)
    enter('text')
  }
  /** Within an OSC, up to BEL or ESC; the Linux console's own have no end. */
  const command = (byte: number): void => {
    count++
    if (count === 1 && byte === 0x50) enter('palette')
    else if (byte === BEL || (count === 1 && byte === 0x52) || count > longestString) enter('text')
  }
  /** A byte of ASCII. */
  const take = (byte: number): void => {
    if (byte === ESC) enter('escape')
    else if (byte === CAN || byte === SUB) enter('text')
    else if (state === 'command') {
      // No command has a line's end in it: this one was noise, or cut off by a reboot.
      if (byte === LF) {
        enter('text')
        control(byte)
      } else command(byte)
    } else if (state === 'string') {
      if (++count > longestString) enter('text')
    } else if (state === 'palette') {
      if (++count === 7) enter('text')
    } else if (byte < 0x20) control(byte)
    else if (byte === 0x7f) return
    else if (state === 'text') show(String.fromCharCode(byte))
    else if (body.length >= longestSequence) enter('text')
    else if (state === 'escape') escape(byte)
    else sequence(byte)
  }
  const push = (piece: Buffer): void => {
    const chunk = cut.length === 0 ? piece : Buffer.concat([cut, piece])
    cut = Buffer.alloc(0)
    for (let at = 0; at < chunk.length;) {
      const byte = chunk[at] ?? 0
      const end = byte < 0x80 ? at + 1 : characterEnd(chunk, at)
      if (end === undefined) {
        cut = Buffer.from(chunk.subarray(at))
        return
      }
      read += end - at
      if (byte < 0x80) take(byte)
      else if (state === 'text') showWide(end === at + 1 ? '\uFFFD' : chunk.toString('utf8', at, end))
      else if (state !== 'string' && state !== 'command') enter('text')
      at = end
    }
  }
  return { push }
}

/** `1;31` as numbers, bounded as terminals do. Sub-parameters (`38:2:1`) only colour. */
function parameters(text: string): number[] {
  return text.split(';').map((number) => Math.min(Number.parseInt(number, 10) || 0, 9999))
}
