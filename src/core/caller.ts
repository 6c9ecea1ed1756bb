/** Who waits for something to be done. */
export interface Caller {
  /** Aborting ends every wait, with its reason. */
  readonly signal?: AbortSignal | undefined
  /** Takes what the caller should know although nothing failed. */
  readonly note?: ((text: string) => void) | undefined
}

/** Aborted by its own limit, or by the caller's, where that has one. */
export function eitherSignal(limit: AbortSignal, signal: AbortSignal | undefined): AbortSignal {
  return signal === undefined ? limit : AbortSignal.any([signal, limit])
}

/** What a promise comes to, unless the signal is aborted before: then its reason is thrown. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  signal.throwIfAborted()
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', stop, { once: true })
    void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
