import type { FailureCode } from './codes.js'

/** What a Failure holds besides its message. */
export interface FailureOptions {
  readonly hints?: readonly string[]
  readonly cause?: unknown
  readonly code?: FailureCode | undefined
}

/**
 * A failure that the user can understand: what was being done, to what, what came instead. It is printed as
 *
 *     nbsvm: cannot start foo: drive nbsvm-foo-0 is in use by pid 4711 (qemu-system-x86_64)
 *       see it: nbsvm foo status
 *
 * `hints` are the indented lines: the next thing to type. `cause` is printed behind the message, once. `code` is for programs.
 */
export class Failure extends Error {
  readonly code: FailureCode
  readonly hints: readonly string[]
  /** The exit status of the program when this ends it: 1 an action failed, 2 usage error. */
  readonly exitStatus: number

  constructor(message: string, options: FailureOptions & { readonly exitStatus?: number } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.name = new.target.name
    this.exitStatus = options.exitStatus ?? 1
    this.code = options.code ?? codeOfCause(options.cause) ?? (this.exitStatus === 2 ? 'USAGE' : 'FAILED')
    this.hints = options.hints ?? []
  }
}

/** What a cause says of the failure that it led to. */
function codeOfCause(cause: unknown): FailureCode | undefined {
  if (!(cause instanceof Failure)) return systemCodes[errorCode(cause) ?? '']
  return cause.code === 'FAILED' || cause.code === 'USAGE' ? undefined : cause.code
}

const systemCodes: Readonly<Record<string, FailureCode>> = {
  ENOSPC: 'NO_SPACE',
  EDQUOT: 'NO_SPACE',
  EACCES: 'NOT_ALLOWED',
  EPERM: 'NOT_ALLOWED',
  EROFS: 'NOT_ALLOWED',
}

/** The line, a name or a settings file is wrong: nothing has been done. */
export class UsageError extends Failure {
  constructor(message: string, options: FailureOptions = {}) {
    super(message, { ...options, exitStatus: 2 })
  }
}

/** The system error code (`ENOENT`, `EADDRINUSE`, ...) of a thrown value, or undefined when it has none: a Failure has its own. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof Failure || !('code' in error)) return undefined
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
