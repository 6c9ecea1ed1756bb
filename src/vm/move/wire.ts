// How a VM goes to another machine, as bytes: a line that says what comes, then frames. Pure.
//
// A frame has a head of 16 bytes: its kind, the number of the drive (2 bytes), how long what follows is (4), and where in the drive it
// stands (8). What a drive holds nothing but zeros of is left out.
import { asObject } from '../../core/check.js'
import { Failure } from '../../core/errors.js'
import { CutOff, Intake } from '../../core/intake.js'

export type Frame =
  | { readonly kind: 'data'; readonly drive: number; readonly offset: number; readonly bytes: Buffer }
  /** All drives have come: so many bytes of them. */
  | { readonly kind: 'end'; readonly bytes: number }
  /** What is to be done; only where somebody answers. */
  | { readonly kind: 'word'; readonly word: Word }

/** `go`: the VM is yours. `bye`: nobody will ask for it again. */
export type Word = 'go' | 'bye'

const headBytes = 16
const codes = { data: 1, end: 2, word: 3 } as const
const words: readonly Word[] = ['go', 'bye']

/** So much of a drive goes into one frame. */
export const pieceBytes = 1024 * 1024

/** So many pieces are under way at once, from a drive or to one. */
export const piecesAhead = 4

/** The longest first line: UEFI variables, the state of a TPM and the disk that tells the guest who it is are in it. */
const longestLine = 64 * 1024 ** 2

/** The frames of `data` come as head and bytes, so that these are not copied. */
export function frameHead(frame: Frame): Buffer {
  const head = Buffer.alloc(headBytes)
  head.writeUInt8(codes[frame.kind], 0)
  if (frame.kind === 'data') {
    head.writeUInt16BE(frame.drive, 2)
    head.writeUInt32BE(frame.bytes.length, 4)
    head.writeBigUInt64BE(BigInt(frame.offset), 8)
  } else if (frame.kind === 'end') head.writeBigUInt64BE(BigInt(frame.bytes), 8)
  else head.writeUInt16BE(words.indexOf(frame.word), 2)
  return head
}

/** Reads what comes: the first line, then frames. Throws a Failure for what is none of them, or ends in the midst of one. */
export class Reader {
  readonly #intake: Intake

  constructor(pieces: AsyncIterable<Buffer>) {
    this.#intake = new Intake(pieces)
  }

  /** The object of the first line. */
  async header(): Promise<Readonly<Record<string, unknown>>> {
    const line = await this.#intake.line(longestLine).catch(() => '')
    if (line === undefined) throw new Failure('nothing came')
    return parseHeader(line)
  }

  /** The next frame; undefined where no more comes. */
  async frame(): Promise<Frame | undefined> {
    const head = await this.#take(headBytes)
    if (head === undefined) return undefined
    const [code, number, length] = [head.readUInt8(0), head.readUInt16BE(2), head.readUInt32BE(4)]
    const offset = Number(head.readBigUInt64BE(8))
    if (!Number.isSafeInteger(offset)) throw notOurs()
    if (code === codes.end) return { kind: 'end', bytes: offset }
    const word = words[number]
    if (code === codes.word && word !== undefined) return { kind: 'word', word }
    if (code !== codes.data || length > pieceBytes) throw notOurs()
    const bytes = await this.#take(length)
    if (bytes === undefined) throw cut()
    return { kind: 'data', drive: number, offset, bytes }
  }

  async #take(length: number): Promise<Buffer | undefined> {
    try {
      return await this.#intake.take(length)
    } catch (error) {
      throw error instanceof CutOff ? cut() : error
    }
  }
}

function parseHeader(line: string): Readonly<Record<string, unknown>> {
  try {
    const found = asObject(JSON.parse(line))
    if (found !== undefined) return found
  } catch {
    // No JSON at all.
  }
  throw notOurs()
}

export function notOurs(): Failure {
  return new Failure('what came is no VM as nbsvm sends it', { hints: ['nbsvm foo send | ssh box2 nbsvm foo receive'] })
}

function cut(): Failure {
  return new Failure('what came ends in the midst: the connection is lost, or who sent it has ended')
}
