// A session with the agent in a guest: qemu-guest-agent, on a serial port that QEMU leads to a socket. The agent knows no clients:
// what one has left unread, or half said, the next one meets. So each session begins with a handshake, and one command is given at
// a time.
import { Failure } from '../core/errors.js'
import { deadlineIn, pause } from '../sys/clock.js'
import { randomBelow } from '../sys/crypto.js'
import { connect, type Socket } from '../sys/socket.js'
import { checkAgentAnswer, type AgentCommand, type AgentResult } from './agentanswer.js'
import { lineReader, parseAnswer, type LineReader } from './agentwire.js'

/** The agent understood a command and refused it. */
export class AgentRefused extends Failure {
  override readonly code = 'AGENT_REFUSED'
  /** The agent's class of error: `GenericError`, `CommandNotFound`, ... */
  readonly class: string
  /** The agent's own words. */
  readonly desc: string

  constructor(command: string, answer: { readonly class: string; readonly desc: string }) {
    super(`the guest agent refused ${command}: ${answer.desc}`)
    this.class = answer.class
    this.desc = answer.desc
  }
}

/** There is no agent, it has ended, or it does not answer: nobody knows whether what was asked has been done. */
export class AgentSilent extends Failure {
  override readonly code = 'AGENT_SILENT'
}

export interface AgentOptions {
  /** Asked after a moment without a word, and then each second: why no agent can answer; undefined where one should. */
  readonly whyNot?: () => Promise<Failure | undefined>
  /** How long the handshake may take; 10 s where it is not said. */
  readonly handshakeMs?: number
  /** Aborting ends the wait for the agent, with its reason. What goes on then is ended by who does it. */
  readonly signal?: AbortSignal | undefined
}

export interface AskOptions {
  /** An answer that is longer is refused. */
  readonly maxBytes?: number
  /** How long nothing may come; 10 s where it is not said. */
  readonly silenceMs?: number
  /** However much comes meanwhile, the answer must be there by then; 10 minutes where it is not said. */
  readonly timeoutMs?: number
  /** Aborting ends the session, with its reason. */
  readonly signal?: AbortSignal | undefined
}

/** An agent that is heard. */
export interface Agent {
  /** Gives a command. Rejects with AgentRefused, with AgentSilent where no answer comes, with a Failure where it is none. */
  ask<C extends AgentCommand>(command: C, args?: object, options?: AskOptions): Promise<AgentResult<C>>
  /** Gives a command that is not answered where it works. */
  tell(command: string, args?: object): Promise<void>
}

/**
 * Has the agent for as long as `work` takes; others wait meanwhile, so that should be a second at most. `anyway` is for undoing
 * things: also where the caller has given up.
 */
export type Turn = <T>(work: (agent: Agent) => Promise<T>, how?: 'anyway') => Promise<T>

/** So long somebody who has more to do keeps the agent from others. */
const turnMs = 1000

/** Takes step after step, in as many turns as that needs, until one says that it was the last. */
export async function inTurns(turn: Turn, step: (agent: Agent) => Promise<'more' | 'done'>): Promise<void> {
  const takeSteps = async (agent: Agent): Promise<'more' | 'done'> => {
    const end = deadlineIn(turnMs)
    for (;;) {
      const state = await step(agent)
      if (state === 'done' || end.isOver) return state
    }
  }
  while ((await turn(takeSteps)) === 'more');
}

const longestSilenceMs = 10_000
const longestAnswerMs = 600_000
const usualBytes = 1024 * 1024

/** An agent that is there answers a handshake within some ms; after this it is asked whether it is. */
const firstLookMs = 250
const lookAgainMs = 1000

/** Connects, shakes hands, does what `work` does, and leaves, whatever happens. */
export async function withAgent<T>(socketPath: string, options: AgentOptions, work: (agent: Agent) => Promise<T>): Promise<T> {
  options.signal?.throwIfAborted()
  const session = new Session(await connect(socketPath), options)
  try {
    await session.shakeHands()
    session.goOn()
    return await work(session)
  } finally {
    session.close()
  }
}

class Session implements Agent {
  readonly #socket: Socket
  readonly #options: AgentOptions
  readonly #reader: LineReader
  #heardMs = 0
  #onLine: (line: Buffer) => void = () => {}
  #onEnd: (error: unknown) => void = () => {}
  #ended: { readonly error: unknown } | undefined
  readonly #abort = (): void => this.#end(this.#options.signal?.reason)

