import { isUtf8 } from 'node:buffer'
import { characterEnd } from './character.js'

/**
 * Where in a chunk of text something may begin that matters to a terminal, more than a colour does. In well-formed UTF-8 that
 * is ESC, ENQ and 0xc2, the lead byte of C1 controls (and of some letters); they are searched for natively, many times faster
 * than looking at each byte.
 */
export interface Landmarks {
  readonly chunk: Buffer
  /** Up to here the chunk is well-formed: to the character that is cut off at its end, or not at all. */
  readonly wellFormed: number
  enquiry: number
  c2: number
}

export function findLandmarks(chunk: Buffer): Landmarks {
  return { chunk, wellFormed: wellFormedLength(chunk), enquiry: -1, c2: -1 }
}

function wellFormedLength(chunk: Buffer): number {
  let end = chunk.length
  for (let at = Math.max(0, end - 3); at < end; at++) if (characterEnd(chunk, at) === undefined) end = at
  return isUtf8(end === chunk.length ? chunk : chunk.subarray(0, end)) ? end : 0
}

/** The first place from `at` on that needs a closer look: `at` itself where the chunk is not well-formed. */
export function nextLandmark(landmarks: Landmarks, at: number): number {
  const { chunk, wellFormed } = landmarks
  if (at >= wellFormed) return at
  if (landmarks.enquiry < at) landmarks.enquiry = search(chunk, 0x05, at)
  if (landmarks.c2 < at) landmarks.c2 = search(chunk, 0xc2, at)
  const limit = Math.min(landmarks.enquiry, landmarks.c2, wellFormed)
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
