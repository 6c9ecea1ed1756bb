// Guests' bytes on their way to the user's terminal, without those that make the terminal answer or act.
//
// A terminal answers a query by typing: into the guest while attached, into the user's shell a moment later. So whatever
// is answered is dropped: DSR, DA, DECRQM, window reports, ENQ, queries in OSC, and all of DCS, APC, PM and SOS
// (`sequence.ts` has the list). Full-screen programs in a guest, and `resize`, ask with DSR how large the window is: they
// get no answer and take their default, 24 by 80; `stty rows R cols C`, typed in the guest, tells them. Everything
// else passes byte for byte. A sequence that is broken off is dropped, so that the terminal is never left within one.
//
// SeaBIOS begins each boot with a full reset and an empty screen. Both are dropped: the line that says how to leave stays.
//
// 8-bit controls (0x9b for `ESC [`) count only where they are no part of a UTF-8 character, and as UTF-8 (c2 9b). One that
// begins a string is dropped alone, its text is shown: in a guest that writes CP437 or noise it is a letter, and
// waiting for the end of a string that never was one would leave the console mute.
import { characterEnd, doubtful, findControls, nextControl, type Controls } from './controls.js'
import { mayPass, mayPassEscape, mayPassString, noTraces, type Traces } from './sequence.js'

/** A filter of one stream. What is cut between two chunks is put together again; at most a few KB are held. */
export interface Filter {
  /** The bytes that may pass so far. Nearly always the chunk itself, uncopied. */
  readonly push: (chunk: Buffer) => Buffer
  /** What the stream has left behind in the terminal, for `resetSequence`. */
  readonly traces: Readonly<Traces>
}

/** Makes a filter with a state of its own. */
export function createFilter(): Filter {
  const scan = newScan()
  return {
    traces: scan.traces,
    push: (chunk) => {
      begin(scan, chunk)
      if (scan.state === 'text' && !scan.isReset && scan.chunk === chunk && nextControl(scan.controls, 0) === chunk.length)
        return chunk
      for (let at = 0; at < scan.chunk.length;) at = step(scan, at)
      return finish(scan)
    },
  }
}

const [BEL, LF, CAN, SUB, ESC, ENQ] = [0x07, 0x0a, 0x18, 0x1a, 0x1b, 0x05]
const [CSI, DECID] = [0x9b, 0x9a]
/** The final of `ESC [ J`, which erases the screen. */
const ED = 0x4a
/** 8-bit DCS, SOS, OSC, PM, APC. */
const stringBytes = new Set([0x90, 0x98, 0x9d, 0x9e, 0x9f])

/** A control sequence or OSC string that gets longer is dropped. */
const longestSequence = 1024
const longestString = 4096
/** A string that has not ended by then never will: what follows is shown again. */
const longestDropped = 1024 * 1024

/**
 * Where in the stream we are. Most may end well, and are held until then. `skip`, `string` and `palette`
 * are dropped as they come. `...Escape`: behind an ESC within a string.
 */
type State = 'text' | 'escape' | 'sequence' | 'osc' | 'oscEscape' | 'stringEscape' | 'skip' | 'string' | 'palette'

interface Scan {
  state: State
  readonly traces: Traces
  /** The bytes of a sequence, or of a character, from earlier chunks. */
  held: Buffer
  /** Where in the sequence its body begins: behind `ESC [`. */
  body: number
  /** An ENQ came in its midst. */
  tainted: boolean
  /** A full reset was dropped, and no text has come since: what is there to erase is not the guest's. */
  isReset: boolean
  /** Bytes of a string dropped so far, or still to drop. */
  count: number
  chunk: Buffer
  parts: Buffer[]
  controls: Controls
  /** From here on the chunk passes, unless a sequence that began at `from` is dropped. */
  keep: number
  from: number
}

const none = Buffer.alloc(0)

function newScan(): Scan {
  const sequence = { held: none, body: 0, tainted: false, isReset: false, count: 0 }
  return {
    state: 'text',
    traces: noTraces(),
    ...sequence,
    chunk: none,
    parts: [],
    controls: findControls(none),
    keep: 0,
    from: 0,
  }
}

function begin(scan: Scan, chunk: Buffer): void {
  // A character that was cut in two is looked at as a whole.
  const isCut = scan.state === 'text' && scan.held.length > 0
  scan.chunk = isCut ? Buffer.concat([scan.held, chunk]) : chunk
  if (isCut) scan.held = none
  scan.parts = []
  scan.keep = 0
  scan.from = 0
  scan.controls = findControls(scan.chunk)
}

