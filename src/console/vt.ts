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
  return new Reader(sink)
}

class Reader implements VtReader {
  readonly #sink: VtSink
  #state: State = 'text'
  /** What has come of an escape or a control sequence. */
  #body = ''
  /** Bytes of a string, or digits of a palette, that have come. */
  #count = 0
  /** A character that is not all there yet. */
  #cut: Buffer = Buffer.alloc(0)
  #read = 0
  /** The character sets G0 and G1, and which of the two is used. */
  #sets = ['B', 'B']
  #used = 0

  constructor(sink: VtSink) {
    this.#sink = sink
  }

  push(piece: Buffer): void {
    const chunk = this.#cut.length === 0 ? piece : Buffer.concat([this.#cut, piece])
    this.#cut = Buffer.alloc(0)
    for (let at = 0; at < chunk.length;) {
      const byte = chunk[at] ?? 0
      const end = byte < 0x80 ? at + 1 : characterEnd(chunk, at)
      if (end === undefined) {
        this.#cut = Buffer.from(chunk.subarray(at))
        return
      }
      this.#read += end - at
      if (byte < 0x80) this.#take(byte)
      else this.#takeCharacter(end === at + 1 ? '\uFFFD' : chunk.toString('utf8', at, end))
      at = end
    }
  }

  /** Takes what is no byte of ASCII. Controls of one byte more (C1) are letters in guests that write no UTF-8. */
  #takeCharacter(char: string): void {
    if (this.#state === 'text') {
      if (char > '\u009F') this.#sink.print(char, this.#read)
    } else if (this.#state !== 'string' && this.#state !== 'command') this.#enter('text')
  }

  #take(byte: number): void {
    if (byte === ESC) this.#enter('escape')
    else if (byte === CAN || byte === SUB) this.#enter('text')
    else if (this.#state === 'command') this.#inCommand(byte)
    else if (this.#state === 'string') {
      if (++this.#count > longestString) this.#enter('text')
    } else if (this.#state === 'palette') {
      if (++this.#count === 7) this.#enter('text')
    } else if (byte < 0x20) this.#control(byte)
    else if (byte === 0x7f) return
    else if (this.#state === 'text') this.#show(String.fromCharCode(byte))
    else if (this.#body.length >= longestSequence) this.#enter('text')
    else if (this.#state === 'escape') this.#inEscape(byte)
    else this.#inSequence(byte)
  }

  #enter(state: State): void {
    this.#state = state
    this.#body = ''
    this.#count = 0
  }

  #show(char: string): void {
    const isDrawing = this.#sets[this.#used] === '0'
    this.#sink.print(isDrawing ? (drawing[char.charCodeAt(0) - 0x60] ?? char) : char, this.#read)
  }

  #control(byte: number): void {
    if (byte === SO) this.#used = 1
    else if (byte === SI) this.#used = 0
    else if (byte >= BS && byte <= CR) this.#sink.control(byte, this.#read)
  }

  #inEscape(byte: number): void {
    this.#body += String.fromCharCode(byte)
    const body = this.#body
    if (body === '[') this.#enter('sequence')
    else if (body === ']') this.#enter('command')
    else if (/^[PX^_]$/.test(body)) this.#enter('string')
    else if (byte >= 0x30) {
      const [kind = '', set = ''] = body
      if (kind === '(' || kind === ')') this.#sets[kind === '(' ? 0 : 1] = set
      if (body === 'c') {
        this.#sets.fill('B')
        this.#used = 0
      }
      this.#sink.escape(body, this.#read)
      this.#enter('text')
    }
  }

  #inSequence(byte: number): void {
    this.#body += String.fromCharCode(byte)
    if (byte < 0x40) return
    const { prefix, numbers } = /^(?<prefix>[<=>?]?)(?<numbers>[\d:;]*)[@-~]$/.exec(this.#body)?.groups ?? {}
    // One with intermediates (`ESC [ 0 SP q`) sets something that is not seen here.
    if (prefix !== undefined) this.#sink.sequence(prefix, parameters(numbers ?? ''), this.#body.slice(-1), this.#read)
    this.#enter('text')
  }

  /** Within an OSC, up to BEL or ESC; the Linux console's own have no end. */
  #inCommand(byte: number): void {
    this.#count++
    // No command has a line's end in it: this one was noise, or cut off by a reboot.
    if (byte === LF) {
      this.#enter('text')
      this.#control(byte)
    } else if (this.#count === 1 && byte === 0x50) this.#enter('palette')
    else if (byte === BEL || (this.#count === 1 && byte === 0x52) || this.#count > longestString) this.#enter('text')
  }
}

/** `1;31` as numbers, bounded as terminals do. Sub-parameters (`38:2:1`) only colour. */
function parameters(text: string): number[] {
  return text.split(';').map((number) => Math.min(Number.parseInt(number, 10) || 0, 9999))
}
