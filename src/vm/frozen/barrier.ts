/** Where several wait for one moment: all that come to it do a step together, and go on when it is over. */
export class Barrier {
  /** Resolves when all have come. */
  readonly arrived: Promise<void>
  readonly #opened: Promise<void>
  readonly #over: Promise<void>
  #arrive: () => void = () => {}
  #open: () => void = () => {}
  #end: () => void = () => {}
  #fail: (error: unknown) => void = () => {}
  #missing: number
  readonly #passing: Promise<unknown>[] = []

  constructor(count: number) {
    this.#missing = count
    const failed = new Promise<never>((_, reject) => (this.#fail = reject))
    this.arrived = Promise.race([new Promise<void>((resolve) => (this.#arrive = resolve)), failed])
    this.#over = new Promise<void>((resolve) => (this.#end = resolve))
    this.#opened = Promise.race([new Promise<void>((resolve) => (this.#open = resolve)), failed])
    this.arrived.catch(() => {})
    this.#opened.catch(() => {})
    if (count === 0) this.#arrive()
  }

  /** Waits for the moment, does the step then, and waits until it is over. */
  pass<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#opened.then(step)
    this.#passing.push(done)
    if (--this.#missing === 0) this.#arrive()
    const passed = done.finally(() => this.#over)
    passed.catch(() => {})
    return passed
  }

  /** Lets all do their steps, and resolves when these are done. */
  async open(): Promise<void> {
    this.#open()
    await Promise.all(this.#passing)
  }

  /** The moment is over. */
  end(): void {
    this.#end()
  }

  /** Nobody who has not begun yet does a step; and it is over. */
  fail(error: unknown): void {
    this.#fail(error)
    this.#end()
  }
}