  constructor(socket: Socket, options: AgentOptions) {
    this.#socket = socket
    this.#options = options
    this.#reader = lineReader((line) => this.#onLine(line))
    let cause: unknown
    socket.on('data', (piece: Buffer) => this.#take(piece))
    socket.on('error', (error) => (cause = error))
    socket.on('close', () => this.#end(new AgentSilent('QEMU closed the connection to the guest agent', { cause })))
    options.signal?.addEventListener('abort', this.#abort, { once: true })
    if (options.signal?.aborted === true) this.#abort()
  }

  /**
   * Says 0xFF, which ends whatever another client has begun, and waits for the number that goes with it: all before is not for us.
   * Said again with another number where no answer comes: the first may have been lost with what was on its way to others.
   */
  async shakeHands(): Promise<void> {
    const { handshakeMs = longestSilenceMs } = this.#options
    const patience = deadlineIn(handshakeMs)
    for (let waitMs = 1000; ; waitMs *= 2) {
      const id = randomBelow(2 ** 31)
      const isOurs = (line: Buffer): true | undefined => (isReturn(line, id) ? true : undefined)
      const isLast = waitMs >= patience.leftMs
      const limits = { timeoutMs: isLast ? patience.leftMs : waitMs, silenceMs: Infinity }
      this.#reader.expect('sync')
      this.#send('guest-sync-delimited', { id }, '\u00FF')
      try {
        await this.#next(isOurs, 'guest-sync-delimited', limits)
        return
      } catch (error) {
        if (!(error instanceof TooLate)) throw error
        if (isLast) throw tooLate('guest-sync-delimited', handshakeMs)
      }
    }
  }

  /** From here on only who works with the agent says when it is over. */
  goOn(): void {
    this.#options.signal?.removeEventListener('abort', this.#abort)
  }

  async ask<C extends AgentCommand>(command: C, args?: object, options: AskOptions = {}): Promise<AgentResult<C>> {
    this.#reader.expect({ maxBytes: options.maxBytes ?? usualBytes })
    this.#send(command, args)
    const { silenceMs = longestSilenceMs, timeoutMs = longestAnswerMs, signal } = options
    const answer = await this.#next(parseAnswer, command, { timeoutMs, silenceMs, signal })
    if (answer.kind === 'error') throw new AgentRefused(command, answer)
    return checkAgentAnswer(command, answer.value)
  }

  async tell(command: string, args?: object): Promise<void> {
    this.#reader.expect({ maxBytes: usualBytes })
    this.#send(command, args)
    const limits = { timeoutMs: noAnswerMs, silenceMs: Infinity }
    // It was there a moment ago: whatever ends it now, and the guest with it, is what it was told.
    const answer = await this.#next(parseAnswer, command, limits).catch(() => undefined)
    if (answer?.kind === 'error') throw new AgentRefused(command, answer)
  }

  close(): void {
    this.#end(new AgentSilent('the connection to the guest agent was closed by nbsvm'))
  }

  /** `lead` is bytes, not text. */
  #send(command: string, args: object | undefined, lead = ''): void {
    if (this.#ended !== undefined) return
    if (lead !== '') this.#socket.write(lead, 'latin1')
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`)
  }

  #take(piece: Buffer): void {
    if (this.#ended !== undefined) return
    this.#heardMs = performance.now()
    try {
      this.#reader.push(piece)
    } catch (error) {
      this.#end(error)
    }
  }

  /** The next line of which `read` makes something. What it throws ends the session. */
  async #next<T>(read: (line: Buffer) => T | undefined, command: string, limits: Limits): Promise<T> {
    const over = new AbortController()
    const { signal } = limits
    const stop = (): void => this.#end(signal?.reason)
    signal?.addEventListener('abort', stop, { once: true })
    if (signal?.aborted === true) stop()
    const line = new Promise<T>((resolve, reject) => {
      this.#onEnd = reject
      if (this.#ended !== undefined) reject(this.#ended.error)
      this.#onLine = (bytes) => {
        const found = read(bytes)
        if (found !== undefined) resolve(found)
      }
    })
    try {
      return await Promise.race([line, this.#watch(command, limits, over.signal)])
    } finally {
      over.abort()
      signal?.removeEventListener('abort', stop)
      this.#onLine = () => {}
      this.#onEnd = () => {}
    }
  }

  /** Rejects when it has taken too long, or nobody is there. Ends quietly with `signal`. */
  async #watch(command: string, { timeoutMs, silenceMs }: Limits, signal: AbortSignal): Promise<never> {
    this.#heardMs = performance.now()
    const deadline = deadlineIn(timeoutMs)
    for (let lookMs = firstLookMs; ; lookMs = lookAgainMs) {
      await pause(Math.min(lookMs, deadline.leftMs), signal)
      if (deadline.isOver) throw tooLate(command, timeoutMs)
      const quietMs = performance.now() - this.#heardMs
      if (quietMs < firstLookMs / 2) continue
      const why = await this.#options.whyNot?.().catch(() => undefined)
      if (why !== undefined) throw why
      if (quietMs >= silenceMs) throw tooLate(command, quietMs)
    }
  }

  #end(error: unknown): void {
    if (this.#ended !== undefined) return
    this.#ended = { error }
    this.goOn()
    this.#socket.destroy()
    this.#onEnd(error)
  }
}

/** How long a command that works without an answer is watched for being refused. */
const noAnswerMs = 500

/** How long an answer may take, whatever comes meanwhile, and how long nothing at all may come. */
interface Limits {
  readonly timeoutMs: number
  readonly silenceMs: number
  readonly signal?: AbortSignal | undefined
}

class TooLate extends AgentSilent {}

function tooLate(command: string, ms: number): TooLate {
  return new TooLate(`the guest agent did not answer ${command} within ${Math.round(ms)} ms`)
}

function isReturn(line: Buffer, id: number): boolean {
  try {
    const answer = parseAnswer(line)
    return answer?.kind === 'return' && answer.value === id
  } catch {
    return false
  }
}
