import buffer from 'node:buffer'

/**
 * Where in a chunk of text something may begin that matters to a terminal, more than a colour does. In well-formed UTF-8 that
 * is ESC, ENQ and 0xc2, the lead byte of C1 controls (and of some letters); they are searched for natively, many times faster
 * than looking at each byte.
 */
export interface Controls {
  readonly chunk: Buffer
  /** Up to here the chunk is well-formed: to the character that is cut off at its end, or not at all. */
  readonly wellFormed: number
  enquiry: number
  c2: number
}

export function findControls(chunk: Buffer): Controls {
  return { chunk, wellFormed: wellFormedLength(chunk), enquiry: -1, c2: -1 }
}

function wellFormedLength(chunk: Buffer): number {
  let end = chunk.length
  for (let at = Math.max(0, end - 3); at < end; at++) if (characterEnd(chunk, at) === undefined) end = at
  return buffer.isUtf8(end === chunk.length ? chunk : chunk.subarray(0, end)) ? end : 0
}

/** The first place from `at` on that needs a closer look: `at` itself where the chunk is not well-formed. */
export function nextControl(controls: Controls, at: number): number {
  const { chunk, wellFormed } = controls
  if (at >= wellFormed) return at
  if (controls.enquiry < at) controls.enquiry = search(chunk, 0x05, at)
  if (controls.c2 < at) controls.c2 = search(chunk, 0xc2, at)
  const limit = Math.min(controls.enquiry, controls.c2, wellFormed)
  let escape = search(chunk, ESC, at)
  while (escape < limit) {
    const end = harmlessEnd(chunk, escape)
    if (end === 0) return escape
    escape = search(chunk, ESC, end)
  }
  return limit
}

function search(chunk: Buffer, byte: number, from: number): number {
  const found = chunk.indexOf(byte, from)
  return found === -1 ? chunk.length : found
}

const [ESC, SGR] = [0x1b, 0x6d]

/** Control sequences whose final is none of these are harmless, whatever else is in them. */
export const doubtful = Uint8Array.from({ length: 0x80 }, (_, code) =>
  Number('chfgilmnpqrtuvwxyzRS{|'.includes(String.fromCodePoint(code))),
)

/** Where a plain colour or cursor movement, all of it in this chunk, ends; 0 if it is none. */
function harmlessEnd(chunk: Buffer, at: number): number {
  if (chunk[at + 1] !== 0x5b) return 0
  const limit = Math.min(chunk.length, at + 64)
  for (let next = at + 2; next < limit; next++) {
    const byte = chunk[next] ?? 0
    if (byte >= 0x40 && byte <= 0x7e) return byte === SGR || doubtful[byte] === 0 ? next + 1 : 0
    if (byte < 0x30 || byte > 0x3b) return 0
  }
  return 0
}

/**
 * Where the UTF-8 character that begins at `at` ends; `at + 1` if the byte there begins none; undefined if the chunk ends
 * before that is known. https://www.rfc-editor.org/rfc/rfc3629#section-4
 */
export function characterEnd(chunk: Buffer, at: number): number | undefined {
  const lead = chunk[at] ?? 0
  if (lead < 0xc2 || lead > 0xf4) return at + 1
  const end = at + (lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4)
  const second = chunk[at + 1]
  if (second === undefined) return undefined
  if (second < lowest(lead) || second > highest(lead)) return at + 1
  for (let next = at + 2; next < end; next++) {
    const byte = chunk[next]
    if (byte === undefined) return undefined
    if (byte < 0x80 || byte > 0xbf) return at + 1
  }
  return end
}

/** Lower bounds of the second byte: no character is written longer than it must be. */
function lowest(lead: number): number {
  return lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
}

/** Upper bounds of the second byte: no surrogates, nothing above U+10FFFF. */
function highest(lead: number): number {
  return lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
}
