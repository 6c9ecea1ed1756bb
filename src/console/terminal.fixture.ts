// A terminal reduced to its ears, for tests: Paul Williams' parser of DEC terminals (https://vt100.net/emu/dec_ansi_parser) on
// a UTF-8 stream, with C1 controls as characters and as stray bytes, noting whatever xterm or kitty would answer or obey
// to the user's harm. Written from the diagrams, and knowing nothing of how the filter does it.

type State = 'ground' | 'escape' | 'csi' | 'osc' | 'string'

/** What a terminal would do with the bytes that it should not be made to do. */
export function answers(bytes: Buffer): string[] {
  const found: string[] = []
  let state = 'ground' as State
  let collected = ''
  const enter = (next: State): void => {
    state = next
    collected = ''
  }
  for (const code of decode(bytes)) {
    const char = String.fromCharCode(code)
    if (code === 0x05) found.push('ENQ')
    else if (code === 0x1b || (code >= 0x80 && code <= 0x9f)) {
      if (state === 'osc') osc(collected, found)
      if (state === 'string') found.push(`string ${collected}`)
      if (code === 0x9a) found.push('DECID')
      enter(begins[code] ?? 'ground')
    } else if (code === 0x18 || code === 0x1a) enter('ground')
    else if (state === 'osc' && code === 0x07) {
      osc(collected, found)
      enter('ground')
    } else if (state === 'osc' || state === 'string') collected += char
    else if (code < 0x20 || code === 0x7f || state === 'ground') continue
    else if (code > 0x9f) enter('ground')
    else if (state === 'escape' && collected === '' && begins[code + 0x40] !== undefined && code >= 0x50 && code <= 0x5f) {
      enter(begins[code + 0x40] ?? 'ground')
    } else {
      collected += char
      const ends = state === 'escape' ? code >= 0x30 : code >= 0x40
      if (!ends) continue
      if (state === 'escape' ? /^(Z| G|%@|%\/)/.test(collected) : isAnswered(collected)) found.push(`${state} ${collected}`)
      enter('ground')
    }
  }
  return found
}

const begins: Readonly<Record<number, State>> = {
  0x1b: 'escape',
  0x90: 'string',
  0x98: 'string',
  0x9b: 'csi',
  0x9d: 'osc',
  0x9e: 'string',
  0x9f: 'string',
}

function osc(text: string, found: string[]): void {
  if (/^(52|50|1337|777|46)\b/.test(text) || /^(4|5|1\d);.*\?/.test(text)) found.push(`osc ${text}`)
}

function isAnswered(sequence: string): boolean {
  return (
    /^[<=>?]?[\d;:]*[ni]$/.test(sequence) ||
    /^[=>]?[\d;:]*c$/.test(sequence) ||
    /^[\d;:]*(t|x|\$p|\*y|\$w|&u|\$u)$/.test(sequence) ||
    /^\?[\d;:]*(\$p|u|S|m)$/.test(sequence) ||
    /^>[\d;:]*(q|u|m)$/.test(sequence) ||
    /^\?([\d:]*;)*0*(2048|1001)(;[\d:]*)*h$/.test(sequence)
  )
}

/** Characters of a UTF-8 stream; bytes that are none stand for themselves. */
function* decode(bytes: Buffer): Generator<number> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  for (let at = 0; at < bytes.length;) {
    const length = [1, 2, 3, 4].find((length) => {
      try {
        return at + length <= bytes.length && decoder.decode(bytes.subarray(at, at + length)).length > 0
      } catch {
        return false
      }
    })
    const code =
      length === undefined
        ? bytes[at]
        : bytes
            .subarray(at, at + length)
            .toString('utf8')
            .codePointAt(0)
    yield code ?? 0
    at += length ?? 1
  }
}
