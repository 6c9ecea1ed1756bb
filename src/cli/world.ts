import type { Place } from '../host/place.js'
import type { Context } from '../action/verb.js'
import type { Environment } from '../sys/environment.js'

/** The world that a line is run in. */
export interface World {
  /** What the program was called by: `winvm` chooses class `win`. */
  readonly program: string
  readonly environment: Environment
  readonly place: Place
  readonly signal: AbortSignal
  readonly mouth: Mouth
}

/** What an action speaks with. */
export type Voice = Pick<Context, 'out' | 'outRaw' | 'outBytes' | 'note' | 'progress' | 'isTerminal'>

/** Where a line speaks: at the terminal, or to whoever asked for it. */
export interface Mouth {
  /** With several VMs side by side each line bears its VM's id. */
  readonly voice: (prefix: string | undefined) => Voice
  /** Tells an error. Returns the exit status it stands for. */
  readonly report: (error: unknown, prefix?: string) => number
}
