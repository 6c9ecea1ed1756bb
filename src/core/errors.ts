/**
 * A failure that the user can understand: what was being done, to what, what came instead. It is printed as
 *
 *     nbsvm: cannot start foo: drive nbsvm-foo-0 is in use by pid 4711 (qemu-system-x86_64)
 *       see it: nbsvm foo status
 *
 * `hints` are the indented lines: the next thing to type. `cause` is printed behind the message, once.
 */
export class Failure extends Error {
  readonly hints: readonly string[]
  /** The exit status of the program when this ends it: 1 an action failed, 2 usage error. */
  readonly exitStatus: number

  constructor(message: string, options: { hints?: readonly string[]; cause?: unknown; exitStatus?: number } = {}) {
    super(message, { cause: options.cause })
    this.name = new.target.name
    this.hints = options.hints ?? []
    this.exitStatus = options.exitStatus ?? 1
  }
}

/** The line, a name or a settings file is wrong: nothing has been done. */
export class UsageError extends Failure {
  constructor(message: string, options: { hints?: readonly string[]; cause?: unknown } = {}) {
    super(message, { ...options, exitStatus: 2 })
  }
}

/** The system error code (`ENOENT`, `EADDRINUSE`, ...) of a thrown value, or undefined when it has none. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** The message of any thrown value with those of its causes. */
export function fullMessage(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  return cause === undefined ? messageOf(error) : `${messageOf(error)}: ${fullMessage(cause)}`
}

/** The message of any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
