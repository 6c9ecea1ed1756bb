// One QMP connection, from its greeting to its end.
import { Failure } from '../core/errors.js'
import type { Socket } from '../sys/socket.js'
import { QmpDisconnected, QmpError } from './qmperror.js'
import { lineCutter, parseMessage, type Message } from './qmpwire.js'
import type { Commands, Events } from './schema.js'

export type CommandName = keyof Commands
export type EventName = keyof Events
export type Arguments<C extends CommandName> = Commands[C]['arguments']
export type Result<C extends CommandName> = Commands[C]['result']

export interface QmpEvent<E extends EventName> {
  readonly name: E
  readonly data: Events[E]
  /** When QEMU sent it, in milliseconds since 1970. */
  readonly atMs: number
}

export interface CallOptions {
  /** How long QEMU may take to answer; then the call fails, and what it asked for may still happen. */
  readonly timeoutMs?: number
}

/** The words of a call: the arguments may be left out where the command needs none. */
type CallWords<C extends CommandName> =
  {} extends Arguments<C> ? [args?: Arguments<C>, options?: CallOptions] : [args: Arguments<C>, options?: CallOptions]

/** A QEMU that works answers within milliseconds; one whose guest saves a big state over `savevm` takes longer, and is told so. */
const callTimeoutMs = 60_000

interface Pending {
  readonly command: string
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
  readonly #pending = new Map<number, Pending>()
  readonly #listeners = new Set<(message: Message) => void>()
  readonly #onEnd = new Set<(error: unknown) => void>()
  #lastId = 0
  #ended: { readonly error: unknown } | undefined
  #version = ''

  private constructor(socket: Socket) {
    this.#socket = socket
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
  }

  /** Waits for QEMU's greeting on a fresh connection and ends the negotiation. `onGreeting` is called between the two. */
  static async open(socket: Socket, signal: AbortSignal, onGreeting: () => void): Promise<Qmp> {
    const qmp = new Qmp(socket)
    const stop = (): void => qmp.#end(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    try {
      const greeting = await qmp.#next((message) => message.kind === 'greeting', 'greeting')
      qmp.#version = greeting.kind === 'greeting' ? greeting.version : ''
      onGreeting()
      // However long QEMU takes here, the caller's signal is the limit.
      await qmp.execute('qmp_capabilities', {}, { timeoutMs: 2 ** 31 - 1 })
      return qmp
    } catch (error) {
      qmp.#end(error)
      throw error
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  /** QEMU's version: `7.2.22`. */
  get version(): string {
    return this.#version
  }

  /**
   * Sends a command and returns QEMU's answer. Several may be under way at once; QEMU does them in order. Rejects with
   * QmpError when QEMU refuses, with QmpDisconnected when the connection ends before the answer.
   */
  execute<C extends CommandName>(command: C, ...[args, options]: CallWords<C>): Promise<Result<C>> {
    const id = ++this.#lastId
    const sent = JSON.stringify({ execute: command, arguments: args, id })
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) {
        reject(unsent(command, this.#ended.error))
        return
      }
      const timeoutMs = options?.timeoutMs ?? callTimeoutMs
      const timer = setTimeout(() => {
        this.#pending.delete(id)
        reject(new QmpDisconnected(`QEMU did not answer ${command} within ${timeoutMs} ms`))
      }, timeoutMs)
      this.#pending.set(id, { command, sent, timer, resolve, reject })
      this.#socket.write(`${sent}\n`)
    })
  }

  /** Calls `handler` for each event of that name from now on. Returns the function that ends it. */
  on<E extends EventName>(name: E, handler: (event: QmpEvent<E>) => void): () => void {
    const listener = (message: Message): void => {
      if (message.kind === 'event' && message.name === name) handler(eventOf<E>(message))
    }
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Waits for the next event of that name, `matching` where given. Call it before the command that causes the event, and
   * await it after. Rejects when the connection ends first, or after `timeoutMs`.
   */
  waitFor<E extends EventName>(
    name: E,
    options: { readonly timeoutMs?: number; readonly matching?: (event: QmpEvent<E>) => boolean } = {},
  ): Promise<QmpEvent<E>> {
    const { matching = () => true, timeoutMs } = options
    const fits = (message: Message): boolean => message.kind === 'event' && message.name === name && matching(eventOf<E>(message))
    const event = this.#next(fits, name, timeoutMs).then((message) => eventOf<E>(message))
    // Whoever gives up before awaiting it has another error to tell.
    event.catch(() => {})
    return event
  }

  /** Ends the connection; calls that are still open fail. QEMU goes on. */
  close(): void {
    this.#end(new QmpDisconnected('the QMP connection was closed by nbsvm'))
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
      const late = (): void => fail(new Failure(`QEMU did not send ${what} within ${timeoutMs} ms`))
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
      const words = message.kind === 'error' ? message.desc : 'an answer to nothing'
      throw new QmpDisconnected(`QEMU did not understand what nbsvm sent: ${words}`)
    }
    this.#pending.delete(id)
    clearTimeout(call.timer)
    if (message.kind === 'return') call.resolve(message.value)
    else call.reject(new QmpError(call.command, call.sent, message))
  }

  #end(error: unknown): void {
    if (this.#ended !== undefined) return
    this.#ended = { error }
    this.#socket.destroy()
    for (const call of this.#pending.values()) {
      clearTimeout(call.timer)
      call.reject(unanswered(call.command, error))
    }
    this.#pending.clear()
    for (const fail of this.#onEnd) fail(error)
  }
}

function eventOf<E extends EventName>(message: Message): QmpEvent<E> {
  if (message.kind !== 'event') throw new Error(`a ${message.kind} is no event`)
  return { name: message.name as E, data: message.data as Events[E], atMs: message.atMs }
}

function unsent(command: string, cause: unknown): QmpDisconnected {
  return new QmpDisconnected(`cannot send ${command} to QEMU`, { cause })
}

function unanswered(command: string, cause: unknown): QmpDisconnected {
  return new QmpDisconnected(`QEMU did not answer ${command}`, { cause })
}
