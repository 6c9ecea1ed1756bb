// What goes between the thread that a program calls nbsvm from, and the one that does what is asked.
import { Failure, UsageError } from '../core/errors.js'
import type { FailureCode } from '../core/codes.js'
import type { SettingTexts } from '../config/fold.js'

/** Which VM is meant, and with which settings in place. */
export interface Target {
  readonly name: string
  readonly vmClass: string | undefined
  readonly settings: SettingTexts
}

/** To the thread; `id` is that of the call. */
export type Request =
  | {
      readonly kind: 'call'
      readonly id: number
      readonly name: string
      readonly target: Target | undefined
      readonly args: readonly unknown[]
      /** The functions that the caller wants to be told by. */
      readonly hooks: readonly string[]
      /** Pieces of input can be asked for. */
      readonly hasInput: boolean
    }
  | { readonly kind: 'abort'; readonly id: number }
  /** The next item of a stream is wanted; or no more of them. */
  | { readonly kind: 'next' | 'leave'; readonly id: number }
  /** What was asked for: the next piece of input; undefined at its end. */
  | { readonly kind: 'input'; readonly id: number; readonly piece: Uint8Array | undefined; readonly error?: PackedError }

/** From the thread. */
export type Response =
  | { readonly kind: 'tell'; readonly id: number; readonly hook: string; readonly args: readonly unknown[] }
  | { readonly kind: 'want input'; readonly id: number }
  /** Items of a stream, in order. */
  | { readonly kind: 'items'; readonly id: number; readonly items: readonly unknown[] }
  | { readonly kind: 'done'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly isAborted: boolean; readonly error: PackedError }

/** An error as plain data: its class would be lost on the way. */
export interface PackedError {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  /** Of a Failure. */
  readonly failure?: { readonly code: FailureCode; readonly hints: readonly string[]; readonly exitStatus: number }
  /** Of a system's error: `code`, `errno`, `syscall`, `path`. */
  readonly system?: Readonly<Record<string, unknown>>
  readonly cause?: PackedError
}

const systemMembers: ReadonlySet<string> = new Set(['code', 'errno', 'syscall', 'path', 'dest', 'address', 'port'])

export function packError(error: unknown): PackedError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), stack: undefined }
  const { name, message, stack, cause } = error
  const from = cause === undefined ? {} : { cause: packError(cause) }
  if (error instanceof Failure) {
    const { code, hints, exitStatus } = error
    return { name, message, stack, failure: { code, hints, exitStatus }, ...from }
  }
  const members = Object.entries(error).filter(([member]) => systemMembers.has(member))
  return { name, message, stack, system: Object.fromEntries(members), ...from }
}

export function unpackError({ name, message, stack, failure, system, cause }: PackedError): Error {
  const from = cause === undefined ? {} : { cause: unpackError(cause) }
  const error =
    failure === undefined
      ? Object.assign(new Error(message, from), { name }, system)
      : failure.exitStatus === 2
        ? new UsageError(message, { ...failure, ...from })
        : new Failure(message, { ...failure, ...from })
  if (stack !== undefined) error.stack = stack
  return error
}
