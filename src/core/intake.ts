// Bytes that come in pieces of any size, taken as they are needed. Pure.

/** What came ended in the midst of what was to be taken. */
export class CutOff extends Error {}

export class Intake {
  readonly #pieces: AsyncIterator<Buffer>
  #rest: Buffer = Buffer.alloc(0)

  constructor(pieces: AsyncIterable<Buffer>) {
    this.#pieces = pieces[Symbol.asyncIterator]()
  }

  /** So many bytes; undefined where it ends before the first of them. Rejects with CutOff where it ends later. */
  async take(length: number): Promise<Buffer | undefined> {
    const parts = [this.#rest]
    for (let have = this.#rest.length; have < length;) {
      const piece = await this.#next()
      if (piece === undefined) {
        if (have === 0) return undefined
        throw new CutOff()
      }
      parts.push(piece)
      have += piece.length
    }
    const all = parts.length === 1 ? this.#rest : Buffer.concat(parts)
    this.#rest = all.subarray(length)
    return all.subarray(0, length)
  }

  /** What is at hand, at most so many bytes, and at least one: it is not copied. Undefined where it ends. */
  async some(most: number): Promise<Buffer | undefined> {
    while (this.#rest.length === 0) {
      const piece = await this.#next()
      if (piece === undefined) return undefined
      this.#rest = piece
    }
    const taken = this.#rest.subarray(0, most)
    this.#rest = this.#rest.subarray(taken.length)
    return taken
  }

  /** The next line without its end, of at most `longest` bytes; undefined where nothing comes. Rejects with CutOff where it has no end. */
  async line(longest: number): Promise<string | undefined> {
    const parts: Buffer[] = []
    for (let have = 0; ;) {
      const end = this.#rest.indexOf(10)
      if (end !== -1) {
        parts.push(this.#rest.subarray(0, end))
        this.#rest = this.#rest.subarray(end + 1)
        return Buffer.concat(parts).toString('utf8')
      }
      parts.push(this.#rest)
      have += this.#rest.length
      const piece = have > longest ? undefined : await this.#next()
      if (piece === undefined) {
        if (have === 0) return undefined
        throw new CutOff()
      }
      this.#rest = piece
    }
  }

  async #next(): Promise<Buffer | undefined> {
    const { done, value } = await this.#pieces.next()
    return done === true ? undefined : value
  }
}
