// Durations. What the wall's clock says jumps when somebody sets it, so it is only for moments that people read.

/** Milliseconds of a clock that nobody can set, the same for all processes; it begins with the host's boot. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1000 + nanoseconds / 1e6
}

/** A moment that is waited for. */
export interface Deadline {
  /** How long it is until then, in milliseconds; never below 0. */
  readonly leftMs: number
  readonly isOver: boolean
}

/** The moment in `timeoutMs` from now. */
export function deadlineIn(timeoutMs: number): Deadline {
  const atMs = monotonicMs() + timeoutMs
  return {
    get leftMs() {
      return Math.max(0, atMs - monotonicMs())
    },
    get isOver() {
      return monotonicMs() >= atMs
    },
  }
}

/** Waits. Rejects with the signal's reason as soon as that is aborted; a long-lived signal keeps nothing of it. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer)
      reject(signal?.reason as Error)
    }
    const done = (): void => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }
    const timer = setTimeout(done, ms)
    if (signal?.aborted === true) stop()
    else signal?.addEventListener('abort', stop, { once: true })
  })
}
