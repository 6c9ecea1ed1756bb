// Guests' bytes on their way to the user's terminal, without those that make the terminal answer or act.
//
// A terminal answers a query by typing: into the guest while attached, into the user's shell a moment later. What a guest
// could make it say or do with it is in the terminal's manual, not in the user's hand, so queries are dropped: DSR, DA,
// DECRQM, window reports, ENQ, and all strings (DCS, APC, PM, SOS, OSC) but titles. Programs in the guest that ask for
// the cursor's place to learn the window's size get no answer; `stty rows R cols C` tells them.

/** Filters a stream; feed it chunk by chunk. What is cut between two chunks is put together again. */
export interface Filter {
  push(chunk: Buffer): Buffer
}

const ESC = 0x1b
const BEL = 0x07
const ENQ = 0x05
/** An unfinished control sequence that gets longer than this is none. */
const longestSequence = 256
const longestTitle = 1024

type State = 'text' | 'escape' | 'sequence' | 'title' | 'dropping'

/** Makes a filter with a state of its own. */
export function createFilter(): Filter {
  let state: State = 'text'
  let held: number[] = []
  let sawEscape = false

  const start = (next: State, byte: number): void => {
    state = next
    held = [ESC, byte]
    sawEscape = false
  }

  function afterEscape(byte: number, out: number[]): void {
    if (byte === 0x5b) start('sequence', byte) // [
    else if (byte === 0x5d) start('title', byte) // ]
    else if (byte === 0x50 || byte === 0x58 || byte === 0x5e || byte === 0x5f) start('dropping', byte) // P X ^ _
    else if (byte === ESC) out.push() // the first ESC means nothing
    else {
      // DECID (ESC Z) makes the terminal say what it is.
      if (byte !== 0x5a) out.push(ESC, byte)
      state = 'text'
    }
  }

  function inSequence(byte: number, out: number[]): void {
    if (byte === ESC) return void start('escape', byte)
    held.push(byte)
    const isFinal = byte >= 0x40 && byte <= 0x7e
    if (!isFinal && held.length < longestSequence) return
    if (isFinal && !isQuery(held)) out.push(...held)
    state = 'text'
  }

  function inString(byte: number, out: number[]): void {
    if (state === 'title') held.push(byte)
    const ends = byte === BEL || (sawEscape && byte === 0x5c) || byte === 0x18 || byte === 0x1a
    sawEscape = byte === ESC
    if (state === 'title' && held.length > longestTitle) state = 'dropping'
    if (!ends) return
    if (state === 'title' && isTitle(held)) out.push(...held)
    state = 'text'
  }

  function take(byte: number, out: number[]): void {
    if (state === 'escape') afterEscape(byte, out)
    else if (state === 'sequence') inSequence(byte, out)
    else if (state === 'title' || state === 'dropping') inString(byte, out)
    else if (byte === ESC) state = 'escape'
    else if (byte !== ENQ) out.push(byte)
  }

  return {
    push: (chunk) => {
      // Nearly every chunk has nothing of the kind, and then nothing is copied.
      if (state === 'text' && !chunk.includes(ESC) && !chunk.includes(ENQ)) return chunk
      return filterMixed(chunk, () => state === 'text', take)
    },
  }
}

/** Plain stretches are kept as they are; only what follows an ESC goes byte by byte. */
function filterMixed(chunk: Buffer, isText: () => boolean, take: (byte: number, out: number[]) => void): Buffer {
  const parts: Buffer[] = []
  let at = 0
  while (at < chunk.length) {
    if (isText()) {
      const end = nextSpecial(chunk, at)
      if (end > at) parts.push(chunk.subarray(at, end))
      at = end
    }
    const out: number[] = []
    for (let first = true; at < chunk.length && (first || !isText()); first = false) take(chunk[at++] ?? 0, out)
    if (out.length > 0) parts.push(Buffer.from(out))
  }
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts)
}

function nextSpecial(chunk: Buffer, from: number): number {
  const escape = chunk.indexOf(ESC, from)
  const enquiry = chunk.indexOf(ENQ, from)
  if (escape === -1) return enquiry === -1 ? chunk.length : enquiry
  return enquiry === -1 ? escape : Math.min(escape, enquiry)
}

/** CSI sequences that are answered (DSR, DA, DECRQM, DECREQTPARM, checksums) or that move the user's window (CSI t). */
function isQuery(sequence: readonly number[]): boolean {
  const text = String.fromCharCode(...sequence.slice(2))
  return /[ncxt]$/.test(text) || /\$[pw]$/.test(text) || text.endsWith('*y') || /[=>?].*[qu]$/.test(text)
}

/** OSC 0, 1 and 2 set the window's title; every other is dropped, the clipboard (52) and colour queries among them. */
function isTitle(sequence: readonly number[]): boolean {
  const text = String.fromCharCode(...sequence.slice(2))
  // A control character inside could smuggle in another sequence.
  const inside = sequence.slice(2, -2)
  return /^[012];[^?]/.test(text) && inside.every((byte) => byte >= 0x20)
}
