// One QMP connection, from its greeting to its end.
import { Failure } from '../core/errors.js'
import type { Socket } from '../sys/socket.js'
import { checkAnswer, type Answers } from './qmpanswer.js'
import { QmpDisconnected, QmpError } from './qmperror.js'
import { lineCutter, parseMessage, type Message } from './qmpwire.js'
import type { CommandName, Commands, EventName } from './schema.js'

export type Arguments<C extends CommandName> = Commands[C]
/** What was looked at of an answer; of those that nobody reads, nothing is known. */
export type Result<C extends CommandName> = C extends keyof Answers ? ReturnType<Answers[C]> : unknown

export interface QmpEvent {
  readonly name: string
  /** QEMU's word, unseen. */
  readonly data: Readonly<Record<string, unknown>>
  /** When QEMU sent it, in milliseconds since 1970. */
  readonly atMs: number
}

/** How long a wait may take, and what ends it sooner. */
export interface Limits {
  /** How long QEMU may take to each answer; after that the call fails, and what it asked for may still happen. */
  readonly timeoutMs: number
  /** Aborting ends the session, and every wait in it, with its reason. */
  readonly signal?: AbortSignal | undefined
}

export interface CallOptions {
  /** In place of the session's, for what is known to take longer. */
  readonly timeoutMs?: number
}

/** The arguments may be left out where the command needs none. */
type Call<C extends CommandName> =
  {} extends Arguments<C> ? [args?: Arguments<C>, options?: CallOptions] : [args: Arguments<C>, options?: CallOptions]

interface Pending {
  readonly command: CommandName
  readonly sent: string
  readonly timer: NodeJS.Timeout
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

/** A session with one QEMU. Made by `connectQmp`; everyone else waits in line until it is closed, so be short. */
export class Qmp {
  /** Settles when the connection is gone, whoever ended it: after `quit`, when QEMU lets go. Never rejects. */
  readonly closed: Promise<void>

  readonly #socket: Socket
  readonly #limits: Limits
  readonly #pending = new Map<number, Pending>()
  readonly #listeners = new Set<(message: Message) => void>()
  readonly #onEnd = new Set<(error: unknown) => void>()
  readonly #abort = (): void => this.#end(this.#limits.signal?.reason)
  #lastId = 0
  #ended: { readonly error: unknown } | undefined

  private constructor(socket: Socket, limits: Limits) {
    this.#socket = socket
    this.#limits = limits
    const read = lineCutter((line) => this.#take(parseMessage(line)))
    socket.on('data', (piece: Buffer) => {
      try {
        if (this.#ended === undefined) read(piece)
      } catch (error) {
        this.#end(error)
      }
    })
    this.closed = new Promise((resolve) => {
      // Without a listener an error of the socket would end the program; `close` follows every one.
      let cause: unknown
      socket.on('error', (error) => (cause = error))
      socket.on('close', () => {
        this.#end(new QmpDisconnected('QEMU closed the QMP connection', { cause }))
        resolve()
      })
    })
    limits.signal?.addEventListener('abort', this.#abort, { once: true })
    if (limits.signal?.aborted === true) this.#abort()
  }

  /**
   * Waits for QEMU's greeting on a fresh connection and ends the negotiation, until `attempt` is aborted. `onGreeting` is
   * called between the two. `limits` are those of the session.
   */
  static async open(socket: Socket, limits: Limits, attempt: AbortSignal, onGreeting: () => void): Promise<Qmp> {
    const qmp = new Qmp(socket, limits)
    const stop = (): void => qmp.#end(attempt.reason)
    attempt.addEventListener('abort', stop, { once: true })
    if (attempt.aborted) stop()
    try {
      await qmp.#next((message) => message.kind === 'greeting', 'a greeting')
      onGreeting()
      // However long QEMU takes here, the attempt is the limit.
      await qmp.execute('qmp_capabilities', {}, { timeoutMs: 2 ** 31 - 1 })
      return qmp
    } catch (error) {
      qmp.#end(error)
      throw error
    } finally {
      attempt.removeEventListener('abort', stop)
    }
  }

  /**
   * Sends a command and returns what is used of QEMU's answer. Several may be under way at once; QEMU does them in order.
   * Rejects with QmpError when QEMU refuses, with QmpDisconnected when no answer comes, with a Failure when the answer is none.
   */
  execute<C extends CommandName>(command: C, ...[args, options]: Call<C>): Promise<Result<C>> {
    const id = ++this.#lastId
    const sent = JSON.stringify({ execute: command, arguments: args, id })
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) {
        reject(this.#isAborted() ? this.#ended.error : unsent(command, this.#ended.error))
        return
      }
      const timeoutMs = options?.timeoutMs ?? this.#limits.timeoutMs
      const timer = setTimeout(() => {
        this.#pending.delete(id)
        reject(new QmpDisconnected(`QEMU did not answer ${command} within ${timeoutMs} ms`))
      }, timeoutMs)
      this.#pending.set(id, { command, sent, timer, resolve: resolve as (value: unknown) => void, reject })
      this.#socket.write(`${sent}\n`)
    })
  }

  /**
   * Waits for the next event of that name, `matching` where given. Call it before the command that causes the event, and
   * await it after. Rejects when the connection ends first, or after `timeoutMs`, where that is given.
   */
  waitFor(
    name: EventName,
    { matching = () => true, timeoutMs }: { readonly timeoutMs?: number; readonly matching?: (event: QmpEvent) => boolean } = {},
  ): Promise<QmpEvent> {
    const fits = (message: Message): boolean => message.kind === 'event' && message.name === name && matching(eventOf(message))
    const event = this.#next(fits, name, timeoutMs).then(eventOf)
    // Whoever gives up before awaiting it has another error to tell.
    event.catch(() => {})
    return event
  }

  /** Ends the connection; calls that are still open fail. QEMU goes on. */
  close(): void {
    this.#end(new QmpDisconnected('the QMP connection was closed by nbsvm'))
  }

  #isAborted(): boolean {
    return this.#limits.signal?.aborted === true
  }

