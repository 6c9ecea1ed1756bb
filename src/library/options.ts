// What every call of the library takes last.

/** What every call takes. */
export interface CallOptions {
  /**
   * Aborting ends the call: it rejects with an AbortError once all that was half made is undone. One that comes too late changes
   * nothing: the call resolves.
   */
  readonly signal?: AbortSignal | undefined
  /** Takes what is worth knowing although nothing failed, in place of the host's `note`. */
  readonly note?: ((text: string) => void) | undefined
}

/** What a call takes that may be long. */
export interface ProgressOptions extends CallOptions {
  /** Is told how far it is, in bytes; `Infinity` of all where nobody knows how much that is. */
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined
}

/**
 * What a call rejects with when its signal is aborted, as Node's own functions do: `name` is AbortError, `code` ABORT_ERR, and `cause`
 * is the signal's reason.
 *
 * @example
 * {@includeCode ../../examples/abort.mjs}
 */
export class AbortError extends Error {
  override readonly name = 'AbortError'
  readonly code = 'ABORT_ERR'

  constructor(reason?: unknown) {
    super('The operation was aborted', { cause: reason })
  }
}
