/** Where several wait for one moment: all that come to it are let through together. */
export class Barrier {
  /** Resolves when all have come. */
  readonly arrived: Promise<void>
  readonly #opened: Promise<void>
  #arrive: () => void = () => {}
  #open: () => void = () => {}
  #fail: (error: unknown) => void = () => {}
  #missing: number
  readonly #passing: Promise<unknown>[] = []

  constructor(count: number) {
    this.#missing = count
    const failed = new Promise<never>((_, reject) => (this.#fail = reject))
    this.arrived = Promise.race([new Promise<void>((resolve) => (this.#arrive = resolve)), failed])
    this.#opened = Promise.race([new Promise<void>((resolve) => (this.#open = resolve)), failed])
    this.arrived.catch(() => {})
    this.#opened.catch(() => {})
    if (count === 0) this.#arrive()
  }

  /** Waits for the moment, and does the step then. */
  pass<T>(step: () => Promise<T>): Promise<T> {
    const passed = this.#opened.then(step)
    this.#passing.push(passed)
    passed.catch(() => {})
    if (--this.#missing === 0) this.#arrive()
    return passed
  }

  /** Lets all through, and resolves when they are. */
  async open(): Promise<void> {
    this.#open()
    await Promise.all(this.#passing)
  }

  /** Nobody is let through. */
  fail(error: unknown): void {
    this.#fail(error)
  }
}
