import { isUtf8 } from 'node:buffer'
import { characterEnd } from './character.js'

/**
 * Where in a chunk of text something may begin that matters to a terminal. In well-formed UTF-8 that is ESC, ENQ and 0xc2,
 * the lead byte of C1 controls (and of some letters); they are searched for natively, many times faster than looking at each byte.
 */
export interface Landmarks {
  readonly chunk: Buffer
  /** Up to here the chunk is well-formed: to the character that is cut off at its end, or not at all. */
  readonly wellFormed: number
  escape: number
  enquiry: number
  c2: number
}

export function findLandmarks(chunk: Buffer): Landmarks {
  return { chunk, wellFormed: wellFormedLength(chunk), escape: -1, enquiry: -1, c2: -1 }
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
  if (landmarks.escape < at) landmarks.escape = search(chunk, 0x1b, at)
  if (landmarks.enquiry < at) landmarks.enquiry = search(chunk, 0x05, at)
  if (landmarks.c2 < at) landmarks.c2 = search(chunk, 0xc2, at)
  return Math.min(landmarks.escape, landmarks.enquiry, landmarks.c2, wellFormed)
}

function search(chunk: Buffer, byte: number, from: number): number {
  const found = chunk.indexOf(byte, from)
  return found === -1 ? chunk.length : found
}
