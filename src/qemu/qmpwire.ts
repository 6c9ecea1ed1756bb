// QMP as it is on the wire: one JSON object a line, UTF-8, in both directions.
// https://www.qemu.org/docs/master/interop/qmp-spec.html
import { asObject } from '../core/check.js'
import { Failure, messageOf } from '../core/errors.js'
import { printableMessage } from '../core/text.js'

/** A line longer than this is no answer of QEMU's: what it says of a drive with 200 layers has some 100 KB. */
const maxLineBytes = 8 * 1024 * 1024

/** So much of an error of QEMU's is shown. */
const maxErrorLength = 1000

/** What QEMU says: a greeting, an answer to the command with that id, or an event. */
export type Message =
  | { readonly kind: 'greeting' }
  | { readonly kind: 'return'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number | undefined; readonly class: string; readonly desc: string }
  | { readonly kind: 'event'; readonly name: string; readonly data: Readonly<Record<string, unknown>>; readonly atMs: number }

/**
 * Cuts a stream of bytes into lines, whatever pieces it comes in; `onLine` gets each, decoded as a whole so that a
 * character split between two pieces survives. Throws a Failure for a line of more than `limitBytes`.
 */
export function lineCutter(onLine: (line: string) => void, limitBytes = maxLineBytes): (piece: Buffer) => void {
  let kept: Buffer[] = []
  let keptBytes = 0
  return (piece) => {
    let from = 0
    for (let end = piece.indexOf(10); end !== -1; end = piece.indexOf(10, from)) {
      const line = Buffer.concat([...kept, piece.subarray(from, end)])
      kept = []
      keptBytes = 0
      from = end + 1
      if (line.length > limitBytes) throw tooLong(limitBytes)
      onLine(line.toString('utf8'))
    }
    if (from === piece.length) return
    kept.push(piece.subarray(from))
    keptBytes += piece.length - from
    if (keptBytes > limitBytes) throw tooLong(limitBytes)
  }
}

function tooLong(limitBytes: number): Failure {
  return new Failure(`a line of more than ${limitBytes} bytes came from the QMP socket: that is not QEMU`)
}

/** Understands one line; undefined for an empty one. Throws a Failure that quotes what is not QMP. */
export function parseMessage(line: string): Message | undefined {
  if (line.trim() === '') return undefined
  const message = asObject(parseJson(line))
  if (asObject(message?.['QMP']) !== undefined) return { kind: 'greeting' }
  if (typeof message?.['event'] === 'string') {
    return {
      kind: 'event',
      name: message['event'],
      data: asObject(message['data']) ?? {},
      atMs: timestampMs(message['timestamp']),
    }
  }
  const error = asObject(message?.['error'])
  const id = typeof message?.['id'] === 'number' ? message['id'] : undefined
  if (error !== undefined) return { kind: 'error', id, class: shown(error['class']), desc: shown(error['desc']) }
  if (message !== undefined && 'return' in message && id !== undefined) return { kind: 'return', id, value: message['return'] }
  throw notQmp(line)
}

/** When an event happened, in milliseconds since 1970; QEMU writes -1 where it has no clock. */
export function timestampMs(timestamp: unknown): number {
  const { seconds, microseconds } = asObject(timestamp) ?? {}
  return typeof seconds === 'number' && typeof microseconds === 'number' ? seconds * 1000 + Math.floor(microseconds / 1000) : 0
}

/** Text of QEMU's for a message. */
function shown(value: unknown): string {
  return printableMessage(typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing'), maxErrorLength)
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (error) {
    throw notQmp(line, messageOf(error))
  }
}

function notQmp(line: string, why?: string): Failure {
  const quoted = JSON.stringify(line.length > 200 ? `${line.slice(0, 200)}...` : line)
  return new Failure(`not a QMP message: ${quoted}${why === undefined ? '' : ` (${why})`}`)
}
