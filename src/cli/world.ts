import type { Place } from '../host/place.js'
import type { Environment } from '../sys/environment.js'

/** The world that a line is run in. */
export interface World {
  /** What the program was called by: `winvm` chooses class `win`. */
  readonly program: string
  readonly environment: Environment
  readonly place: Place
  readonly signal: AbortSignal
}
