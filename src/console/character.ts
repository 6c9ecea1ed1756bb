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
