// The thread that does what a program asks of the library: all that waits, reads and writes is here, so the program's own thread is
// never kept waiting, and its process is left as it is.
import { AbortError } from './options.js'
import { orAborted } from '../core/caller.js'
import { errorCode, Failure } from '../core/errors.js'
import { systemHints } from '../host/hint.js'
import { becomeLibrary } from '../sys/embedded.js'
import { starter } from '../sys/thread.js'
import type { Call } from './calls/call.js'
import { findCall } from './calls/calls.js'
import { outsideOf } from './calls/opened.js'
import { packError, unpackError, type Request, type Response } from './wire.js'

/** Items of a stream that come faster than they are fetched go over together: so many at most. */
const mostItems = 256

/** A call that goes on. */
interface Going {
  readonly abort: AbortController
  /** Of a stream: gives its next items, and ends it. */
  stream?: { readonly next: () => void; readonly leave: () => void }
  takeInput?: (request: Extract<Request, { kind: 'input' }>) => void
}

becomeLibrary()
const program = starter()
const going = new Map<number, Going>()
const post = (response: Response): void => program.post(response, movable(response))

program.onMessage((message) => {
  const request = message as Request
  const one = going.get(request.id)
  if (request.kind === 'call') void begin(request)
  else if (request.kind === 'abort') one?.abort.abort(new AbortError())
  else if (request.kind === 'input') one?.takeInput?.(request)
  else one?.stream?.[request.kind]()
})

async function begin(request: Extract<Request, { kind: 'call' }>): Promise<void> {
  const { id, args } = request
  const one: Going = { abort: new AbortController() }
  const { signal } = one.abort
  going.set(id, one)
  const fail = (thrown: unknown): void => {
    going.delete(id)
    const error = explained(thrown, request)
    const isUndecided = error instanceof Failure && error.code === 'MOVE_UNDECIDED'
    // A move that broke off as the VM was given away is more than one that was given up.
    post({ kind: 'failed', id, isAborted: signal.aborted && !isUndecided, error: packError(error) })
  }
  try {
    const found = await findCall(request.name)
    const call = callOf(request, one)
    if (found.kind === 'stream') return serve(id, one, found.run(call, ...args), fail)
    const value = await found.run(call, ...args)
    going.delete(id)
    post({ kind: 'done', id, value })
  } catch (error) {
    fail(error)
  }
}

/** What the system says of itself, `ENOSPC: no space left on device, write`, tells neither what was done nor to what. */
function explained(error: unknown, { name, target }: Extract<Request, { kind: 'call' }>): unknown {
  if (errorCode(error) === undefined) return error
  const about = target === undefined ? '' : ` of ${target.name}`
  const hints = systemHints(error, outsideOf({ target }).place)
  return new Failure(`${name.replace(/^.*\./, '')}${about} failed`, { cause: error, hints })
}

function callOf({ id, target, hooks, hasInput }: Extract<Request, { kind: 'call' }>, one: Going): Call {
  const tell = (hook: string, ...args: unknown[]): void => post({ kind: 'tell', id, hook, args })
  const told = (hook: string) => (hooks.includes(hook) ? (...args: unknown[]) => tell(hook, ...args) : undefined)
  return { target, signal: one.abort.signal, told, input: hasInput ? inputOf(id, one) : undefined }
}

/** What the program feeds in, a piece each time that one is wanted. */
async function* inputOf(id: number, one: Going): AsyncGenerator<Buffer, void> {
  const { signal } = one.abort
  for (;;) {
    signal.throwIfAborted()
    const given = new Promise<Buffer | undefined>((resolve, reject) => {
      one.takeInput = ({ piece, error }) =>
        error === undefined
          ? resolve(piece && Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength))
          : reject(unpackError(error))
    })
    post({ kind: 'want input', id })
    // Who feeds it in may have nothing for ever.
    const piece = await orAborted(given, signal)
    if (piece === undefined) return
    yield piece
  }
}

/** Gives a stream's items as they are asked for. */
function serve(id: number, one: Going, items: AsyncIterator<unknown>, fail: (error: unknown) => void): void {
  let reading: Promise<IteratorResult<unknown>> | undefined
  const next = async (): Promise<void> => {
    const ready: unknown[] = []
    try {
      // The first is waited for; further ones come along where they are there already.
      while (ready.length < mostItems) {
        reading ??= items.next()
        const result = ready.length === 0 ? await reading : await Promise.race([reading.catch(() => undefined), soon()])
        if (result === undefined) break
        if (result.done === true) {
          if (ready.length > 0) break
          going.delete(id)
          return post({ kind: 'done', id, value: undefined })
        }
        reading = undefined
        ready.push(result.value)
      }
      post({ kind: 'items', id, items: ready })
    } catch (error) {
      fail(error)
    }
  }
  const leave = (): void => {
    going.delete(id)
    one.abort.abort(new AbortError())
    void items.return?.().catch(() => {})
  }
  one.stream = { next: () => void next(), leave }
  void next()
}

/** Undefined after one turn of the loop. */
function soon(): Promise<undefined> {
  return new Promise((resolve) => void setImmediate(() => resolve(undefined)))
}

/** Below that a copy is as quick. */
const movedFromBytes = 64 * 1024

/** Large pieces of bytes of a result go over without being copied. What is told on the way may be used here afterwards. */
function movable(response: Response): ArrayBuffer[] {
  const value = response.kind === 'done' ? response.value : undefined
  const members: readonly unknown[] = typeof value === 'object' && value !== null ? Object.values(value) : []
  return members.flatMap((one) =>
    one instanceof Uint8Array && one.byteLength >= movedFromBytes && one.byteLength === one.buffer.byteLength
      ? [one.buffer as ArrayBuffer]
      : [],
  )
}