  /** The next message that fits. */
  #next(fits: (message: Message) => boolean, what: string, timeoutMs?: number): Promise<Message> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer)
        this.#listeners.delete(listener)
        this.#onEnd.delete(fail)
      }
      const listener = (message: Message): void => {
        if (!fits(message)) return
        settle()
        resolve(message)
      }
      const fail = (error: unknown): void => {
        settle()
        reject(error)
      }
      const late = (): void => fail(new Failure(`QEMU did not send ${what} within ${timeoutMs} ms`, { code: 'TIMEOUT' }))
      const timer = timeoutMs === undefined ? undefined : setTimeout(late, timeoutMs)
      if (this.#ended !== undefined) {
        fail(this.#ended.error)
        return
      }
      this.#listeners.add(listener)
      this.#onEnd.add(fail)
    })
  }

  #take(message: Message | undefined): void {
    if (message === undefined) return
    if (message.kind === 'return' || message.kind === 'error') {
      this.#answer(message)
      return
    }
    for (const listener of this.#listeners) listener(message)
  }

  #answer(message: Extract<Message, { kind: 'return' | 'error' }>): void {
    const { id } = message
    const call = id === undefined ? undefined : this.#pending.get(id)
    if (id === undefined || call === undefined) {
      // An answer to a call that gave up is late, not wrong; anything else is not about us.
      if (id !== undefined && id > 0 && id <= this.#lastId) return
      const why = message.kind === 'error' ? message.desc : 'an answer to nothing'
      throw new QmpDisconnected(`QEMU did not understand what nbsvm sent: ${why}`)
    }
    this.#pending.delete(id)
    clearTimeout(call.timer)
    if (message.kind === 'error') {
      call.reject(new QmpError(call.command, call.sent, message))
      return
    }
    try {
      call.resolve(checkAnswer(call.command, message.value))
    } catch (error) {
      call.reject(error)
    }
  }

  #end(error: unknown): void {
    if (this.#ended !== undefined) return
    this.#ended = { error }
    this.#limits.signal?.removeEventListener('abort', this.#abort)
    this.#socket.destroy()
    for (const call of this.#pending.values()) {
      clearTimeout(call.timer)
      call.reject(this.#isAborted() ? error : unanswered(call.command, error))
    }
    this.#pending.clear()
    for (const fail of this.#onEnd) fail(error)
  }
}

function eventOf(message: Message): QmpEvent {
  if (message.kind !== 'event') throw new Error(`a ${message.kind} is no event`)
  return { name: message.name, data: message.data, atMs: message.atMs }
}

function unsent(command: string, cause: unknown): QmpDisconnected {
  return new QmpDisconnected(`cannot send ${command} to QEMU`, { cause })
}

function unanswered(command: string, cause: unknown): QmpDisconnected {
  return new QmpDisconnected(`QEMU did not answer ${command}`, { cause })
}