function finish(scan: Scan): Buffer {
  const { chunk, parts, state } = scan
  if (state === 'text') keepUpTo(scan, chunk.length)
  else if (state !== 'skip' && state !== 'string' && state !== 'palette') {
    keepUpTo(scan, scan.from)
    scan.held = Buffer.concat([scan.held, chunk.subarray(scan.from)])
  }
  const [first] = parts
  return parts.length === 1 && first !== undefined ? first : Buffer.concat(parts)
}

function keepUpTo(scan: Scan, end: number): void {
  if (end > scan.keep) scan.parts.push(scan.chunk.subarray(scan.keep, end))
}

/** Takes the byte at `at`; returns where to go on, which is `at` itself if the byte is to be seen again. */
function step(scan: Scan, at: number): number {
  const byte = scan.chunk[at] ?? 0
  switch (scan.state) {
    case 'text':
      return inText(scan, at)
    case 'escape':
      return behindEscape(scan, byte, at)
    case 'sequence':
    case 'skip':
      return inSequence(scan, byte, at)
    case 'osc':
      return inOsc(scan, byte, at)
    case 'oscEscape':
    case 'stringEscape':
      return behindInnerEscape(scan, byte, at)
    case 'string':
      return inString(scan, byte, at)
    case 'palette':
      return inPalette(scan, byte, at)
  }
}

/** Runs through text until something begins that needs a closer look. */
function inText(scan: Scan, start: number): number {
  const { chunk } = scan
  if (scan.isReset) {
    if (chunk[start] === ESC) return open(scan, 'escape', start, 1)
    scan.isReset = false
  }
  for (let at = start; at < chunk.length; at++) {
    at = nextControl(scan.controls, at)
    if (at === chunk.length) break
    const byte = chunk[at] ?? 0
    if (byte === ESC) return open(scan, 'escape', at, 1)
    if (byte === ENQ) cut(scan, at, at + 1)
    else if (byte >= 0x80) {
      const end = characterEnd(chunk, at)
      if (end === undefined) return hold(scan, at)
      const code = end === at + 1 ? byte : byte === 0xc2 ? (chunk[at + 1] ?? 0) : 0
      if (code === CSI) {
        open(scan, 'sequence', at, end - at)
        return end
      }
      if (code === DECID || stringBytes.has(code)) cut(scan, at, end)
      at = end - 1
    }
  }
  return chunk.length
}

/** The chunk ends within a character: wait for the rest. */
function hold(scan: Scan, at: number): number {
  keepUpTo(scan, at)
  scan.held = Buffer.from(scan.chunk.subarray(at))
  scan.keep = scan.chunk.length
  return scan.chunk.length
}

/** Begins something that may be dropped later, all of it. */
function open(scan: Scan, state: State, at: number, body: number): number {
  scan.state = state
  scan.from = at
  scan.body = body
  scan.tainted = false
  return at + 1
}

/** What was held passes. */
function accept(scan: Scan, next: number): number {
  if (scan.held.length > 0) scan.parts.push(scan.held)
  scan.held = none
  scan.state = 'text'
  return next
}

/** What was held is dropped, up to `next`. */
function drop(scan: Scan, next: number, state: State = 'text'): number {
  cut(scan, scan.from, next)
  scan.held = none
  scan.count = 0
  scan.state = state
  return next
}

function cut(scan: Scan, from: number, to: number): void {
  keepUpTo(scan, from)
  scan.keep = to
}

/** The end of what was dropped as it came. */
function resume(scan: Scan, next: number): number {
  scan.keep = next
  scan.state = 'text'
  return next
}

function behindEscape(scan: Scan, byte: number, at: number): number {
  const isFirst = lengthAt(scan, at) === 2
  if (isFirst && byte === 0x5b) {
    scan.state = 'sequence' // [
    scan.body = 2
    return at + 1
  }
  if (isFirst && byte === 0x5d) {
    scan.state = 'osc' // ]
    return at + 1
  }
  if (isFirst && (byte === 0x50 || byte === 0x58 || byte === 0x5e || byte === 0x5f)) return drop(scan, at + 1, 'string') // P X ^ _
  if (byte < 0x30 || byte > 0x7e) return within(scan, byte, at)
  const body = readBody(scan, at)
  // A control character between ESC and `[` does not matter to a terminal: both belong together.
  if (/^[[\]PX^_]/.test(body)) return drop(scan, at + 1, byte === 0x5b ? 'skip' : 'string')
  if (body === 'c') scan.isReset = true
  return !scan.tainted && mayPassEscape(body) ? accept(scan, at + 1) : drop(scan, at + 1)
}

