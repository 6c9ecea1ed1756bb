import type { Target } from '../wire.js'

/** What a call is given besides its arguments. */
export interface Call {
  readonly target: Target | undefined
  readonly signal: AbortSignal
  /** The caller's function of that name, where he gave one. */
  readonly told: (hook: string) => ((...args: unknown[]) => void) | undefined
  readonly input: AsyncIterable<Buffer> | undefined
}
