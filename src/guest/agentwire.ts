// The guest agent as it is on the wire: a JSON object a line, UTF-8, no greeting, and the byte 0xFF, which no JSON has, for whoever
// wants to begin anew: https://www.qemu.org/docs/master/interop/qemu-ga-ref.html#command-QGA-qapi-schema.guest-sync-delimited
// The guest wrote all of it, so nothing here is larger, or takes longer, than was allowed.
import { asObject } from '../core/check.js'
import { Failure } from '../core/errors.js'
import { printableMessage } from '../core/text.js'

const [lineFeed, mark] = [0x0a, 0xff]

/** A line after a mark is the answer to guest-sync-delimited, and short. */
const maxSyncBytes = 4096

/** So much is kept of an answer besides its long texts. */
const maxPlainBytes = 1024 * 1024

/** A text in base64 of more bytes than this is taken out of an answer before it is parsed as JSON. */
const longTextBytes = 4096

/** So much of an error of the agent's is shown. */
const maxErrorLength = 500

/** What is waited for: a line that follows a mark, whatever comes before it, or the next line, of so many bytes at most. */
export type Awaited = 'sync' | { readonly maxBytes: number }

export interface LineReader {
  /** Says what is waited for from now on. */
  expect(what: Awaited): void
  /** Takes what came; throws a Failure for a line that is too long. */
  push(piece: Buffer): void
}

/** Cuts what an agent sends into the lines that are waited for; what nobody waits for is dropped as it comes. */
export function lineReader(onLine: (line: Buffer) => void): LineReader {
  let awaited: Awaited = 'sync'
  let isInside = false
  let kept: Buffer[] = []
  let keptBytes = 0
  const clear = (): void => {
    kept = []
    keptBytes = 0
  }
  const keep = (bytes: Buffer): void => {
    const most = awaited === 'sync' ? maxSyncBytes : awaited.maxBytes
    keptBytes += bytes.length
    if (keptBytes <= most) kept.push(Buffer.from(bytes))
    else if (awaited === 'sync') isInside = false
    else throw new Failure(`the guest agent's answer is longer than ${most} bytes`)
  }
  /** Begins behind the last mark that stands before the line's end. */
  const findMark = (piece: Buffer): Buffer => {
    const end = piece.indexOf(lineFeed)
    const at = piece.subarray(0, end === -1 ? piece.length : end).lastIndexOf(mark)
    if (at === -1) return piece
    isInside = true
    clear()
    return piece.subarray(at + 1)
  }
  return {
    expect: (what) => {
      awaited = what
      isInside = what !== 'sync'
      clear()
    },
    push: (piece) => {
      for (let rest = piece; rest.length > 0;) {
        if (awaited === 'sync') rest = findMark(rest)
        const end = rest.indexOf(lineFeed)
        const own = end === -1 ? rest : rest.subarray(0, end)
        if (isInside) keep(own)
        if (end === -1) return
        rest = rest.subarray(end + 1)
        const line = isInside ? Buffer.concat(kept) : undefined
        isInside = awaited !== 'sync'
        clear()
        if (line !== undefined) onLine(line)
      }
    },
  }
}

/** What the agent answers. */
export type AgentAnswer =
  | { readonly kind: 'return'; readonly value: unknown }
  | { readonly kind: 'error'; readonly class: string; readonly desc: string }

/**
 * Understands one line; undefined for an empty one. Long texts in `return` are bytes of it, still in base64. Throws a Failure for
 * what is no answer.
 */
export function parseAnswer(line: Buffer): AgentAnswer | undefined {
  const { plain, texts } = takeLongTexts(line)
  if (plain.trim() === '') return undefined
  let message: Record<string, unknown> | undefined
  try {
    message = asObject(JSON.parse(plain))
  } catch (error) {
    throw new Failure('what the guest agent sent is not JSON', { cause: error })
  }
  const error = asObject(message?.['error'])
  if (error !== undefined) return { kind: 'error', class: shown(error['class']), desc: shown(error['desc']) }
  if (message === undefined || !('return' in message)) throw new Failure('what the guest agent sent is not an answer')
  return { kind: 'return', value: withLongTexts(message['return'], texts) }
}

/** Text of the agent's, for a message. */
function shown(value: unknown): string {
  return typeof value === 'string' ? printableMessage(value, maxErrorLength) : 'nothing'
}

/** What stands in place of the long text `number`: no base64, and nothing that JSON writes otherwise. */
function placeholder(number: number): string {
  return `<${number}>`
}

/**
 * Takes the long texts out: 48 MB of base64 need not become a string, and what is left is bounded, whatever the guest thinks up for
 * JSON.parse to make objects of.
 */
function takeLongTexts(line: Buffer): { plain: string; texts: readonly Buffer[] } {
  if (line.length <= longTextBytes) return { plain: line.toString('utf8'), texts: [] }
  const texts: Buffer[] = []
  const pieces: string[] = []
  let plainBytes = 0
  let from = 0
  const add = (end: number): void => {
    plainBytes += end - from
    if (plainBytes > maxPlainBytes) throw new Failure('the guest agent answered with more than was asked for')
    pieces.push(line.toString('utf8', from, end))
    from = end
  }
  for (let open = nextQuote(line, 0); open !== -1; open = nextQuote(line, from)) {
    const close = nextQuote(line, open + 1)
    if (close === -1) break
    if (close - open <= longTextBytes) {
      add(close + 1)
      continue
    }
    add(open + 1)
    pieces.push(placeholder(texts.length))
    texts.push(line.subarray(open + 1, close))
    from = close
    add(close + 1)
  }
  add(line.length)
  return { plain: pieces.join(''), texts }
}

/** The next quote that no backslash takes for a letter; -1 where there is none. */
function nextQuote(line: Buffer, from: number): number {
  const [quote, backslash] = [0x22, 0x5c]
  for (let at = line.indexOf(quote, from); at !== -1; at = line.indexOf(quote, at + 1)) {
    let first = at
    while (first > from && line[first - 1] === backslash) first--
    if ((at - first) % 2 === 0) return at
  }
  return -1
}

/** Puts them back as they are, where an agent has them: as members of the answer itself. */
function withLongTexts(value: unknown, texts: readonly Buffer[]): unknown {
  const members = asObject(value)
  if (members === undefined || texts.length === 0) return value
  const byPlaceholder = new Map<unknown, Buffer>(texts.map((text, number) => [placeholder(number), text]))
  return Object.fromEntries(Object.entries(members).map(([name, member]) => [name, byPlaceholder.get(member) ?? member]))
}