function inSequence(scan: Scan, byte: number, at: number): number {
  if (byte < 0x40 || byte > 0x7e) return within(scan, byte, at)
  if (scan.state === 'skip') return resume(scan, at + 1)
  const mayErase = !scan.isReset || byte !== ED
  const passes = !scan.tainted && mayErase && (doubtful[byte] === 0 || mayPass(readBody(scan, at), scan.traces))
  return passes ? accept(scan, at + 1) : drop(scan, at + 1)
}

/** A byte within a sequence that does not end it well. Terminals obey most control characters there, and go on. */
function within(scan: Scan, byte: number, at: number): number {
  const isSkipped = scan.state === 'skip'
  if (byte === ESC || byte >= 0x80) {
    if (isSkipped) resume(scan, at)
    else drop(scan, at)
    return at
  }
  if (byte === CAN || byte === SUB) return isSkipped ? resume(scan, at + 1) : drop(scan, at + 1)
  if (byte === ENQ) scan.tainted = true
  if (!isSkipped && lengthAt(scan, at) > longestSequence) return drop(scan, at + 1, 'skip')
  return at + 1
}

function inOsc(scan: Scan, byte: number, at: number): number {
  const length = lengthAt(scan, at)
  // The Linux console's own, which have no end: `ESC ] R`, and `ESC ] P` with seven digits.
  if (length === 3 && byte === 0x52) return drop(scan, at + 1)
  if (length === 3 && byte === 0x50) {
    drop(scan, at + 1, 'palette')
    scan.count = 7
    return at + 1
  }
  if (length > longestString) return drop(scan, at, 'string')
  if (byte === BEL) return endOsc(scan, at, 1)
  if (byte === ESC) scan.state = 'oscEscape'
  // No string has a line's end in it: this one was noise, or cut off by a reboot.
  if (byte === LF) return drop(scan, at)
  if (byte === CAN || byte === SUB) return drop(scan, at + 1)
  return at + 1
}

function inPalette(scan: Scan, byte: number, at: number): number {
  const isDigit = (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66)
  if (!isDigit) return resume(scan, at)
  return --scan.count > 0 ? at + 1 : resume(scan, at + 1)
}

function endOsc(scan: Scan, at: number, endLength: 1 | 2): number {
  const body = sequenceAt(scan, at).subarray(2, -endLength).toString('latin1')
  return mayPassString(body) ? accept(scan, at + 1) : drop(scan, at + 1)
}

function inString(scan: Scan, byte: number, at: number): number {
  if (byte === ESC) {
    scan.keep = at
    return open(scan, 'stringEscape', at, 1)
  }
  const gaveUp = ++scan.count > longestDropped
  return byte === BEL || byte === CAN || byte === SUB || gaveUp ? resume(scan, at + 1) : at + 1
}

/** `ESC \` ends a string; with anything else the ESC begins a sequence of its own, and the string is lost. */
function behindInnerEscape(scan: Scan, byte: number, at: number): number {
  if (byte === 0x5c) return scan.state === 'oscEscape' ? endOsc(scan, at, 2) : drop(scan, at + 1)
  if (scan.state === 'oscEscape') {
    drop(scan, Math.max(0, at - 1))
    scan.from = scan.keep
    if (at === 0) scan.held = Buffer.from([ESC])
  }
  scan.state = 'escape'
  scan.body = 1
  scan.tainted = false
  return at
}

function lengthAt(scan: Scan, at: number): number {
  return scan.held.length + at + 1 - scan.from
}

function sequenceAt(scan: Scan, at: number): Buffer {
  const here = scan.chunk.subarray(scan.from, at + 1)
  return scan.held.length === 0 ? here : Buffer.concat([scan.held, here])
}

/** What stands behind `ESC` or `ESC [`, control characters left out. */
function readBody(scan: Scan, at: number): string {
  const body = sequenceAt(scan, at).subarray(scan.body)
  return Buffer.from(body.filter((byte) => byte >= 0x20 && byte !== 0x7f)).toString('latin1')
}
