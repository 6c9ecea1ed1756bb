// How a call gets to the thread that does it, and its result back.
import type { Environment } from '../sys/environment.js'
import type { Calls, Streams } from './calls/calls.js'
import { Channel, revived, type Along } from './channel.js'
import { AbortError } from './options.js'
import type { Request } from './wire.js'

type ArgsOf<F> = F extends (call: never, ...args: infer A) => unknown ? A : never
type ResultOf<F> = F extends (call: never, ...args: never) => Promise<infer R> ? R : never
type ItemOf<F> = F extends (call: never, ...args: never) => AsyncIterable<infer I> ? I : never

/** What a call is made through. */
export interface Link {
  /** Rejects with an AbortError where the call was given up. */
  call<N extends keyof Calls>(name: N, along: Along, ...args: ArgsOf<Calls[N]>): Promise<ResultOf<Calls[N]>>
  stream<N extends keyof Streams>(name: N, along: Along, ...args: ArgsOf<Streams[N]>): AsyncGenerator<ItemOf<Streams[N]>, void>
}

/** A thread for each world that is asked for: there is one, usually. */
const links = new Map<string | undefined, Link>()

/** The link to a thread that sees these variables; without them those of the process. */
export function threadLink(environment?: Environment): Link {
  const key = JSON.stringify(environment)
  const link = links.get(key) ?? linkOver(new Channel(environment))
  links.set(key, link)
  return link
}

function linkOver(channel: Channel): Link {
  return {
    async call(name, along, ...args) {
      const { id, end } = channel.begin(along)
      try {
        const answer = await channel.ask(requestOf(id, name, along, args))
        return revived(answer.kind === 'done' ? answer.value : undefined) as never
      } finally {
        end()
      }
    },
    async *stream(name, along, ...args) {
      const { id, end } = channel.begin(along)
      let isOver = false
      try {
        let answer = await channel.ask(requestOf(id, name, along, args))
        while (answer.kind === 'items') {
          for (const item of answer.items) {
            // What was read ahead is not given any more.
            if (along.signal?.aborted === true) throw new AbortError(along.signal.reason)
            yield revived(item) as never
          }
          answer = await channel.ask({ kind: 'next', id })
        }
        isOver = true
      } finally {
        end()
        if (!isOver) channel.post({ kind: 'leave', id })
      }
    },
  }
}

function requestOf(id: number, name: string, { target, hooks = {}, input }: Along, args: readonly unknown[]): Request {
  const wanted = Object.keys(hooks).filter((hook) => hooks[hook] !== undefined)
  return { kind: 'call', id, name, target, args, hooks: wanted, hasInput: input !== undefined }
}
