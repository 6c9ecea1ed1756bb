// The way into a running QEMU: connect, speak, leave. QEMU serves one client a socket, so sessions are short and others wait;
// what takes long has a socket of its own (jobs.ts).
import { errorCode, Failure } from '../core/errors.js'
import { pause } from '../sys/clock.js'
import { connect } from '../sys/socket.js'
import { QemuEnded, QmpDisconnected } from './qmperror.js'
import { Qmp, type Limits } from './qmpsession.js'

export { QemuEnded, QmpDisconnected, QmpError } from './qmperror.js'
export { Qmp } from './qmpsession.js'
export type { Arguments } from './qmpsession.js'

/**
 * `timeoutMs` is how long QEMU may take until it is connected to: the socket may stay away, refuse, or give no greeting. It is
 * also how long QEMU may take to each answer, unless a call says otherwise: a session with two calls takes three times that.
 */
export interface ConnectOptions extends Limits {
  /** Settles when the QEMU that is being started ends: then there is nothing to wait for any more. */
  readonly ended?: Promise<unknown>
}

/** The first look comes back after a millisecond, later ones after a tenth of the time that has passed: late by no more. */
const firstPauseMs = 1
const longestPauseMs = 30

/**
 * Connects to QEMU's QMP socket and ends the negotiation. Tries again while the socket is missing or refuses, and waits
 * its turn while QEMU serves another client. Rejects with QemuEnded when `ended` settles first, with the reason of `signal`
 * when that is aborted, with a Failure that says how far it came after `timeoutMs`.
 */
export async function connectQmp(socketPath: string, options: ConnectOptions): Promise<Qmp> {
  const attempt: Attempt = { socketPath, options, cancel: new AbortController(), came: 'there is no such socket' }
  const { cancel } = attempt
  const onAbort = (): void => cancel.abort(options.signal?.reason)
  const timer = setTimeout(() => cancel.abort(tooLate(attempt, options.timeoutMs)), options.timeoutMs)
  options.signal?.addEventListener('abort', onAbort, { once: true })
  if (options.signal?.aborted === true) onAbort()
  options.ended?.then(
    (status) => cancel.abort(new QemuEnded(typeof status === 'number' ? status : undefined)),
    (error: unknown) => cancel.abort(new QemuEnded(undefined, error)),
  )
  try {
    return await keepTrying(attempt)
  } finally {
    clearTimeout(timer)
    options.signal?.removeEventListener('abort', onAbort)
  }
}

/** Connects, does what `action` does, and leaves, whatever happens. */
export async function withQmp<T>(socketPath: string, options: ConnectOptions, action: (qmp: Qmp) => Promise<T>): Promise<T> {
  const qmp = await connectQmp(socketPath, options)
  try {
    return await action(qmp)
  } finally {
    qmp.close()
  }
}

/** One caller's wish to be connected. */
interface Attempt {
  readonly socketPath: string
  readonly options: ConnectOptions
  readonly cancel: AbortController
  /** How far the last try came, for the message when time is up. */
  came: string
}

async function keepTrying(attempt: Attempt): Promise<Qmp> {
  const { signal } = attempt.cancel
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 1.1, longestPauseMs)) {
    signal.throwIfAborted()
    try {
      return await tryOnce(attempt)
    } catch (error) {
      signal.throwIfAborted()
      if (!mayPass(attempt, error)) throw cannotConnect(attempt.socketPath, error)
    }
    // Jitter, so that many clients of one socket do not come back all at once.
    await pause(pauseMs * (0.5 + Math.random()), signal)
  }
}

async function tryOnce(attempt: Attempt): Promise<Qmp> {
  const socket = await connect(attempt.socketPath)
  attempt.came = 'the socket is there, but no greeting came: another client holds it, or QEMU hangs'
  return Qmp.open(socket, attempt.options, attempt.cancel.signal, () => (attempt.came = 'QEMU greeted, but did not answer'))
}

/** Whether trying again can help; if so, notes how far this try came. */
function mayPass(attempt: Attempt, error: unknown): boolean {
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such socket',
    ECONNREFUSED: 'nobody listens on the socket',
    EAGAIN: 'too many others wait for the socket',
    ECONNRESET: 'QEMU closed the connection',
    EPIPE: 'QEMU closed the connection',
  }
  const lost = error instanceof QmpDisconnected
  const reason = lost ? 'QEMU closed the connection before it answered' : reasons[errorCode(error) ?? '']
  if (reason !== undefined) attempt.came = reason
  return reason !== undefined
}

function tooLate({ socketPath, came }: Attempt, timeoutMs: number): Failure {
  return cannotConnect(socketPath, new Failure(`${came} (waited ${timeoutMs} ms)`))
}

function cannotConnect(socketPath: string, cause: unknown): Failure {
  return new Failure(`cannot talk to QEMU over ${socketPath}`, { code: 'QEMU_REFUSED', cause })
}
