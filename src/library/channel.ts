// The thread that does what is asked, and the calls that are not over: what is asked, answered and told goes through here.
import type { Environment } from '../sys/environment.js'
import { libraryThread } from '../sys/self.js'
import { startThread, type Thread } from '../sys/thread.js'
import { AbortError } from './options.js'
import { packError, unpackError, type Request, type Response, type Target } from './wire.js'

// oxlint-disable-next-line typescript/no-explicit-any -- each function of a call takes other words
type Hook = (...args: any[]) => void

/** Looked for as this is loaded: a call looks at no file in its caller's thread. */
const threadFile = libraryThread()

/** What goes along with a call besides its arguments. */
export interface Along {
  readonly target?: Target
  readonly signal?: AbortSignal | undefined
  /** Functions that are told something meanwhile; those that are undefined are not. */
  readonly hooks?: Readonly<Record<string, Hook | undefined>>
  /** Input, asked for piece by piece. */
  readonly input?: AsyncIterable<Uint8Array> | undefined
}

export type Answer = Extract<Response, { kind: 'done' | 'items' }>

/** A call that is not over. */
interface Pending {
  readonly along: Along
  /** Settles what is awaited of it now. */
  settle: { readonly resolve: (answer: Answer) => void; readonly reject: (error: Error) => void } | undefined
  input?: AsyncIterator<Uint8Array> | undefined
  /** Why the thread that did it is gone: another knows nothing of it. */
  broken?: Error
}

/**
 * A thread and its calls. It is started by the first of them, keeps no program from ending where nothing is awaited, and stays until then:
 * its children are QEMUs, and without it nobody would collect those that end. One that breaks fails the calls that it had, and the next
 * starts another.
 */
export class Channel {
  readonly #environment: Environment | undefined
  readonly #pending = new Map<number, Pending>()
  #thread: Thread | undefined
  #last = 0
  #awaited = 0

  /** The variables that the thread sees; without them those of this process. */
  constructor(environment: Environment | undefined) {
    this.#environment = environment
  }

  /** Begins a call: its number, and what ends it. Throws an AbortError where it is aborted already. */
  begin(along: Along): { readonly id: number; readonly end: () => void } {
    const { signal } = along
    if (signal?.aborted === true) throw new AbortError(signal.reason)
    const id = ++this.#last
    const one: Pending = { along, settle: undefined }
    this.#pending.set(id, one)
    const onAbort = (): void => this.post({ kind: 'abort', id })
    signal?.addEventListener('abort', onAbort, { once: true })
    const end = (): void => {
      signal?.removeEventListener('abort', onAbort)
      this.#pending.delete(id)
      void one.input?.return?.().catch(() => {})
    }
    return { id, end }
  }

  /** Posts, and resolves to the answer. The program goes on at least until then. */
  async ask(request: Request): Promise<Answer> {
    const one = this.#pending.get(request.id)
    // Nobody would answer.
    if (one === undefined) throw new Error('this call of nbsvm is over')
    if (one.broken !== undefined) throw one.broken
    const answer = new Promise<Answer>((resolve, reject) => {
      one.settle = { resolve, reject }
    })
    this.post(request)
    this.#awaited++
    this.#thread?.hold(true)
    try {
      return await answer
    } finally {
      this.#awaited--
      if (this.#awaited === 0) this.#thread?.hold(false)
    }
  }

  /** What is no new call is of no use to a thread that does not know it, so only calls start one. */
  post(request: Request): void {
    if (request.kind === 'call') this.#thread ??= this.#start()
    this.#thread?.post(request)
  }

  #start(): Thread {
    return startThread(threadFile, {
      environment: this.#environment,
      onMessage: (message) => this.#take(message as Response),
      onEnd: (error) => this.#fail(error),
    })
  }

  #take(response: Response): void {
    const one = this.#pending.get(response.id)
    if (one === undefined) return
    if (response.kind === 'tell') one.along.hooks?.[response.hook]?.(...response.args.map(revived))
    else if (response.kind === 'want input') void this.#giveInput(response.id, one)
    else if (response.kind === 'failed') one.settle?.reject(failureOf(response, one.along))
    else one.settle?.resolve(response)
  }

  async #giveInput(id: number, one: Pending): Promise<void> {
    try {
      one.input ??= one.along.input?.[Symbol.asyncIterator]()
      const next = await one.input?.next()
      this.post({ kind: 'input', id, piece: next?.done === false ? next.value : undefined })
    } catch (error) {
      this.post({ kind: 'input', id, piece: undefined, error: packError(error) })
    }
  }

  #fail(error: Error): void {
    this.#thread = undefined
    for (const one of this.#pending.values()) {
      // A stream of which nothing is asked just now is told when more of it is.
      one.broken = error
      one.settle?.reject(error)
    }
  }
}

function failureOf({ isAborted, error }: Extract<Response, { kind: 'failed' }>, { signal }: Along): Error {
  return isAborted && signal?.aborted === true ? new AbortError(signal.reason) : unpackError(error)
}

/** Bytes come as Uint8Array, and are Buffers for whoever called. */
export function revived(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  for (const [name, member] of Object.entries(value))
    if (member instanceof Uint8Array) Object.assign(value, { [name]: revived(member) })
  return value
}
