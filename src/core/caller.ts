/** Who waits for something to be done. */
export interface Caller {
  /** Aborting ends every wait, with its reason. */
  readonly signal?: AbortSignal | undefined
  /** Takes what the caller should know although nothing failed. */
  readonly note?: ((text: string) => void) | undefined
}
