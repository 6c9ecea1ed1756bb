/** What is waited for again and again: all who wait go on when it rings. */
export interface Bell {
  ring(): void
  /** Resolves when it rings next. */
  next(): Promise<void>
}

export function makeBell(): Bell {
  let waiting: (() => void)[] = []
  return {
    ring() {
      const all = waiting
      waiting = []
      for (const goOn of all) goOn()
    },
    next: () => new Promise((resolve) => void waiting.push(resolve)),
  }
}
